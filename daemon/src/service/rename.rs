//! Secrets under another name. A name is encrypted with its value, so both requests need the identity.

use std::collections::BTreeSet;

use fluvio_secret_protocol::{
    Copied, CopySecret, HeldLease, Refusal, RenameSecret, Renamed, SecretName, limits,
};
use fluvio_secret_vault::{SecretChange, SecretReader, SecretRename, SecretWriter, VaultError};

use super::handle::{Caller, Handle};
use super::{Service, follow, missing, refusals};
use crate::audit::AuditEvent;
use crate::leases::KnownLease;

impl Handle for RenameSecret {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Renamed, Refusal> {
        let names = [self.name, self.new_name];
        let [from, to] = names.clone();
        let rename = SecretRename::prepare(&service.vault, from, to);
        let rename = rename.map_err(|error| refused(service, &names[0], error))?;
        let left = rename.left();
        service.audit.record(AuditEvent::Rename, caller.actor(), &names, &[])?;
        let made = rename.commit();
        follow::changed(service, &names);
        made.map_err(refusals::about(&names[..1]))?;
        // Those under a supervisor too: it starts nothing while the configuration has the old name.
        let given: BTreeSet<_> = service.grants.given(Some(&names[..1])).into_iter().collect();
        let holders = service.grants.holders(&given, |_| false);
        Ok(Renamed { left, holders, leases: leases(service, &names[0]) })
    }
}

/// The leases that have a secret, newest first.
fn leases(service: &Service, name: &SecretName) -> Vec<HeldLease> {
    let leases = service.leases.all().into_iter().rev();
    let with_it = leases.filter(|lease| lease.about.names().contains(name));
    let listed = with_it.map(|KnownLease { id, about, .. }| HeldLease {
        id,
        connector: about.connector,
        config: about.config,
        updated: false,
    });
    listed.take(limits::LISTED_GRANTS).collect()
}

impl Handle for CopySecret {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Copied, Refusal> {
        let names = [self.name, self.new_name];
        let [from, to] = &names;
        let refused = |error| refused(service, from, error);
        let value = SecretReader::of(&service.vault).value(from).map_err(refused)?;
        service.vault.secrets().refuse_if_taken(to).map_err(refused)?;
        let writer = SecretWriter::of(&service.vault).map_err(refusals::vault)?;
        let change = SecretChange::set(&service.vault, &writer, to.clone(), value);
        let change = change.map_err(refusals::about(&names[1..]))?;
        service.audit.record(AuditEvent::Copy, caller.actor(), &names, &[])?;
        let made = change.commit();
        follow::changed(service, &names[1..]);
        made.map_err(refusals::about(&names[1..]))?;
        Ok(Copied)
    }
}

fn refused(service: &Service, from: &SecretName, error: VaultError) -> Refusal {
    match error {
        VaultError::Locked { .. } => refusals::locked_name(),
        VaultError::Missing => missing::no_such_secret(from, service),
        error => refusals::about(std::slice::from_ref(from))(error),
    }
}
