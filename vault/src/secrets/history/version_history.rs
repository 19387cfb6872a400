//! The earlier versions of each secret, encrypted as they were.
//!
//! Each secret has a directory, so that finding its newest version does not take longer in a large
//! vault.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use fluvio_secret_protocol::SecretName;
use rustix::fs::FileType;

use crate::durable_directory::{DurableDirectory, ReadError, has_no_links};
use crate::error::VaultError;
use crate::id::VaultId;
use crate::secrets::file_name::{ENCRYPTED_BYTES, file_of, file_of_version};
use crate::secrets::history::directory::HistoryDirectory;
use crate::secrets::history::kept_version::KeptVersion;
use crate::secrets::history::seen_revisions::SeenRevisions;
use crate::secrets::history::version_numbers::{VersionNumbers, numbers, versions};
use crate::secrets::version_file::VersionFile;
use crate::secrets::version_place::VersionPlace;
use crate::whole_file::{PreparedFile, WrittenFile};

/// The number of earlier versions that are kept, unless the settings have another one.
pub const HISTORY_DEPTH: usize = 10;

/// The history of a vault.
#[derive(Debug)]
pub struct VersionHistory {
    vault: DurableDirectory,
    directory: Arc<HistoryDirectory>,
    depth: usize,
}

impl VersionHistory {
    /// The history of this vault, in the directory of all histories, with at most `depth` versions of
    /// each secret.
    pub(crate) fn of_vault(
        vault: DurableDirectory,
        id: VaultId,
        histories: &Path,
        depth: usize,
    ) -> Self {
        let directory = Arc::new(HistoryDirectory::of(vault.clone(), id, histories));
        Self { vault, directory, depth }
    }

    /// The number of earlier versions of each secret that are kept.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// What this machine knows of the files in the vault.
    pub(crate) fn seen(&self) -> SeenRevisions {
        SeenRevisions::beside(self.directory.clone())
    }

    /// Makes its directory complete, and removes what killed writers left in it.
    pub(crate) fn sweep(&self) {
        if let Err(error) = self.directory.open().and_then(|all| all.remove_temporary()) {
            let path = self.directory.path();
            tracing::warn!("cannot use the history in {}: {error}", path.display());
        }
    }

    /// Removes its directory, if the vault was never used. A directory that is left is of no harm.
    pub(crate) fn remove_unused(&self) {
        if let Err(error) = self.directory.remove_unused() {
            let path = self.directory.path();
            tracing::warn!("cannot remove the empty history {}: {error}", path.display());
        }
    }

    /// Gives the current version of a secret a second name in its history. That survives a crash of the
    /// daemon, and a power cut after [`VersionHistory::make_durable`].
    ///
    /// Where a file cannot have a second name, the version is copied, durably. `None` if there is no
    /// file that can be kept.
    pub(crate) fn keep(&self, name: &SecretName) -> Result<Option<KeptVersion>, VaultError> {
        self.keep_file(name).map_err(|source| self.failed(name, source))
    }

    fn keep_file(&self, name: &SecretName) -> io::Result<Option<KeptVersion>> {
        let file = file_of(name);
        match self.vault.kind(&file)? {
            None => return Ok(None),
            Some(FileType::RegularFile) => {}
            Some(FileType::Directory) => return Err(io::ErrorKind::IsADirectory.into()),
            Some(_) => {
                let path = self.vault.path_of(&file);
                tracing::warn!(
                    "{} is not a file, so it is not kept in the history",
                    path.display()
                );
                return Ok(None);
            }
        }
        let all = self.directory.open()?;
        let directory = all.find_or_make(name.as_str())?;
        let VersionNumbers { taken, mut versions } = VersionNumbers::in_directory(&directory)?;
        let newest = taken.last().copied().unwrap_or(0);
        // A change that was killed or failed after this has put it there already.
        let is_there = self.is_current(name, &directory, &file_of_version(newest))?;
        let last = || {
            let file = directory.path_of(&file_of_version(newest));
            io::Error::other(format!("no number is left behind that of {}", file.display()))
        };
        let number = if is_there { newest } else { newest.checked_add(1).ok_or_else(last)? };
        let (kept_file, mut is_durable) = (file_of_version(number), false);
        if !is_there {
            match self.vault.link(&file, &directory, &kept_file) {
                Err(error) if has_no_links(&error) => {
                    copy(&self.vault, &file, &all, &directory, &kept_file)?;
                    is_durable = true;
                }
                linked => linked?,
            }
            versions.push(number);
        }
        let surplus = versions.len().saturating_sub(self.depth);
        versions.truncate(surplus);
        let (name, file) = (name.clone(), kept_file);
        Ok(Some(KeptVersion { name, file, surplus: versions, is_durable }))
    }

    /// Whether a version is the current one as well, as a killed change leaves it.
    fn is_current(
        &self,
        name: &SecretName,
        versions: &DurableDirectory,
        file: &str,
    ) -> io::Result<bool> {
        self.vault.is_same(&file_of(name), versions, file, ENCRYPTED_BYTES)
    }

