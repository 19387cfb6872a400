//! The leases of a vault: secrets files in memory, each for as long as a process holds it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fluvio_secret_protocol::lease::{HOLD, SECRETS};
use fluvio_secret_protocol::{HeldLease, SecretName, limits};
use fluvio_secret_vault::Given;
use rustix::rand::{GetRandomFlags, getrandom};
use tokio::sync::oneshot;

use crate::lease_files::{self, LeaseInfo};
use crate::lease_places::{LeaseError, LeasePlaces};

#[derive(Debug)]
pub(crate) struct LeaseTable {
    places: LeasePlaces,
    /// By id. The lock also keeps a lease from being made in a directory that is being removed as empty.
    entries: Mutex<BTreeMap<String, LeaseEntry>>,
}

#[derive(Debug)]
struct LeaseEntry {
    directory: PathBuf,
    about: LeaseInfo,
    /// What to watch, until it is watched.
    watch: Option<LeaseWatch>,
    /// Dropped with the lease, which ends the watch.
    _ended: oneshot::Sender<()>,
}

/// A lease as clients see it.
#[derive(Clone, Debug)]
pub(crate) struct KnownLease {
    pub(crate) id: String,
    pub(crate) secrets: PathBuf,
    pub(crate) hold: PathBuf,
    pub(crate) about: LeaseInfo,
}

/// What to watch of a lease.
#[derive(Debug)]
pub(crate) struct LeaseWatch {
    /// The read end of the FIFO, non-blocking.
    pub(crate) reader: OwnedFd,
    /// Completes when the lease is removed in another way.
    pub(crate) ended: oneshot::Receiver<()>,
}

impl LeaseTable {
    /// The leases of the vault at this path.
    pub(crate) fn new(vault: &Path, runtime: Option<PathBuf>) -> Self {
        Self { places: LeasePlaces::of(vault, runtime), entries: Mutex::default() }
    }

    /// Takes over the leases of a daemon that is gone, and removes those that no process holds. Returns the
    /// ids of those that are held.
    pub(crate) fn adopt(&self) -> Vec<String> {
        let mut entries = self.entries();
        for directory in self.places.leases() {
            let Some(id) = directory.file_name().and_then(|name| name.to_str()) else { continue };
            match lease_files::take_over(&directory) {
                Some((about, reader)) => {
                    let id = id.to_owned();
                    entries.insert(id, LeaseEntry::new(directory, about, reader));
                }
                None => lease_files::remove(&directory),
            }
        }
        self.places.remove_empty();
        entries.keys().cloned().collect()
    }

    /// Makes a lease. No process holds it yet.
    pub(crate) fn make(&self, about: LeaseInfo, secrets: &[u8]) -> Result<KnownLease, LeaseError> {
        let mut entries = self.entries();
        let id = random_id().map_err(LeaseError::Random)?;
        let directory = self.places.new_directory(&id)?;
        let reader = lease_files::make(&directory, &about, secrets).map_err(|source| {
            lease_files::remove(&directory);
            LeaseError::Io { path: directory.clone(), source }
        })?;
        let entry = LeaseEntry::new(directory, about, reader);
        let lease = entry.known(&id);
        entries.insert(id, entry);
        Ok(lease)
    }

    /// All leases, the oldest first.
    pub(crate) fn all(&self) -> Vec<KnownLease> {
        let entries = self.entries();
        let mut leases: Vec<_> = entries.iter().map(|(id, entry)| entry.known(id)).collect();
        leases.sort_by_key(|lease| lease.about.since);
        leases
    }

    /// What leases have of these secrets.
    pub(crate) fn given(&self, names: &[SecretName]) -> Vec<Given> {
        let entries = self.entries();
        let given = entries.values().flat_map(|entry| entry.about.given());
        given.filter(|(name, _)| names.contains(name)).collect()
    }

    /// Remembers that the value with the fingerprint `before` now has the fingerprint `after`.
    pub(crate) fn keep_value(&self, name: &SecretName, before: u64, after: u64) {
        for entry in self.entries().values_mut() {
            entry.about.keep_value(name, before, after);
        }
    }

    /// The leases that have one of these values, newest first; without those whose connector is started again
    /// by a parent that learns of a change.
    pub(crate) fn with_any(
        &self,
        outdated: &BTreeSet<Given>,
        starts_again: impl Fn(i32) -> bool,
    ) -> Vec<HeldLease> {
        let has_any = |about: &LeaseInfo| about.given().any(|given| outdated.contains(&given));
        let stays = |about: &LeaseInfo| !about.parent.is_some_and(&starts_again);
        let leases = self.all().into_iter().rev();
        let leases = leases.filter(|lease| has_any(&lease.about) && stays(&lease.about));
        let listed = leases.take(limits::LISTED_GRANTS).map(|lease| HeldLease {
            id: lease.id,
            connector: lease.about.connector,
            config: lease.about.config,
        });
        listed.collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.entries().len()
    }

    /// What to watch of a lease; `None` if it is gone, or watched already.
    pub(crate) fn watch(&self, id: &str) -> Option<LeaseWatch> {
        self.entries().get_mut(id)?.watch.take()
    }

    /// Removes a lease, and returns whether it was there.
    pub(crate) fn remove(&self, id: &str) -> bool {
        let mut entries = self.entries();
        let Some(entry) = entries.remove(id) else { return false };
        lease_files::remove(&entry.directory);
        true
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, LeaseEntry>> {
        // Each change is one call of the map, so a panic leaves it whole.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LeaseEntry {
    fn new(directory: PathBuf, about: LeaseInfo, reader: OwnedFd) -> Self {
        let (sender, ended) = oneshot::channel();
        Self { directory, about, watch: Some(LeaseWatch { reader, ended }), _ended: sender }
    }

    fn known(&self, id: &str) -> KnownLease {
        KnownLease {
            id: id.to_owned(),
            secrets: self.directory.join(SECRETS),
            hold: self.directory.join(HOLD),
            about: self.about.clone(),
        }
    }
}

fn random_id() -> io::Result<String> {
    let mut bytes = [0; 6];
    getrandom(&mut bytes, GetRandomFlags::empty())?;
    let id: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    debug_assert!(id.len() <= limits::LEASE_ID_BYTES);
    Ok(id)
}

#[cfg(test)]
mod tests;
