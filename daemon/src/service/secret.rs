//! What changes the vault: the line in the audit log first, and then the change.

use std::collections::BTreeSet;

use fluvio_secret_protocol::{
    Delete, Deleted, Found, Import, Imported, Refusal, Restore, Restored, Secret, SecretName, Set,
    Stored,
};
use fluvio_secret_system::peer::Peer;
use fluvio_secret_vault::{SecretBatch, SecretChange};

use super::{Service, refuse};
use crate::audit::{Actor, Event};
use crate::response::Response;

impl Service {
    pub(super) fn set(&self, set: Set, peer: Peer) -> Result<Response, Refusal> {
        let Set { name, value } = set;
        let names = [name.clone()];
        let refused = |error| refuse::vault(&error, &names);
        // Nobody's connector is to be restarted for nothing.
        let is_told = self.subscribers.has(&names[0]);
        let same = is_told.then(|| self.vault.fingerprint_of_same(&names[0], &value)).flatten();
        let change = SecretChange::set(&self.vault, name, value).map_err(refused)?;
        if let Some(before) = same {
            self.subscribers.expect_same(&names[0], before, change.fingerprint());
        }
        self.record(Event::Set, peer, &names)?;
        let committed = change.commit();
        self.subscribers.look(&names);
        let committed = committed.map_err(refused)?;
        let (holders, leases) = self.holders(&names);
        Ok(Response::Stored(Stored {
            set_at: committed.set_at.as_second(),
            new_identity: self.new_identity(committed.is_identity_new),
            holders,
            leases,
        }))
    }

    pub(super) fn import(&self, import: Import, peer: Peer) -> Result<Response, Refusal> {
        let Import { names, values, overwrite, dry_run } = import;
        if names.iter().collect::<BTreeSet<_>>().len() < names.len() {
            return Err(refuse::repeated_name());
        }
        let found = self.compare_all(&names, &values)?;
        let other: Vec<_> = names
            .iter()
            .zip(&found)
            .filter(|(_, found)| **found == Found::Other)
            .map(|(name, _)| name.clone())
            .collect();
        if dry_run {
            let (holders, leases) = (Vec::new(), Vec::new());
            let imported = Imported { found, new_identity: None, holders, leases };
            return Ok(Response::Imported(imported));
        }
        if !overwrite && !other.is_empty() {
            return Err(refuse::other_values(other));
        }
        let secrets = names.into_iter().zip(values).zip(&found);
        let changed: Vec<_> =
            secrets.filter(|(_, found)| **found != Found::Same).map(|(secret, _)| secret).collect();
        let is_identity_new = !changed.is_empty() && self.set_all(changed, peer)?;
        let new_identity = self.new_identity(is_identity_new);
        let (holders, leases) = self.holders(&other);
        Ok(Response::Imported(Imported { found, new_identity, holders, leases }))
    }

    fn compare_all(&self, names: &[SecretName], values: &[Secret]) -> Result<Vec<Found>, Refusal> {
        let compare = |(name, value): (&SecretName, &Secret)| {
            let compared = self.vault.compare(name, value);
            compared.map_err(|error| refuse::vault(&error, std::slice::from_ref(name)))
        };
        names.iter().zip(values).map(compare).collect()
    }

    /// Sets all; gives whether they are the first ones that the identity seals.
    fn set_all(&self, secrets: Vec<(SecretName, Secret)>, peer: Peer) -> Result<bool, Refusal> {
        let names: Vec<_> = secrets.iter().map(|(name, _)| name.clone()).collect();
        // The error has the path of the one file that it is about.
        let refused = |error| refuse::vault(&error, &[]);
        let batch = SecretBatch::set(&self.vault, secrets).map_err(refused)?;
        self.record(Event::Set, peer, &names)?;
        let committed = batch.commit();
        self.subscribers.look(&names);
        committed.map_err(refused)
    }

    pub(super) fn restore(&self, restore: Restore, peer: Peer) -> Result<Response, Refusal> {
        let Restore { name, version } = restore;
        let names = [name.clone()];
        let refused = |error| refuse::vault(&error, &names);
        let versions = self.vault.secrets().versions(&name).map_err(refused)?;
        let mut earlier = versions.earlier.iter();
        let found = match version {
            Some(number) => earlier.find(|earlier| earlier.version == number),
            None => earlier.next(),
        };
        let found = found.ok_or_else(|| refuse::no_such_version(&names))?;
        let change = SecretChange::restore(&self.vault, name, found.version).map_err(refused)?;
        if let Some(before) = change.same_as() {
            self.subscribers.expect_same(&names[0], before, change.fingerprint());
        }
        self.record(Event::Restore, peer, &names)?;
        let committed = change.commit();
        self.subscribers.look(&names);
        committed.map_err(refused)?;
        let (holders, leases) = self.holders(&names);
        Ok(Response::Restored(Restored {
            version: found.version,
            set_at: found.set_at,
            holders,
            leases,
        }))
    }

    pub(super) fn delete(&self, delete: Delete, peer: Peer) -> Result<Response, Refusal> {
        let Delete { name, purge } = delete;
        let names = [name];
        let refused = |error| refuse::vault(&error, &names);
        let is_there = self.vault.secrets().has(&names[0]).map_err(refused)?
            || purge && self.vault.secrets().history().has(&names[0]).map_err(refused)?;
        if !is_there {
            return Err(refuse::no_such_secret(&names));
        }
        let deleted = if purge {
            self.record(Event::Purge, peer, &names)?;
            self.vault.secrets().purge(&names[0])
        } else {
            self.record(Event::Delete, peer, &names)?;
            self.vault.secrets().remove(&names[0])
        };
        self.subscribers.look(&names);
        deleted.map_err(refused).map(|()| Response::Deleted(Deleted))
    }

    fn record(&self, event: Event, peer: Peer, names: &[SecretName]) -> Result<(), Refusal> {
        let actor = Actor { pid: peer.pid, ..Actor::default() };
        self.audit.record(event, actor, names).map_err(|error| refuse::audit(&error))
    }

    /// Where the identity is, when its owner has to hear of it.
    fn new_identity(&self, is_new: bool) -> Option<String> {
        is_new.then(|| self.vault.keys().path().display().to_string())
    }
}
