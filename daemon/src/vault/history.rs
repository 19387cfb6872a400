//! What was overwritten or deleted: the newest earlier versions of each secret, sealed as they
//! were.
//!
//! `.history/NAME/N.age`, where a higher N is newer. A folder for each name, because finding the
//! newest N must not cost more in a vault of 100,000 secrets than in one of ten.

use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use fluvio_secret_protocol::SecretName;

use super::store::{Folder, ReadError};

/// How many earlier versions are kept, unless another number is set.
pub(crate) const DEPTH: usize = 10;

/// The vault's history.
#[derive(Debug)]
pub(crate) struct History {
    folder: Folder,
    depth: usize,
}

/// A version that was just put into the history.
#[derive(Debug)]
pub(crate) struct Kept {
    folder: Folder,
    name: String,
}

impl History {
    pub(crate) fn at(folder: Folder) -> Self {
        Self { folder, depth: DEPTH }
    }

    /// Keeps so many earlier versions; what is more goes with the next change of a secret.
    pub(crate) fn keep_at_most(&mut self, depth: usize) {
        self.depth = depth;
    }

    /// Whether there is any earlier version of anything.
    pub(crate) fn is_empty(&self) -> io::Result<bool> {
        Ok(self.folder.names()?.next().transpose()?.is_none())
    }

    /// Where the earlier versions of a secret are, for messages.
    pub(crate) fn path_of(&self, name: &SecretName) -> PathBuf {
        self.folder.path_of(name.as_str())
    }

    /// Puts the present version of a secret into its history, without taking it away: a second name
    /// for the same file. It is there after a crash of the daemon; [`Kept::sync`] makes it durable.
    pub(crate) fn keep(&self, vault: &Folder, name: &SecretName, file: &str) -> io::Result<Kept> {
        let folder = self.folder.subfolder(name.as_str())?;
        let newest = versions(&folder)?.last().copied().unwrap_or(0);
        // A change that was killed or failed after this has put it there already.
        let kept = file_of(newest);
        if vault.is_same(file, &folder, &kept)? {
            return Ok(Kept { folder, name: kept });
        }
        let last = || {
            let file = folder.path_of(&file_of(newest));
            io::Error::other(format!("no number is left behind that of {}", file.display()))
        };
        let next = newest.checked_add(1).ok_or_else(last)?;
        let kept = file_of(next);
        vault.link(file, &folder, &kept)?;
        Ok(Kept { folder, name: kept })
    }

    /// The earlier versions of a secret, newest first, without one that is the present one's file: a
    /// change that put it there was killed before it was made.
    pub(crate) fn versions(
        &self,
        vault: &Folder,
        name: &SecretName,
        file: &str,
    ) -> io::Result<Vec<(u64, SystemTime)>> {
        let folder = self.of(name);
        let mut found = Vec::new();
        for version in versions(&folder)?.into_iter().rev() {
            let kept = file_of(version);
            if vault.is_same(file, &folder, &kept)? {
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
        for name in self.folder.names()? {
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
        let folder = self.of(name);
        let mut settled = versions(&folder)?;
        if let Some(&newest) = settled.last()
            && vault.is_same(file, &folder, &file_of(newest))?
        {
            folder.remove(&file_of(newest))?;
            settled.pop();
        }
        Ok(settled)
    }

    /// The folder of a secret's earlier versions.
    pub(crate) fn of(&self, name: &SecretName) -> Folder {
        self.folder.at_name(name.as_str())
    }

    /// The sealed bytes of an earlier version.
    pub(crate) fn read(
        &self,
        name: &SecretName,
        version: u64,
        most: u64,
    ) -> Result<Vec<u8>, ReadError> {
        self.of(name).read(&file_of(version), most)
    }

    /// The file of an earlier version, for messages.
    pub(crate) fn path_of_version(&self, name: &SecretName, version: u64) -> PathBuf {
        self.of(name).path_of(&file_of(version))
    }

    /// Whether there is any earlier version of a secret.
    pub(crate) fn has(&self, name: &SecretName) -> io::Result<bool> {
        Ok(!versions(&self.of(name))?.is_empty())
    }

    /// Removes an earlier version.
    pub(crate) fn remove(&self, name: &SecretName, version: u64) -> io::Result<()> {
        self.of(name).remove(&file_of(version))
    }

    /// Removes all earlier versions of a secret, durably.
    pub(crate) fn purge(&self, name: &SecretName) -> io::Result<()> {
        if !self.folder.has(name.as_str())? {
            return Ok(());
        }
        let folder = self.of(name);
        for version in versions(&folder)? {
            folder.remove(&file_of(version))?;
        }
        folder.sync()?;
        // Without its folder nothing tells that there ever was such a secret.
        self.folder.remove_empty(name.as_str())?;
        self.folder.sync()
    }
}

impl Kept {
    /// Takes it back when it still is the present version: the secret was not changed after all.
    pub(crate) fn undo(self, vault: &Folder, file: &str) -> io::Result<()> {
        if vault.is_same(file, &self.folder, &self.name)? {
            self.folder.remove(&self.name)?;
        }
        Ok(())
    }

    /// Makes it durable, for when it will be the only copy.
    pub(crate) fn sync(&self, history: &History) -> io::Result<()> {
        self.folder.sync()?;
        history.folder.sync()
    }

    /// Removes the versions that are more than the history keeps, oldest first.
    pub(crate) fn prune(self, history: &History) -> io::Result<()> {
        let versions = versions(&self.folder)?;
        for &version in &versions[..versions.len().saturating_sub(history.depth)] {
            self.folder.remove(&file_of(version))?;
        }
        Ok(())
    }
}

/// The file of a version.
pub(crate) fn file_of(version: u64) -> String {
    format!("{version}.age")
}

/// The versions that are there, oldest first; none in a folder that is not there.
fn versions(folder: &Folder) -> io::Result<Vec<u64>> {
    let mut versions = Vec::new();
    let names = match folder.names() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(versions),
        names => names?,
    };
    for name in names {
        let name = name?;
        let version = name.strip_suffix(".age").and_then(|number| number.parse::<u64>().ok());
        // Only numbers as they are written here: `+5` reads as 5, too.
        versions.extend(version.filter(|&version| file_of(version) == name));
    }
    versions.sort_unstable();
    Ok(versions)
}