    /// Does something in the directory of a secret's earlier versions, if it exists.
    pub(super) fn within<T: Default>(
        &self,
        name: &SecretName,
        work: impl FnOnce(&DurableDirectory) -> io::Result<T>,
    ) -> io::Result<T> {
        let directory = find(&self.directory.open()?, name)?;
        directory.map_or_else(|| Ok(T::default()), |directory| work(&directory))
    }

    /// The earlier versions of a secret and their dates, newest first, without one that is the current
    /// one as well.
    pub(crate) fn versions(&self, name: &SecretName) -> Result<Vec<(u64, SystemTime)>, VaultError> {
        let found = self.within(name, |directory| {
            let mut found = Vec::new();
            for version in versions(directory)?.into_iter().rev() {
                let file = file_of_version(version);
                if !self.is_current(name, directory, &file)? {
                    // It may be pruned in the meantime.
                    found.extend(directory.date(&file)?.map(|date| (version, date)));
                }
            }
            Ok(found)
        });
        found.map_err(|source| self.failed(name, source))
    }

    /// The newest earlier version that is wanted, and its encrypted bytes; `None` without one that can be read.
    pub(crate) fn find(
        &self,
        name: &SecretName,
        is_wanted: impl Fn(&[u8]) -> bool,
    ) -> Option<(u64, Vec<u8>)> {
        let found = self.within(name, |directory| {
            let newest_first = numbers(directory)?.into_iter().rev();
            let mut readable = newest_first.filter_map(|version| {
                let read = directory.read(&file_of_version(version), ENCRYPTED_BYTES);
                Some((version, read.ok()?))
            });
            Ok(readable.find(|(_, encrypted)| is_wanted(encrypted)))
        });
        found.ok().flatten()
    }

    /// Whether there is any earlier version of a secret.
    pub fn has(&self, name: &SecretName) -> Result<bool, VaultError> {
        let has = self.within(name, |directory| Ok(!versions(directory)?.is_empty()));
        has.map_err(|source| self.failed(name, source))
    }

    /// The secrets that have a history, which may be empty.
    pub(crate) fn names(&self) -> Result<Vec<SecretName>, VaultError> {
        let names = || {
            let mut names = Vec::new();
            for name in self.directory.open()?.names()? {
                names.extend(name?.parse::<SecretName>().ok());
            }
            Ok(names)
        };
        names().map_err(|source| VaultError::Storage { path: self.directory.path(), source })
    }

    /// The numbers of the earlier versions of a secret, oldest first. Removes one that is the current one
    /// as well, as a killed change leaves it.
    pub(crate) fn settle(&self, name: &SecretName) -> Result<Vec<u64>, VaultError> {
        let settled = self.within(name, |directory| {
            let mut settled = versions(directory)?;
            if let Some(newest) = settled.last().map(|&newest| file_of_version(newest))
                && self.is_current(name, directory, &newest)?
            {
                directory.remove(&newest)?;
                settled.pop();
            }
            Ok(settled)
        });
        settled.map_err(|source| self.failed(name, source))
    }

    /// The file of an earlier version; `None` if its directory does not exist.
    pub(crate) fn locate(
        &self,
        name: &SecretName,
        version: u64,
    ) -> Result<Option<VersionFile>, VaultError> {
        let failed = |source| self.failed(name, source);
        let beside = self.directory.open().map_err(failed)?;
        let directory = find(&beside, name).map_err(failed)?;
        let (file, place) = (file_of_version(version), VersionPlace::Earlier(version));
        Ok(directory.map(|directory| VersionFile { directory, file, beside, place }))
    }

    pub(crate) fn sync(&self, name: &SecretName) -> Result<(), VaultError> {
        self.within(name, DurableDirectory::sync).map_err(|source| self.failed(name, source))
    }

    /// Removes a version that was restored. A failure is logged: it would be there twice.
    pub(crate) fn remove_restored(&self, name: &SecretName, version: u64) {
        let file = file_of_version(version);
        if let Err(error) = self.within(name, |directory| directory.remove(&file)) {
            let path = self.directory.path().join(name.as_str()).join(file);
            tracing::warn!("cannot remove {} after it was restored: {error}", path.display());
        }
    }

    pub(crate) fn purge(&self, name: &SecretName) -> Result<(), VaultError> {
        let versions = self.within(name, versions).map_err(|source| self.failed(name, source))?;
        self.remove(name, &versions)
    }

    /// Removes versions of a secret, durably. Its directory would show that there was such a secret, so that
    /// goes with the last one.
    pub(crate) fn remove(&self, name: &SecretName, versions: &[u64]) -> Result<(), VaultError> {
        let removed = self.within(name, |directory| {
            remove_all(directory, versions)?;
            directory.sync()?;
            let all = self.directory.open()?;
            all.remove_empty(name.as_str())?;
            all.sync()
        });
        removed.map_err(|source| self.failed(name, source))
    }

