//! A change of the identity or the members: its line in the audit log, and then the re-encryption.
//!
//! A change of the identity concerns all vaults that the user has registered.

use std::sync::Arc;

use fluvio_secret_protocol::{Reencrypted, Reencrypting, Refusal, Unfinished};
use fluvio_secret_vault::{
    ReencryptStep, RegisteredVault, Rekey, Rekeyed, SignatureUpgrade, VaultError,
};

use super::handle::Caller;
use super::opening::{self, OpenedOther};
use super::rekey_refusals::admission_of_key;
use super::{Service, follow, refusals};
use crate::audit::AuditEvent;

/// Encrypts one vault again.
pub(super) fn reencrypt(
    service: &Service,
    event: AuditEvent,
    prepared: Result<Rekey<'_>, VaultError>,
    caller: &Caller<'_>,
) -> Result<Reencrypted, Refusal> {
    let rekey = prepared.map_err(refusals::vault)?;
    service.audit.record(event, caller.actor(), &[], &rekey.about)?;
    let done = rekey.commit(&mut |step| report(service, step, caller)).map_err(refusals::vault)?;
    Ok(reencrypted(service, done))
}

/// Signs everything in a vault that has no signature.
pub(super) fn upgrade(service: &Service, caller: &Caller<'_>) -> Result<Reencrypted, Refusal> {
    let upgrade = SignatureUpgrade::prepare(&service.vault).map_err(refusals::vault)?;
    service.audit.record(AuditEvent::UpgradeVault, caller.actor(), &[], &[])?;
    let done = upgrade.commit(&mut |step| report(service, step, caller));
    Ok(reencrypted(service, done.map_err(refusals::vault)?))
}

fn reencrypted(service: &Service, done: Rekeyed) -> Reencrypted {
    // The next daemon has to know the new fingerprints.
    follow::follow(service, None);
    service.grants.store();
    service.subscribers.report_any();
    Reencrypted {
        secrets: done.secrets,
        versions: done.versions,
        members: done.members,
        left: done.left,
        identity: service.vault.keys().path().display().to_string(),
        own: done.own,
        kept: done.kept.map(|path| path.display().to_string()),
        finished: done.finished,
        changed: Vec::new(),
        waiting: Vec::new(),
        others: Vec::new(),
        more_others: 0,
    }
}

/// Changes the identity, and encrypts the personal vault and then all others again.
pub(super) fn reencrypt_all(
    personal: &Service,
    event: AuditEvent,
    prepared: Result<Rekey<'_>, VaultError>,
    drops_history: bool,
    caller: &Caller<'_>,
) -> Result<Reencrypted, Refusal> {
    let mut done = reencrypt(personal, event, prepared, caller)?;
    done.waiting.extend(waiting(personal));
    for (registered, opened) in others(personal)? {
        let resumed = opened.and_then(|other| resume(&other, event, drops_history, caller));
        match resumed {
            Ok(None) => done.waiting.extend(waiting_other(personal, &registered)),
            Ok(Some(more)) => {
                add(&mut done, more);
                done.changed.push(registered.path);
            }
            Err(refusal) => done.others.push(format!("{}: {refusal}", registered.path)),
        }
    }
    done.limit_others();
    Ok(done)
}

/// Finishes a change of the identity in vaults that could not be opened then; `None` if it was finished in all.
pub(super) fn finish_others(
    personal: &Service,
    drops_history: bool,
    caller: &Caller<'_>,
) -> Result<Option<Reencrypted>, Refusal> {
    let mut done: Option<Reencrypted> = None;
    for (registered, opened) in others(personal)? {
        let Ok(opened) = opened else { continue };
        let Some(more) = resume(&opened, AuditEvent::Rotate, drops_history, caller)? else {
            continue;
        };
        // The end of a change of the members is no rotation.
        let is_of_identity = more.finished == Some(Unfinished::Identity);
        match &mut done {
            Some(done) => add(done, more),
            None if is_of_identity => done = Some(more),
            None => continue,
        }
        if let Some(done) = &mut done {
            done.changed.push(registered.path);
        }
    }
    if let Some(done) = &mut done {
        done.limit_others();
    }
    Ok(done)
}

/// The registered vaults, opened.
pub(super) fn others(personal: &Service) -> Result<Vec<OpenedOther>, Refusal> {
    match personal.this.upgrade() {
        Some(personal) => opening::registered(&personal),
        None => Err(refusals::internal()),
    }
}

/// How a registered vault gets the new key, if its list has an old one.
fn waiting_other(personal: &Service, registered: &RegisteredVault) -> Option<String> {
    let is_it = |other: &Arc<Service>| other.registered.as_ref() == Some(registered);
    waiting(&*personal.shared.all().into_iter().find(is_it)?)
}

/// How a vault gets the new key, if its list has an old one: this machine is no admin there.
fn waiting(service: &Service) -> Option<String> {
    let own = service.vault.own_recipients().ok()?;
    let members = service.vault.listed_members().ok()?.members;
    let mut ours = members.iter().filter(|member| member.own && !member.requested);
    let has_retired =
        ours.any(|one| own.iter().skip(1).any(|key| key.to_string() == one.recipient));
    let path = service.vault.path();
    let step = || admission_of_key(path, service.registered.is_none());
    has_retired.then(|| format!("{}: {}", path.display(), step()))
}

fn resume(
    service: &Service,
    event: AuditEvent,
    drops_history: bool,
    caller: &Caller<'_>,
) -> Result<Option<Reencrypted>, Refusal> {
    let resumed = Rekey::resume(&service.vault, drops_history).map_err(refusals::vault)?;
    resumed.map(|rekey| reencrypt(service, event, Ok(rekey), caller)).transpose()
}

fn add(done: &mut Reencrypted, more: Reencrypted) {
    done.secrets += more.secrets;
    done.versions += more.versions;
    done.left.extend(more.left);
    done.left.truncate(fluvio_secret_protocol::limits::LEFT_NAMES);
}

/// Reports the progress to the client, and to subscribers that their secrets have the same values. Lets other
/// clients change secrets in between.
fn report(service: &Service, step: ReencryptStep<'_>, caller: &Caller<'_>) {
    match step {
        ReencryptStep::Same { name, before, after } => {
            follow::keep_value(service, name, before, after);
            for user in follow::users_of(service) {
                user.subscribers.expect_same(name, before, after);
            }
        }
        ReencryptStep::Pause => (caller.change_others)(),
        ReencryptStep::Done { names, done, all } => {
            service.subscribers.report_names(names);
            service.subscribers.check(names);
            caller.send(Reencrypting { done, all });
        }
    }
}
