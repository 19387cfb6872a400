//! What was overwritten or deleted: the newest earlier versions of each secret, sealed as they
//! were.
//!
//! `NAME/N.age`, where a higher N is newer. A folder for each name, because finding the newest N must
//! not cost more in a vault of 100,000 secrets than in one of ten.
//!
//! * here: the versions
//! * [`directory`]: the directory that they are in
//! * [`moving`]: what an earlier release kept in the vault

mod directory;
mod moving;

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fluvio_secret_protocol::SecretName;
use rustix::fs::FileType;

use self::directory::{HistoryDirectory, find_or_make};
pub(crate) use self::moving::is_in;
use super::SEALED_BYTES;
use super::id::VaultId;
use super::store::{Folder, Prepared, ReadError, Written, has_no_links};

/// How many earlier versions are kept, unless another number is set.
pub const DEPTH: usize = 10;

/// The vault's history.
#[derive(Debug)]
pub(crate) struct History {
    directory: HistoryDirectory,
    depth: usize,
}

/// A version that was just put into the history.
#[derive(Debug)]
pub(crate) struct Kept {
    name: SecretName,
    file: String,
    /// Whether it was made durable with that.
    is_durable: bool,
}

impl History {
    /// The history of this vault, in the directory of all histories.
    pub(crate) fn of_vault(vault: Folder, id: VaultId, histories: &Path) -> Self {
        Self { directory: HistoryDirectory::of(vault, id, histories), depth: DEPTH }
    }

    /// Keeps so many earlier versions; what is more goes with the next change of a secret.
    pub(crate) fn keep_at_most(&mut self, depth: usize) {
        self.depth = depth;
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

    /// Puts the present version of a secret into its history, without taking it away: a second name
    /// for the same file. It is there after a crash of the daemon; [`Kept::sync`] makes it durable.
    /// Where a file cannot have a second name it is a copy, which is durable at once.
    ///
    /// `None` when no file is there that could be kept.
    pub(crate) fn keep(
        &self,
        vault: &Folder,
        name: &SecretName,
        file: &str,
    ) -> io::Result<Option<Kept>> {
        match vault.kind(file)? {
            None => return Ok(None),
            Some(FileType::RegularFile) => {}
            Some(FileType::Directory) => return Err(io::ErrorKind::IsADirectory.into()),
            Some(_) => {
                let path = vault.path_of(file);
                tracing::warn!(
                    "{} is not a file, so the history has nothing of it",
                    path.display()
                );
                return Ok(None);
            }
        }
        let place = self.directory.open()?;
        let folder = find_or_make(&place, name.as_str())?;
        let newest = numbers(&folder)?.last().copied().unwrap_or(0);
        // A change that was killed or failed after this has put it there already.
        let kept = file_of(newest);
        if vault.is_same(file, &folder, &kept, SEALED_BYTES)? {
            return Ok(Some(Kept { name: name.clone(), file: kept, is_durable: false }));
        }
        let last = || {
            let file = folder.path_of(&file_of(newest));
            io::Error::other(format!("no number is left behind that of {}", file.display()))
        };
        let next = newest.checked_add(1).ok_or_else(last)?;
        let kept = file_of(next);
        let is_durable = match vault.link(file, &folder, &kept) {
            Err(error) if has_no_links(&error) => {
                copy(vault, file, &place, &folder, &kept)?;
                true
            }
            linked => {
                linked?;
                false
            }
        };
        Ok(Some(Kept { name: name.clone(), file: kept, is_durable }))
    }

    /// The earlier versions of a secret, newest first, without one that is the present one's file: a
    /// change that put it there was killed before it was made.
    pub(crate) fn versions(
        &self,
        vault: &Folder,
        name: &SecretName,
        file: &str,
    ) -> io::Result<Vec<(u64, SystemTime)>> {
        let Some(folder) = self.of(name)? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for version in versions(&folder)?.into_iter().rev() {
            let kept = file_of(version);
            if vault.is_same(file, &folder, &kept, SEALED_BYTES)? {
                continue;
            }
            // One that is pruned meanwhile is none.
            found.extend(folder.date(&kept)?.map(|date| (version, date)));
        }
        Ok(found)
    }

    /// The secrets that have a history, be it an empty one.
    pub(crate) fn names(&self) -> io::Result<Vec<SecretName>> {
        let mut names = Vec::new();
        for name in self.directory.open()?.names()? {
            names.extend(name?.parse::<SecretName>().ok());
        }
        Ok(names)
    }

    /// The numbers of the earlier versions of a secret, oldest first. A version that is the present
    /// one's file is taken away: a change that put it there was killed before it was made.
    pub(crate) fn settle(
        &self,
        vault: &Folder,
        name: &SecretName,
        file: &str,
    ) -> io::Result<Vec<u64>> {
        let Some(folder) = self.of(name)? else { return Ok(Vec::new()) };
        let mut settled = versions(&folder)?;
        if let Some(&newest) = settled.last()
            && vault.is_same(file, &folder, &file_of(newest), SEALED_BYTES)?
        {
            folder.remove(&file_of(newest))?;
            settled.pop();
        }
        Ok(settled)
    }

    /// The folder of a secret's earlier versions; `None` when there is none.
    pub(crate) fn of(&self, name: &SecretName) -> io::Result<Option<Folder>> {
        match self.directory.open()?.open(name.as_str()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            found => found.map(Some),
        }
    }

    /// The sealed bytes of an earlier version.
    pub(crate) fn read(&self, name: &SecretName, version: u64) -> Result<Vec<u8>, ReadError> {
        let folder = self.of(name).map_err(ReadError::Io)?.ok_or(ReadError::Missing)?;
        folder.read(&file_of(version), SEALED_BYTES)
    }

    /// Writes what is to be an earlier version. It takes its place by [`History::replace`].
    pub(crate) fn write(
        &self,
        version: u64,
        sealed: &[u8],
        date: Option<SystemTime>,
    ) -> io::Result<Written> {
        self.directory.open()?.write(&file_of(version), sealed, date)
    }

    /// Puts what was written in the place of an earlier version of a secret.
    pub(crate) fn replace(&self, name: &SecretName, prepared: Prepared) -> io::Result<()> {
        let folder = self.of(name)?.ok_or(io::ErrorKind::NotFound)?;
        prepared.rename_into(&folder)
    }

    /// Makes the names of a secret's versions durable.
    pub(crate) fn sync(&self, name: &SecretName) -> io::Result<()> {
        self.of(name)?.map_or(Ok(()), |folder| folder.sync())
    }

    /// The file of an earlier version, for messages.
    pub(crate) fn path_of_version(&self, name: &SecretName, version: u64) -> PathBuf {
        self.path_of(name).join(file_of(version))
    }

    /// Whether there is any earlier version of a secret.
    pub(crate) fn has(&self, name: &SecretName) -> io::Result<bool> {
        self.of(name)?.map_or(Ok(false), |folder| Ok(!versions(&folder)?.is_empty()))
    }

    /// Removes an earlier version.
    pub(crate) fn remove(&self, name: &SecretName, version: u64) -> io::Result<()> {
        self.of(name)?.map_or(Ok(()), |folder| folder.remove(&file_of(version)))
    }

    /// Removes all earlier versions of a secret, durably.
    pub(crate) fn purge(&self, name: &SecretName) -> io::Result<()> {
        let Some(folder) = self.of(name)? else { return Ok(()) };
        for version in versions(&folder)? {
            folder.remove(&file_of(version))?;
        }
        folder.sync()?;
        // Without its folder nothing tells that there ever was such a secret.
        let place = self.directory.open()?;
        place.remove_empty(name.as_str())?;
        place.sync()
    }
}

impl Kept {
    /// Takes it back when it still is the present version: the secret was not changed after all.
    pub(crate) fn undo(self, history: &History, vault: &Folder, file: &str) -> io::Result<()> {
        let Some(folder) = history.of(&self.name)? else { return Ok(()) };
        if vault.is_same(file, &folder, &self.file, SEALED_BYTES)? {
            folder.remove(&self.file)?;
        }
        Ok(())
    }