    /// Writes a version of a secret under a temporary name, without waiting for the disk.
    pub(crate) fn write(
        &self,
        name: &SecretName,
        version: u64,
        encrypted: &[u8],
        date: Option<SystemTime>,
    ) -> Result<WrittenFile, VaultError> {
        let written = self
            .directory
            .open()
            .and_then(|all| WrittenFile::write(&all, &file_of_version(version), encrypted, date));
        written.map_err(|source| self.failed(name, source))
    }

    /// Puts written versions into the history of a secret, durably.
    pub(crate) fn put(
        &self,
        name: &SecretName,
        written: Vec<PreparedFile>,
    ) -> Result<(), VaultError> {
        if written.is_empty() {
            return Ok(());
        }
        let put = self.directory.open().and_then(|all| {
            let versions = all.find_or_make(name.as_str())?;
            for version in written {
                version.rename_into(&versions)?;
            }
            versions.sync()?;
            all.sync()
        });
        put.map_err(|source| self.failed(name, source))
    }

    /// Adds a version that was never the current one here, durably, unless the history has it. Returns its number.
    pub(crate) fn add(
        &self,
        name: &SecretName,
        encrypted: &[u8],
        date: Option<SystemTime>,
    ) -> Result<u64, VaultError> {
        if let Some((same, _)) = self.find(name, |version| version == encrypted) {
            return Ok(same);
        }
        let newest = self.within(name, |directory| Ok(numbers(directory)?.last().copied()));
        let newest = newest.map_err(|source| self.failed(name, source))?;
        let number = newest.unwrap_or(0).saturating_add(1);
        let prepared = self.write(name, number, encrypted, date)?.sync();
        self.put(name, vec![prepared.map_err(|source| self.failed(name, source))?])?;
        self.shorten(name);
        Ok(number)
    }

    /// Takes a version back that is the current one as well: the secret was not changed after all.
    pub(crate) fn undo(&self, KeptVersion { name, file, .. }: &KeptVersion) {
        let undone =
            self.within(name, |directory| match self.is_current(name, directory, file)? {
                true => directory.remove(file),
                false => Ok(()),
            });
        if let Err(error) = undone {
            let path = self.directory.path();
            tracing::warn!("the history in {} has the same version twice: {error}", path.display());
        }
    }

    /// Makes a version durable, for when it will be the only copy.
    pub(crate) fn make_durable(&self, kept: &KeptVersion) -> io::Result<()> {
        if kept.is_durable {
            return Ok(());
        }
        self.within(&kept.name, DurableDirectory::sync)?;
        self.directory.open()?.sync()
    }

    /// Removes the oldest versions of a secret that was changed, so that no more than the depth are left.
    /// A failure is logged: the change is made.
    pub(crate) fn prune(&self, kept: &KeptVersion) {
        if !kept.surplus.is_empty() {
            let remove = |directory: &DurableDirectory| remove_all(directory, &kept.surplus);
            self.warn_if_long(self.within(&kept.name, remove));
        }
    }

    /// The same by the secret's name.
    pub(crate) fn shorten(&self, name: &SecretName) {
        self.warn_if_long(self.within(name, |directory| {
            let versions = versions(directory)?;
            remove_all(directory, &versions[..versions.len().saturating_sub(self.depth)])
        }));
    }

    fn warn_if_long(&self, pruned: io::Result<()>) {
        if let Err(error) = pruned {
            let path = self.directory.path();
            tracing::warn!("cannot shorten the history in {}: {error}", path.display());
        }
    }

    pub(super) fn failed(&self, name: &SecretName, source: io::Error) -> VaultError {
        // If there is a directory in place of the secret's file, the history is not to blame.
        let path = match source.kind() {
            io::ErrorKind::IsADirectory => self.vault.path_of(&file_of(name)),
            _ => self.directory.path().join(name.as_str()),
        };
        VaultError::Storage { path, source }
    }
}

fn find(all: &DurableDirectory, name: &SecretName) -> io::Result<Option<DurableDirectory>> {
    match all.open(name.as_str()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

fn remove_all(directory: &DurableDirectory, versions: &[u64]) -> io::Result<()> {
    versions.iter().try_for_each(|&version| directory.remove_if_there(&file_of_version(version)))
}

fn copy(
    vault: &DurableDirectory,
    file: &str,
    all: &DurableDirectory,
    versions: &DurableDirectory,
    kept: &str,
) -> io::Result<()> {
    let (encrypted, found) =
        vault.read_with_metadata(file, ENCRYPTED_BYTES).map_err(|error| match error {
            ReadError::Io(error) => error,
            error => {
                let path = vault.path_of(file);
                io::Error::other(format!("cannot copy {} there: {error}", path.display()))
            }
        })?;
    PreparedFile::write(all, kept, &encrypted, found.modified().ok())?.rename_into(versions)?;
    let synced = versions.sync().and_then(|()| all.sync());
    // The current version stays.
    synced.inspect_err(|_| drop(versions.remove(kept)))
}
