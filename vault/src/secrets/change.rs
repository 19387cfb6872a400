//! Everything that changes the vault. A change is prepared, which is what may fail, and then made.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::SystemTime;

use fluvio_secret_protocol::{Secret, SecretName};
use jiff::Timestamp;

use super::fingerprint::fingerprint;
use super::history::Kept;
use super::record::Record;
use super::seal::Recipient;
use super::store::{Prepared, ReadError, Written};
use super::{Vault, VaultError, file_of};

/// How many files of a batch are on their way to the disk at a time: a file system that is asked to
/// sync several at once does so with few writes of its own.
const SYNCERS: usize = 8;

/// A secret that is on the disk and not yet in the vault; without [`Change::commit`] nothing changes.
#[must_use]
pub struct Change<'a> {
    vault: &'a Vault,
    name: SecretName,
    prepared: Prepared,
    set_at: Timestamp,
    fingerprint: u64,
    /// The fingerprint of what it replaces, where that is found to have the same value.
    same_as: Option<u64>,
    /// The version in the history that this is, and that leaves it.
    restored: Option<u64>,
}

/// Secrets that are on the disk and not yet in the vault; without [`Batch::commit`] nothing changes.
#[must_use]
pub struct Batch<'a> {
    vault: &'a Vault,
    files: Vec<(SecretName, Prepared)>,
}

/// A change that is made.
#[derive(Debug)]
pub struct Committed {
    pub set_at: Timestamp,
    /// Whether this is the first secret that the identity seals: its owner must hear of it.
    pub is_identity_new: bool,
}

impl Vault {
    /// Seals a value and writes it beside the one it will replace. The first one of all makes the
    /// identity.
    pub fn prepare(&self, name: SecretName, value: Secret) -> Result<Change<'_>, VaultError> {
        let recipients = self.recipients()?;
        let set_at = now().map_err(|source| self.storage(&name, source))?;
        let failed = |source| self.storage(&name, source);
        let sealed = seal(&recipients, &name, value, set_at).map_err(failed)?;
        let fingerprint = fingerprint(&sealed);
        let prepared =
            self.write(&name, &sealed, set_at).and_then(Written::sync).map_err(failed)?;
        Ok(Change {
            vault: self,
            name,
            prepared,
            set_at,
            fingerprint,
            same_as: None,
            restored: None,
        })
    }

    /// The same for many secrets at once.
    pub fn prepare_all(&self, secrets: Vec<(SecretName, Secret)>) -> Result<Batch<'_>, VaultError> {
        let recipients = self.recipients()?;
        let mut written = Vec::with_capacity(secrets.len());
        for (name, value) in secrets {
            let file = now().and_then(|set_at| {
                self.write(&name, &seal(&recipients, &name, value, set_at)?, set_at)
            });
            written.push((name.clone(), file.map_err(|source| self.storage(&name, source))?));
        }
        Ok(Batch { vault: self, files: self.sync_all(written)? })
    }

    /// Waits until all are on the disk.
    pub(super) fn sync_all(
        &self,
        written: Vec<(SecretName, Written)>,
    ) -> Result<Vec<(SecretName, Prepared)>, VaultError> {
        self.side_by_side(written, |(name, file)| {
            let prepared = file.sync().map_err(|source| self.storage(&name, source))?;
            Ok((name, prepared))
        })
    }

    /// Does something that waits for the disk with each, with some of them at the same time, as far as
    /// threads may be started. Returns what it gives, in their order.
    pub(super) fn side_by_side<T: Send, U: Send>(
        &self,
        items: Vec<T>,
        work: impl Fn(T) -> Result<U, VaultError> + Sync,
    ) -> Result<Vec<U>, VaultError> {
        let count = items.len();
        let queue = Mutex::new(items.into_iter().enumerate());
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let run = || {
            let mut done = Vec::new();
            while let Some((place, item)) = next() {
                done.push((place, work(item)?));
            }
            Ok::<_, VaultError>(done)
        };
        let done = thread::scope(|scope| -> Result<_, VaultError> {
            let start = |_| thread::Builder::new().spawn_scoped(scope, run).ok();
            let syncers: Vec<_> = (0..SYNCERS.min(count)).map_while(start).collect();
            let mut done = if syncers.is_empty() { run()? } else { Vec::new() };
            for syncer in syncers {
                let died = || io::Error::other("a thread that writes to the disk met a fault");
                let died = |_| VaultError::Storage { path: self.path().to_owned(), source: died() };
                done.extend(syncer.join().map_err(died)??);
            }
            Ok(done)
        });
        let mut done = done?;
        done.sort_unstable_by_key(|(place, _)| *place);
        Ok(done.into_iter().map(|(_, done)| done).collect())
    }

    fn write(&self, name: &SecretName, sealed: &[u8], set_at: Timestamp) -> io::Result<Written> {
        self.folder.write(&file_of(name), sealed, SystemTime::try_from(set_at).ok())
    }

    /// Writes an earlier version of a secret beside the present one. The sealed bytes are taken as
    /// they are, so this works while locked; otherwise they are opened first, to see whether they
    /// are what they should be.
    pub fn prepare_restore(
        &self,
        name: SecretName,
        version: u64,
    ) -> Result<Change<'_>, VaultError> {
        let path = || self.history.path_of_version(&name, version);
        let sealed = match self.history.read(&name, version) {
            Ok(sealed) => sealed,
            Err(ReadError::Missing) => return Err(VaultError::Missing),
            Err(ReadError::Io(source)) => return Err(self.history_storage(&name, source)),
            Err(error) => {
                return Err(VaultError::DamagedVersion { file: path(), why: error.to_string() });
            }
        };
        let same_as = match self.open_record(&name, &sealed) {
            Ok(opened) => {
                let damaged = |why| VaultError::DamagedVersion { file: path(), why };
                self.fingerprint_of_same(&name, &opened.map_err(damaged)?.value)
            }
            Err(VaultError::IdentityLost { .. } | VaultError::Locked { .. }) => None,
            Err(error) => return Err(error),
        };
        let failed = |source| self.storage(&name, source);
        // It is the present one from now on: that is the date in `list`.
        let set_at = now().map_err(failed)?;
        let date = SystemTime::try_from(set_at).ok();
        let prepared = self.folder.prepare(&file_of(&name), &sealed, date).map_err(failed)?;
        let fingerprint = fingerprint(&sealed);
        let restored = Some(version);
        Ok(Change { vault: self, name, prepared, set_at, fingerprint, same_as, restored })
    }

    /// Takes a secret away, durably; what it was is then in the history, durably too.
    pub fn remove(&self, name: &SecretName) -> Result<(), VaultError> {
        let file = file_of(name);
        if !self.has(name)? {
            return Err(VaultError::Missing);
        }
        let kept = self.keep(name)?;
        let synced = kept.as_ref().map_or(Ok(()), |kept| kept.sync(&self.history));
        let removed =
            synced.and_then(|()| self.folder.remove(&file)).and_then(|()| self.folder.sync());
        match removed {
            Ok(()) => {
                kept.into_iter().for_each(|kept| self.prune(kept));
                Ok(())
            }
            Err(source) => {
                kept.into_iter().for_each(|kept| self.undo(kept, &file));
                Err(self.storage(name, source))
            }
        }
    }

    /// Takes a secret and its history away, durably. One that is killed is finished by the next.
    pub fn purge(&self, name: &SecretName) -> Result<(), VaultError> {
        if self.has(name)? {
            self.folder
                .remove(&file_of(name))
                .and_then(|()| self.folder.sync())
                .map_err(|source| self.storage(name, source))?;
        }
        // Also without a version in it: its folder would tell that there was such a secret.
        self.history.purge(name).map_err(|source| self.history_storage(name, source))
    }

    fn keep(&self, name: &SecretName) -> Result<Option<Kept>, VaultError> {
        let kept = self.history.keep(&self.folder, name, &file_of(name));
        kept.map_err(|source| self.history_storage(name, source))
    }

    fn prune(&self, kept: Kept) {
        // The change is made and durable; one version too many harms nobody.
        if let Err(error) = kept.prune(&self.history) {
            let path = self.history.path();
            tracing::warn!("the history in {} is not shortened: {error}", path.display());
        }
    }

    fn undo(&self, kept: Kept, file: &str) {
        if let Err(error) = kept.undo(&self.history, &self.folder, file) {
            let path = self.history.path();
            tracing::warn!("the history in {} has one version twice: {error}", path.display());
        }
    }

    /// Gives a prepared file its name; what was there is then in the history.
    fn replace(
        &self,
        name: &SecretName,
        rename: impl FnOnce() -> io::Result<()>,
    ) -> Result<Option<Kept>, VaultError> {
        let kept = if self.has(name)? { self.keep(name)? } else { None };
        match rename() {
            Ok(()) => Ok(kept),
            Err(source) => {
                kept.into_iter().for_each(|kept| self.undo(kept, &file_of(name)));
                Err(self.storage(name, source))
            }
        }
    }

    fn takes_news_of_identity(&self) -> bool {
        self.is_identity_new.swap(false, Ordering::Relaxed)
    }
}

