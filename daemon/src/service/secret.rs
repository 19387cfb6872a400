//! Secrets and their history. A change has its line in the audit log before it is made.

use std::collections::BTreeSet;

use fluvio_secret_protocol::{
    Damaged, Delete, Deleted, Examine, Examined, Found, HeldLease, History, Import, Imported, List,
    Listed, ListedGrant, ListedSecret, Refusal, Restore, Restored, Secret, SecretName, Set, Stored,
    Versions, limits,
};
use fluvio_secret_vault::{SecretBatch, SecretChange, VaultError};

use super::handle::{Caller, Handle};
use super::{Service, refusals};
use crate::audit::AuditEvent;

impl Handle for Set {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Stored, Refusal> {
        let Self { name, value } = self;
        let names = [name.clone()];
        // No connector should restart because of the same value.
        let is_reported = service.subscribers.has(&name);
        let same = is_reported.then(|| service.vault.fingerprint_of_same(&name, &value)).flatten();
        let change =
            SecretChange::set(&service.vault, name, value).map_err(refusals::about(&names))?;
        if let Some(before) = same {
            service.subscribers.expect_same(&names[0], before, change.fingerprint);
        }
        service.audit.record(AuditEvent::Set, caller.actor(), &names, &[])?;
        let committed = change.commit();
        service.subscribers.check(&names);
        let committed = committed.map_err(refusals::about(&names))?;
        let (holders, leases) = holders(service, &names);
        Ok(Stored {
            set_at: committed.set_at.as_second(),
            new_identity: new_identity(service, committed.is_identity_new),
            holders,
            leases,
        })
    }
}

impl Handle for Import {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Imported, Refusal> {
        let Self { secrets, overwrite, dry_run } = self;
        if secrets.iter().map(|(name, _)| name).collect::<BTreeSet<_>>().len() < secrets.len() {
            return Err(refusals::repeated_name());
        }
        let compare = |(name, value): &(SecretName, Secret)| {
            let compared = service.vault.compare(name, value);
            compared.map_err(refusals::about(std::slice::from_ref(name)))
        };
        let found: Vec<_> = secrets.iter().map(compare).collect::<Result<_, _>>()?;
        if dry_run {
            let (holders, leases) = (Vec::new(), Vec::new());
            return Ok(Imported { found, new_identity: None, holders, leases });
        }
        let other = secrets.iter().zip(&found).filter(|(_, found)| **found == Found::Other);
        let other: Vec<_> = other.map(|((name, _), _)| name.clone()).collect();
        if !overwrite && !other.is_empty() {
            return Err(refusals::other_values(other));
        }
        let changed = secrets.into_iter().zip(&found).filter(|(_, found)| **found != Found::Same);
        let changed: Vec<_> = changed.map(|(secret, _)| secret).collect();
        let is_identity_new = !changed.is_empty() && set_all(service, changed, caller)?;
        let (holders, leases) = holders(service, &other);
        Ok(Imported {
            found,
            new_identity: new_identity(service, is_identity_new),
            holders,
            leases,
        })
    }
}

impl Handle for Restore {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Restored, Refusal> {
        let Self { name, version } = self;
        let names = [name.clone()];
        let versions = service.vault.secrets().versions(&name).map_err(refusals::about(&names))?;
        let mut earlier = versions.earlier.iter();
        let found = match version {
            Some(number) => earlier.find(|earlier| earlier.version == number),
            None => earlier.next(),
        };
        let found = found.ok_or_else(|| refusals::no_such_version(&name))?;
        let prepared = SecretChange::restore(&service.vault, name, found.version);
        let change = prepared.map_err(refusals::about(&names))?;
        if let Some(before) = change.same_as {
            service.subscribers.expect_same(&names[0], before, change.fingerprint);
        }
        service.audit.record(AuditEvent::Restore, caller.actor(), &names, &[])?;
        let committed = change.commit();
        service.subscribers.check(&names);
        committed.map_err(refusals::about(&names))?;
        let (holders, leases) = holders(service, &names);
        Ok(Restored { version: found.version, set_at: found.set_at, holders, leases })
    }
}