    /// Makes it durable, for when it will be the only copy.
    pub(crate) fn sync(&self, history: &History) -> io::Result<()> {
        if self.is_durable {
            return Ok(());
        }
        history.sync(&self.name)?;
        history.directory.open()?.sync()
    }

    /// Removes the versions that are more than the history keeps, oldest first.
    pub(crate) fn prune(self, history: &History) -> io::Result<()> {
        let Some(folder) = history.of(&self.name)? else { return Ok(()) };
        let versions = versions(&folder)?;
        for &version in &versions[..versions.len().saturating_sub(history.depth)] {
            folder.remove(&file_of(version))?;
        }
        Ok(())
    }
}

/// Puts a copy of the present version into the history, durably, before that is replaced or removed.
fn copy(vault: &Folder, file: &str, place: &Folder, folder: &Folder, kept: &str) -> io::Result<()> {
    let (sealed, found) = vault.read_found(file, SEALED_BYTES).map_err(|error| match error {
        ReadError::Io(error) => error,
        error => {
            let path = vault.path_of(file);
            io::Error::other(format!("{} cannot be copied there: {error}", path.display()))
        }
    })?;
    place.prepare(kept, &sealed, found.modified().ok())?.rename_into(folder)?;
    let synced = folder.sync().and_then(|()| place.sync());
    // As good as none: the present version stays.
    synced.inspect_err(|_| drop(folder.remove(kept)))
}

/// The file of a version.
pub(crate) fn file_of(version: u64) -> String {
    format!("{version}.age")
}

/// The version that a file is called after. Only numbers as they are written here: `+5` reads as 5, too.
fn version_of(file: &str) -> Option<u64> {
    let number = file.strip_suffix(".age")?.parse().ok()?;
    (file_of(number) == file).then_some(number)
}

/// The numbers that are taken, lowest first.
fn numbers(folder: &Folder) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for name in folder.names()? {
        numbers.extend(version_of(&name?));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The versions that are there, oldest first. Links are not versions.
fn versions(folder: &Folder) -> io::Result<Vec<u64>> {
    let mut versions = Vec::new();
    for number in numbers(folder)? {
        if folder.kind(&file_of(number))? == Some(FileType::RegularFile) {
            versions.push(number);
        }
    }
    Ok(versions)
}
