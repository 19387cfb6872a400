//! The identity: its passphrase, and the key that the daemon keeps while the vault is unlocked.

use std::path::Path;
use std::time::Duration;

use fluvio_secret_protocol::{
    GetKey, Key, Lock, Locked, Passphrase, Reencrypted, Refusal, Retire, Rotate, Secret, Unlock,
    Unlocked, UseIdentity,
};
use fluvio_secret_system::path_text;
use fluvio_secret_vault::{BootInstant, KeyError, KeyState, Rekey, Retirement};
use jiff::Timestamp;

use super::handle::{Caller, Handle};
use super::reencrypt::{finish_others, others, reencrypt_all};
use super::{Service, deliveries, follow, refusals};
use crate::audit::{Actor, AuditEvent};
use crate::credential;

impl Handle for GetKey {
    fn handle(self, service: &Service, _: &mut Caller<'_>) -> Result<Key, Refusal> {
        describe_all(service)
    }
}

impl Handle for Lock {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Locked, Refusal> {
        service.vault.keys().lock().map_err(|error| match &error {
            KeyError::Open => {
                let is_external = service.vault.keys().refuse_if_external().is_err();
                refusals::lock_protects_nothing(service.vault.keys().path(), is_external)
            }
            error => refusals::key(error, service.vault.keys().path()),
        })?;
        deliveries::wait(service);
        // Not before it: a log that is full must not keep the vault unlocked.
        let recorded = service.audit.record(AuditEvent::Lock, caller.actor(), &[], &[]);
        recorded.map_err(|error| refusals::locked_without_line(error.into()))?;
        Ok(Locked)
    }
}

/// Locks the vault when its time is over. Returns how long it stays unlocked; `None` if it never locks by
/// itself.
pub(crate) fn lock_when_due(service: &Service) -> Option<Duration> {
    if service.vault.keys().lock_when_due() {
        deliveries::wait(service);
        tracing::info!("the vault was locked: its time is up");
        if let Err(error) = service.audit.record(AuditEvent::Lock, this_daemon(), &[], &[]) {
            tracing::warn!(
                "the vault was locked, but the audit log has no line: {}",
                Refusal::from(error)
            );
        }
    }
    service.vault.keys().due().map(BootInstant::left)
}

fn this_daemon() -> Actor<'static> {
    let pid = rustix::process::getpid().as_raw_nonzero().get();
    Actor { pid, ..Actor::default() }
}

/// Unlocks the vault when the daemon starts, if the service manager has the passphrase. Other threads wait for that:
/// a connector that starts at once must not find the vault locked. After a `lock`, only you unlock it.
pub(crate) fn begin(service: &Service) {
    service.shared.began.get_or_init(|| {
        if credential::has_relative_directory() && service.vault.keys().state() == KeyState::Locked
        {
            let why = "CREDENTIALS_DIRECTORY is not an absolute path, so no credential was read";
            tracing::warn!("{why}");
            return Some(why.to_owned());
        }
        let path = credential::passphrase_file()?;
        if service.vault.keys().state() != KeyState::Locked {
            tracing::info!("there is no need for the credential {}", path.display());
            return None;
        }
        let refusal = unlock_with(service, &path).err()?;
        let path = path.display();
        tracing::warn!("the credential {path} does not unlock the vault: {refusal}");
        Some(format!("the credential {path} did not unlock it: {refusal}"))
    });
}

/// For no limited time: after that, the credential would still be there.
fn unlock_with(service: &Service, credential: &Path) -> Result<(), Refusal> {
    let refused = |error| refusals::key(&error, service.vault.keys().path());
    let lock_requests = service.vault.keys().lock_requests();
    let passphrase = credential::read(credential);
    let passphrase = passphrase.map_err(|error| refusals::no_passphrase(&error.to_string()))?;
    let opened = service.vault.keys().open(text(&passphrase)?).map_err(refused)?;
    // In a container, the directory may be read-only.
    if let Err(error) = service.vault.remember(&opened.recipient()) {
        tracing::warn!("{error}");
    }
    service.audit.record(AuditEvent::Unlock, this_daemon(), &[], &[])?;
    service.vault.keys().unlock(opened, None, lock_requests).map_err(refused)?;
    tracing::info!("unlocked the vault with the credential {}", credential.display());
    follow::follow_all(service);
    Ok(())
}

impl Handle for Unlock {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Unlocked, Refusal> {
        let passphrase = text(&self.passphrase)?;
        let refused = |error| refuse_key(service, caller, &error);
        // Before the check of the passphrase: it takes a second, which other clients wait for.
        if service.vault.keys().lock_requests() != caller.lock_requests {
            return Err(refused(KeyError::Locked));
        }
        let opened = service.vault.keys().open(passphrase).map_err(refused)?;
        service.vault.remember(&opened.recipient()).map_err(refusals::vault)?;
        service.audit.record(AuditEvent::Unlock, caller.actor(), &[], &[])?;
        let after = self.seconds.map(Duration::from_secs).or(service.shared.settings.lock_after);
        let until = after.map(BootInstant::after);
        service.vault.keys().unlock(opened, until, caller.lock_requests).map_err(refused)?;
        follow::follow_all(service);
        Ok(Unlocked { until: until.map(seconds) })
    }
}

