//! The leases of a vault: secrets files in memory, each for as long as a process holds it.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fluvio_secret_protocol::lease::{HOLD, SECRETS};
use fluvio_secret_protocol::{HeldLease, SecretName, limits};
use rustix::rand::{GetRandomFlags, getrandom};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::lease_files;
use crate::lease_info::{LeaseInfo, LeasedSecret};
use crate::lease_places::{LeaseError, LeasePlaces};
use crate::vault_watcher::VaultWatcher;

#[derive(Debug)]
pub(crate) struct LeaseTable {
    places: LeasePlaces,
    /// The lock also keeps a lease from being made in a directory that is being removed as empty.
    state: Mutex<LeaseTableState>,
    /// Held by the thread that follows the vault.
    following: Mutex<()>,
}

#[derive(Debug, Default)]
struct LeaseTableState {
    /// By id.
    entries: BTreeMap<String, LeaseEntry>,
    /// Runs while there are leases.
    watcher: Option<VaultWatcher>,
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
        let places = LeasePlaces::of(vault, runtime);
        Self { places, state: Mutex::default(), following: Mutex::default() }
    }

    /// Takes over the leases of a daemon that is gone, and removes those that no process holds. Returns the
    /// ids of those that are held.
    pub(crate) fn adopt(&self) -> Vec<String> {
        let entries = &mut self.state().entries;
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

    /// Whether a daemon that is gone has left a lease.
    pub(crate) fn are_there(&self) -> bool {
        !self.places.leases().is_empty()
    }

    /// Makes a lease. No process holds it yet.
    pub(crate) fn make(&self, about: LeaseInfo, secrets: &[u8]) -> Result<KnownLease, LeaseError> {
        let entries = &mut self.state().entries;
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
        let entries = &self.state().entries;
        let mut leases: Vec<_> = entries.iter().map(|(id, entry)| entry.known(id)).collect();
        leases.sort_by_key(|lease| lease.about.since);
        leases
    }

    /// Keeps other threads from following the vault in the meantime.
    pub(crate) fn following(&self) -> MutexGuard<'_, ()> {
        self.following.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches the vault, unless it is watched or there is no lease.
    pub(crate) fn watch_vault(
        &self,
        start: impl FnOnce() -> io::Result<VaultWatcher>,
    ) -> io::Result<()> {
        let LeaseTableState { entries, watcher } = &mut *self.state();
        if watcher.is_none() && !entries.is_empty() {
            *watcher = Some(start()?);
        }
        Ok(())
    }

    /// Stops the watcher, so that changes by other programs are not noticed.
    #[cfg(test)]
    pub(crate) fn stop_watching(&self) {
        self.state().watcher = None;
    }

    /// The secrets file of a lease; `None` if the lease is gone.
    pub(crate) fn read_secrets(&self, id: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let entries = &self.state().entries;
        let entry = entries.get(id);
        entry.map(|entry| lease_files::read_secrets(&entry.directory)).transpose()
    }

    /// Replaces the secrets file of a lease, unless the lease is gone.
    pub(crate) fn replace_secrets(&self, id: &str, secrets: &[u8]) -> io::Result<()> {
        let entries = &self.state().entries;
        let Some(entry) = entries.get(id) else { return Ok(()) };
        lease_files::replace_secrets(&entry.directory, secrets)
    }

    /// Remembers what is known of the secrets of a lease, also for a daemon that starts later.
    pub(crate) fn update(&self, id: &str, secrets: Vec<LeasedSecret>) -> io::Result<()> {
        let entries = &mut self.state().entries;
        let Some(entry) = entries.get_mut(id) else { return Ok(()) };
        entry.about.secrets = secrets;
        lease_files::replace_about(&entry.directory, &entry.about)
    }

    /// Remembers that the value with the fingerprint `before` now has the fingerprint `after`.
    pub(crate) fn keep_value(&self, name: &SecretName, before: u64, after: u64) {
        let _guard = self.following();
        for entry in self.state().entries.values_mut() {
            entry.about.keep_value(name, before, after);
        }
    }

    /// The leases that have an earlier value of one of these secrets, newest first. A lease is left out if its
    /// connector has a parent that learns of a change and starts it again.
    pub(crate) fn with_earlier(
        &self,
        names: &[SecretName],
        of_personal: bool,
        starts_again: impl Fn(i32) -> bool,
    ) -> Vec<HeldLease> {
        let leases = self.all().into_iter().rev();
        let stays = leases.filter(|lease| !lease.about.parent.is_some_and(&starts_again));
        let listed = stays.filter_map(|lease| {
            let updated = lease.about.has_earlier(names, of_personal)?;
            let LeaseInfo { connector, config, .. } = lease.about;
            Some(HeldLease { id: lease.id, connector, config, updated })
        });
        listed.take(limits::LISTED_GRANTS).collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.state().entries.len()
    }

    /// What to watch of a lease; `None` if it is gone, or watched already.
    pub(crate) fn watch(&self, id: &str) -> Option<LeaseWatch> {
        self.state().entries.get_mut(id)?.watch.take()
    }

    /// Removes a lease, and returns whether it was there.
    pub(crate) fn remove(&self, id: &str) -> bool {
        let LeaseTableState { entries, watcher } = &mut *self.state();
        let Some(entry) = entries.remove(id) else { return false };
        lease_files::remove(&entry.directory);
        if entries.is_empty() {
            *watcher = None;
        }
        true
    }

    fn state(&self) -> MutexGuard<'_, LeaseTableState> {
        // Each change is one call of the map, so a panic leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
