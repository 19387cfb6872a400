//! The earlier versions of each secret, encrypted as they were.
//!
//! Each secret has a directory, so that finding its newest version does not take longer in a large
//! vault.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fluvio_secret_protocol::SecretName;
use rustix::fs::FileType;

use crate::durable_directory::{DurableDirectory, ReadError, has_no_links};
use crate::id::VaultId;
use crate::secrets::file_name::{ENCRYPTED_BYTES, file_of};
use crate::secrets::history::directory::HistoryDirectory;
use crate::secrets::history::version_file::{file_of_version, version_of};
use crate::whole_file::{PreparedFile, WrittenFile};

/// The number of earlier versions that are kept, unless the settings have another one.
pub const HISTORY_DEPTH: usize = 10;

/// The history of a vault.
#[derive(Debug)]
pub(crate) struct VersionHistory {
    vault: DurableDirectory,
    directory: HistoryDirectory,
    depth: usize,
}

/// A version that was just put into the history.
#[derive(Debug)]
pub(crate) struct KeptVersion {
    name: SecretName,
    file: String,
    is_durable: bool,
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
        let directory = HistoryDirectory::of(vault.clone(), id, histories);
        Self { vault, directory, depth }
    }

    /// Makes its directory complete, and removes what killed writers left in it.
    pub(crate) fn sweep(&self) -> io::Result<()> {
        self.directory.open()?.remove_temporary()
    }

    /// Whether there is any earlier version of anything.
    pub(crate) fn is_empty(&self) -> io::Result<bool> {
        Ok(self.names()?.is_empty())
    }

    /// Where it is, for messages.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path()
    }

    /// Where the earlier versions of a secret are, for messages.
    pub(crate) fn path_of(&self, name: &SecretName) -> PathBuf {
        self.path().join(name.as_str())
    }

    /// Gives the current version of a secret a second name in its history. That survives a crash of the
    /// daemon, and a power cut after [`VersionHistory::make_durable`].
    ///
    /// Where a file cannot have a second name, the version is copied, durably. `None` if there is no
    /// file that can be kept.
    pub(crate) fn keep(&self, name: &SecretName) -> io::Result<Option<KeptVersion>> {
        let file = file_of(name);
        match self.vault.kind(&file)? {
            None => return Ok(None),
            Some(FileType::RegularFile) => {}
            Some(FileType::Directory) => return Err(io::ErrorKind::IsADirectory.into()),
            Some(_) => {
                let path = self.vault.path_of(&file);
                tracing::warn!(
                    "{} is not a file, so the history has nothing of it",
                    path.display()
                );
                return Ok(None);
            }
        }
        let all = self.directory.open()?;
        let versions = all.find_or_make(name.as_str())?;
        let newest = numbers(&versions)?.last().copied().unwrap_or(0);
        let kept = |file, is_durable| KeptVersion { name: name.clone(), file, is_durable };
        // A change that was killed or failed after this has put it there already.
        if self.is_current(name, &versions, newest)? {
            return Ok(Some(kept(file_of_version(newest), false)));
        }
        let last = || {
            let file = versions.path_of(&file_of_version(newest));
            io::Error::other(format!("no number is left behind that of {}", file.display()))
        };
        let next = file_of_version(newest.checked_add(1).ok_or_else(last)?);
        match self.vault.link(&file, &versions, &next) {
            Err(error) if has_no_links(&error) => {
                copy(&self.vault, &file, &all, &versions, &next)?;
                Ok(Some(kept(next, true)))
            }
            linked => linked.map(|()| Some(kept(next, false))),
        }
    }

    /// Whether a version is the current one as well, as a killed change leaves it.
    fn is_current(
        &self,
        name: &SecretName,
        versions: &DurableDirectory,
        version: u64,
    ) -> io::Result<bool> {
        let file = file_of_version(version);
        self.vault.is_same(&file_of(name), versions, &file, ENCRYPTED_BYTES)
    }

    /// The earlier versions of a secret and their dates, newest first, without one that is the current
    /// one as well.
    pub(crate) fn versions(&self, name: &SecretName) -> io::Result<Vec<(u64, SystemTime)>> {
        let Some(directory) = self.of(name)? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for version in versions(&directory)?.into_iter().rev() {
            if self.is_current(name, &directory, version)? {
                continue;
            }
            // It may be pruned in the meantime.
            let date = directory.date(&file_of_version(version))?;
            found.extend(date.map(|date| (version, date)));
        }
        Ok(found)
    }

    /// The secrets that have a history, which may be empty.
    pub(crate) fn names(&self) -> io::Result<Vec<SecretName>> {
        let mut names = Vec::new();
        for name in self.directory.open()?.names()? {
            names.extend(name?.parse::<SecretName>().ok());
        }
        Ok(names)
    }

    /// The numbers of the earlier versions of a secret, oldest first. Removes one that is the current one
    /// as well, as a killed change leaves it.
    pub(crate) fn settle(&self, name: &SecretName) -> io::Result<Vec<u64>> {
        let Some(directory) = self.of(name)? else { return Ok(Vec::new()) };
        let mut settled = versions(&directory)?;
        if let Some(&newest) = settled.last()
            && self.is_current(name, &directory, newest)?
        {
            directory.remove(&file_of_version(newest))?;
            settled.pop();
        }
        Ok(settled)
    }

    /// The directory of a secret's earlier versions; `None` if it does not exist.
    pub(crate) fn of(&self, name: &SecretName) -> io::Result<Option<DurableDirectory>> {
        match self.directory.open()?.open(name.as_str()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            found => found.map(Some),
        }
    }

    /// The encrypted bytes of an earlier version.
    pub(crate) fn read(&self, name: &SecretName, version: u64) -> Result<Vec<u8>, ReadError> {
        let directory = self.of(name).map_err(ReadError::Io)?.ok_or(ReadError::Missing)?;
        directory.read(&file_of_version(version), ENCRYPTED_BYTES)
    }

    /// Writes an earlier version again. It takes its place by [`VersionHistory::replace`].
    pub(crate) fn write(
        &self,
        version: u64,
        encrypted: &[u8],
        date: Option<SystemTime>,
    ) -> io::Result<WrittenFile> {
        WrittenFile::write(&self.directory.open()?, &file_of_version(version), encrypted, date)
    }

    /// Replaces an earlier version by what was written.
    pub(crate) fn replace(&self, name: &SecretName, prepared: PreparedFile) -> io::Result<()> {
        let directory = self.of(name)?.ok_or(io::ErrorKind::NotFound)?;
        prepared.rename_into(&directory)
    }

    /// Makes the names of a secret's versions durable.
    pub(crate) fn sync(&self, name: &SecretName) -> io::Result<()> {
        self.of(name)?.map_or(Ok(()), |directory| directory.sync())
    }

    /// The file of an earlier version, for messages.
    pub(crate) fn path_of_version(&self, name: &SecretName, version: u64) -> PathBuf {
        self.path_of(name).join(file_of_version(version))
    }

    /// Whether there is any earlier version of a secret.
    pub(crate) fn has(&self, name: &SecretName) -> io::Result<bool> {
        self.of(name)?.map_or(Ok(false), |directory| Ok(!versions(&directory)?.is_empty()))
    }

    /// Removes an earlier version.
    pub(crate) fn remove(&self, name: &SecretName, version: u64) -> io::Result<()> {
        self.of(name)?.map_or(Ok(()), |directory| directory.remove(&file_of_version(version)))
    }

    /// Removes all earlier versions of a secret, durably.
    pub(crate) fn purge(&self, name: &SecretName) -> io::Result<()> {
        let Some(directory) = self.of(name)? else { return Ok(()) };
        for version in versions(&directory)? {
            directory.remove(&file_of_version(version))?;
        }
        directory.sync()?;
        // Its directory would show that there was such a secret.
        let all = self.directory.open()?;
        all.remove_empty(name.as_str())?;
        all.sync()
    }

    /// Takes a version back that is the current one as well: the secret was not changed after all.
    pub(crate) fn undo(&self, kept: &KeptVersion) -> io::Result<()> {
        let Some(directory) = self.of(&kept.name)? else { return Ok(()) };
        let file = file_of(&kept.name);
        if self.vault.is_same(&file, &directory, &kept.file, ENCRYPTED_BYTES)? {
            directory.remove(&kept.file)?;
        }
        Ok(())
    }

    /// Makes a version durable, for when it will be the only copy.
    pub(crate) fn make_durable(&self, kept: &KeptVersion) -> io::Result<()> {
        if kept.is_durable {
            return Ok(());
        }
        self.sync(&kept.name)?;
        self.directory.open()?.sync()
    }

    /// Removes the oldest versions, so that no more than the depth are left.
    pub(crate) fn prune(&self, kept: &KeptVersion) -> io::Result<()> {
        let Some(directory) = self.of(&kept.name)? else { return Ok(()) };
        let versions = versions(&directory)?;
        for &version in &versions[..versions.len().saturating_sub(self.depth)] {
            directory.remove(&file_of_version(version))?;
        }
        Ok(())
    }
}

/// Copies the current version into the history, durably.
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
                io::Error::other(format!("{} cannot be copied there: {error}", path.display()))
            }
        })?;
    PreparedFile::write(all, kept, &encrypted, found.modified().ok())?.rename_into(versions)?;
    let synced = versions.sync().and_then(|()| all.sync());
    // The current version stays.
    synced.inspect_err(|_| drop(versions.remove(kept)))
}

/// The numbers that are taken, lowest first.
fn numbers(directory: &DurableDirectory) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for name in directory.names()? {
        numbers.extend(version_of(&name?));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The versions that are there, oldest first. Links are not versions.
fn versions(directory: &DurableDirectory) -> io::Result<Vec<u64>> {
    let mut versions = Vec::new();
    for number in numbers(directory)? {
        if directory.kind(&file_of_version(number))? == Some(FileType::RegularFile) {
            versions.push(number);
        }
    }
    Ok(versions)
}