impl Handle for Passphrase {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Key, Refusal> {
        let old = self.old.as_ref().map(text).transpose()?;
        let new = self.new.as_ref().map(text).transpose()?;
        new.map_or(Ok(()), refuse_unfit)?;
        let refused = |error| refuse_key(service, caller, &error);
        let rewritten = service.vault.keys().rewrite(old, new).map_err(refused)?;
        let own = rewritten.recipient();
        service.vault.remember(&own).map_err(refusals::vault)?;
        service.audit.record(AuditEvent::Passphrase, caller.actor(), &[], &[])?;
        let until = service.shared.settings.lock_after.map(BootInstant::after);
        service.vault.keys().replace(rewritten, until, caller.lock_requests).map_err(refused)?;
        // It may have been locked.
        follow::follow_all(service);
        Ok(describe(service, Some(own.to_string())))
    }
}

impl Handle for Retire {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Key, Refusal> {
        let passphrase = self.passphrase.as_ref().map(text).transpose()?;
        let known = service.shared.registry.refuse_if_any_is_forgotten();
        known.map_err(|error| refusals::registry(&error))?;
        let others = others(service)?.into_iter().map(|(_, other)| other);
        let others: Vec<_> = others.collect::<Result<_, _>>()?;
        let vaults: Vec<_> = others.iter().map(|other| &other.vault).collect();
        let prepared = Retirement::prepare(&service.vault, &vaults, passphrase, until(service));
        let retirement = prepared.map_err(refusals::vault)?;
        service.audit.record(AuditEvent::Retire, caller.actor(), &[], &retirement.retired)?;
        retirement.commit().map_err(refusals::vault)?;
        describe_all(service)
    }
}

impl Handle for Rotate {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Reencrypted, Refusal> {
        let passphrase = self.passphrase.as_ref().map(text).transpose()?;
        if let Some(finished) = finish_others(service, self.drop_history, caller)? {
            return Ok(finished);
        }
        let prepared = Rekey::rotate(&service.vault, self.drop_history, passphrase, until(service));
        reencrypt_all(service, AuditEvent::Rotate, prepared, self.drop_history, caller)
    }
}

impl Handle for UseIdentity {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Reencrypted, Refusal> {
        let passphrase = self.passphrase.as_ref().map(text).transpose()?;
        let identity = self.identity.expose();
        // A change of the identity that leaves out the other vaults would have to be finished by hand.
        service.shared.registry.list().map_err(|error| refusals::registry(&error))?;
        let prepared = Rekey::use_identity(&service.vault, identity, passphrase, until(service));
        reencrypt_all(service, AuditEvent::UseIdentity, prepared, false, caller)
    }
}

fn describe_all(service: &Service) -> Result<Key, Refusal> {
    let recipient = service.vault.recipient().map_err(refusals::vault)?;
    let lost = service.vault.has_lost_identity().map_err(refusals::vault)?;
    let retired = service.vault.retired_keys().map_err(refusals::vault)?;
    Ok(Key { lost, retired, ..describe(service, recipient) })
}

/// Describes the identity without its retired keys.
fn describe(service: &Service, recipient: Option<String>) -> Key {
    Key {
        identity: path_text::unambiguous(service.vault.keys().path()),
        recipient,
        passphrase: match service.vault.keys().state() {
            KeyState::None => None,
            KeyState::Open => Some(false),
            KeyState::Locked | KeyState::Unlocked(_) => Some(true),
        },
        lost: false,
        retired: Vec::new(),
    }
}

/// Until when a new identity with a passphrase is kept: as long as the current one.
fn until(service: &Service) -> Option<BootInstant> {
    match service.vault.keys().state() {
        KeyState::Unlocked(until) => until,
        _ => service.shared.settings.lock_after.map(BootInstant::after),
    }
}

fn refuse_key(service: &Service, caller: &Caller<'_>, error: &KeyError) -> Refusal {
    if let KeyError::Wrong = error {
        tracing::warn!("pid {} sent a wrong passphrase", caller.peer.pid);
    }
    refusals::key(error, service.vault.keys().path())
}

/// An instant by the calendar's clock.
pub(super) fn seconds(until: BootInstant) -> i64 {
    let left = i64::try_from(until.left().as_secs()).unwrap_or(i64::MAX);
    Timestamp::now().as_second().saturating_add(left)
}

/// A passphrase as stock age takes it.
fn text(passphrase: &Secret) -> Result<&str, Refusal> {
    std::str::from_utf8(passphrase.expose()).map_err(|_| refusals::no_passphrase("it is not UTF-8"))
}

/// Refuses a passphrase that protects nothing, or that you could not type for stock age.
fn refuse_unfit(new: &str) -> Result<(), Refusal> {
    if new.is_empty() {
        Err(refusals::no_passphrase("it is empty"))
    } else if new.contains(char::is_control) {
        Err(refusals::no_passphrase("it has a line break or another control character"))
    } else {
        Ok(())
    }
}