impl Change<'_> {
    /// The fingerprint that the secret will have.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The fingerprint of what it replaces, where an earlier version is found to have the same value.
    pub fn same_as(&self) -> Option<u64> {
        self.same_as
    }

    /// Puts the secret into the vault, durably; what was there is then in the history.
    pub fn commit(self) -> Result<Committed, VaultError> {
        let Self { vault, name, prepared, set_at, restored, .. } = self;
        let kept = vault.replace(&name, || prepared.commit())?;
        if let Some(version) = restored {
            // It would be there twice; that harms nobody.
            if let Err(error) = vault.history.remove(&name, version) {
                let path = vault.history.path_of_version(&name, version);
                tracing::warn!("{} is restored and still there: {error}", path.display());
            }
        }
        kept.into_iter().for_each(|kept| vault.prune(kept));
        Ok(Committed { set_at, is_identity_new: vault.takes_news_of_identity() })
    }
}

impl Batch<'_> {
    /// Puts all secrets into the vault, durably; what was there is then in the history. Gives
    /// whether they are the first that the identity seals.
    ///
    /// # Errors
    ///
    /// Those of the first secret that cannot be put there. Those before it are there.
    pub fn commit(self) -> Result<bool, VaultError> {
        let Self { vault, files } = self;
        let mut kept = Vec::with_capacity(files.len());
        let mut outcome = Ok(());
        for (name, prepared) in files {
            match vault.replace(&name, || prepared.rename()) {
                Ok(version) => kept.extend(version),
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        let synced = vault.folder.sync();
        let failed = |source| VaultError::Storage { path: vault.path().to_owned(), source };
        outcome.and(synced.map_err(failed))?;
        kept.into_iter().for_each(|kept| vault.prune(kept));
        Ok(vault.takes_news_of_identity())
    }
}

fn seal(
    recipients: &[Recipient],
    name: &SecretName,
    value: Secret,
    set_at: Timestamp,
) -> io::Result<Vec<u8>> {
    let record = Record { name: name.clone(), set_at, value };
    super::seal::seal(recipients, &record.encode()?)
}

/// Whole seconds, which is what a file's date keeps everywhere.
fn now() -> io::Result<Timestamp> {
    Timestamp::from_second(Timestamp::now().as_second()).map_err(io::Error::other)
}