impl Handle for Delete {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Deleted, Refusal> {
        let Self { name, purge } = self;
        let names = [name];
        let [name] = &names;
        let exists = service.vault.secrets().has(name).map_err(refusals::about(&names))?
            || purge
                && service.vault.secrets().history().has(name).map_err(refusals::about(&names))?;
        if !exists {
            return Err(refusals::no_such_secret(&names));
        }
        let event = if purge { AuditEvent::Purge } else { AuditEvent::Delete };
        service.audit.record(event, caller.actor(), &names, &[])?;
        let deleted = if purge { service.vault.purge(name) } else { service.vault.remove(name) };
        service.subscribers.check(&names);
        deleted.map_err(refusals::about(&names)).map(|()| Deleted)
    }
}

impl Handle for List {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Listed, Refusal> {
        let names = service.vault.secrets().names().map_err(refusals::vault)?;
        let mut names = names.iter().peekable();
        loop {
            let secrets = page(service, names.by_ref().take(limits::PAGE_NAMES))?;
            let more = names.peek().is_some();
            let page = Listed { secrets, more };
            if !more {
                return Ok(page);
            }
            caller.send(page);
        }
    }
}

impl Handle for Examine {
    fn handle(self, service: &Service, _: &mut Caller<'_>) -> Result<Examined, Refusal> {
        let mut damaged = Vec::new();
        for name in self.names {
            match service.vault.read(&name) {
                // A secret that was just deleted is not damaged.
                Ok(_) | Err(VaultError::Missing) => {}
                Err(VaultError::Damaged { source, .. }) => {
                    damaged.push(Damaged { name, why: source.to_string(), for_others: false });
                }
                Err(VaultError::ForOthers { source, .. }) => {
                    damaged.push(Damaged { name, why: source.to_string(), for_others: true });
                }
                Err(error) => return Err(refusals::about(&[name])(error)),
            }
        }
        Ok(Examined { damaged })
    }
}

impl Handle for History {
    fn handle(self, service: &Service, _: &mut Caller<'_>) -> Result<Versions, Refusal> {
        let names = [self.name];
        let versions =
            service.vault.secrets().versions(&names[0]).map_err(refusals::about(&names))?;
        if versions.present.is_none() && versions.earlier.is_empty() {
            return Err(refusals::no_such_secret(&names));
        }
        Ok(versions)
    }
}

/// Sets all secrets; returns whether this created the identity.
fn set_all(
    service: &Service,
    secrets: Vec<(SecretName, Secret)>,
    caller: &Caller<'_>,
) -> Result<bool, Refusal> {
    let names: Vec<_> = secrets.iter().map(|(name, _)| name.clone()).collect();
    // The error has the path of the one file that it is about.
    let batch = SecretBatch::set(&service.vault, secrets).map_err(refusals::vault)?;
    service.audit.record(AuditEvent::Set, caller.actor(), &names, &[])?;
    let committed = batch.commit();
    service.subscribers.check(&names);
    committed.map_err(refusals::vault)
}

fn page(
    service: &Service,
    names: impl Iterator<Item = SecretName>,
) -> Result<Vec<ListedSecret>, Refusal> {
    let mut secrets = Vec::new();
    for name in names {
        let set_at = service.vault.secrets().set_at(&name);
        let set_at = set_at.map_err(refusals::about(std::slice::from_ref(&name)))?;
        // Without a secret that was just deleted.
        secrets.extend(set_at.map(|set_at| ListedSecret { name, set_at }));
    }
    Ok(secrets)
}

/// The processes and leases that have an earlier value of these secrets, without connectors that restart
/// because of the change.
fn holders(service: &Service, names: &[SecretName]) -> (Vec<ListedGrant>, Vec<HeldLease>) {
    let given = service.grants.given(names).into_iter().chain(service.leases.given(names));
    let mut outdated: BTreeSet<_> = given.collect();
    outdated.retain(|given| !service.vault.is_present(given));
    let restarts = |parent| service.subscribers.is_notified(parent, names);
    let holders = service.grants.holders(&outdated, restarts);
    (holders, service.leases.with_any(&outdated, restarts))
}

/// The identity's file, if its owner has to be notified.
fn new_identity(service: &Service, is_new: bool) -> Option<String> {
    is_new.then(|| service.vault.keys().path().display().to_string())
}
