//! A change of the identity or the recipients: its line in the audit log, and then the re-encryption.

use fluvio_secret_protocol::{Reencrypted, Reencrypting, Refusal};
use fluvio_secret_vault::{ReencryptStep, Rekey, VaultError};

use super::handle::Caller;
use super::{Service, follow, refusals};
use crate::audit::AuditEvent;

pub(super) fn reencrypt(
    service: &Service,
    event: AuditEvent,
    prepared: Result<Rekey<'_>, VaultError>,
    caller: &Caller<'_>,
) -> Result<Reencrypted, Refusal> {
    let rekey = prepared.map_err(refusals::vault)?;
    service.audit.record(event, caller.actor(), &[], &rekey.about)?;
    let done = rekey.commit(&mut |step| report(service, step, caller)).map_err(refusals::vault)?;
    // The next daemon has to know the new fingerprints.
    follow::follow(service, None);
    service.grants.store();
    Ok(Reencrypted {
        secrets: done.secrets,
        versions: done.versions,
        recipients: done.recipients,
        left: done.left,
        identity: service.vault.keys().path().display().to_string(),
        own: done.own,
        kept: done.kept.map(|path| path.display().to_string()),
        finished: done.finished,
    })
}

/// Reports the progress to the client, and to subscribers that their secrets have the same values. Lets other
/// clients change secrets in between.
fn report(service: &Service, step: ReencryptStep<'_>, caller: &Caller<'_>) {
    match step {
        ReencryptStep::Same { name, before, after } => {
            service.subscribers.expect_same(name, before, after);
            service.grants.keep_value(name, before, after);
            service.leases.keep_value(name, before, after);
        }
        ReencryptStep::Pause => (caller.change_others)(),
        ReencryptStep::Done { names, done, all } => {
            service.subscribers.check(names);
            caller.send(Reencrypting { done, all });
        }
    }
}
