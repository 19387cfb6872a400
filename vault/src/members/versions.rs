//! The files of a vault's lists of members, `.members/1`, `.members/2` and so on.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use crate::durable_directory::{DurableDirectory, ReadError};
use crate::members::content_hash::ContentHash;
use crate::members::list::{LIST_BYTES, MemberList, SignedList, predecessors_in};
use crate::members::store_error::MemberStoreError;
use crate::whole_file::PreparedFile;

/// The directory of all versions, in the vault.
pub(crate) const VERSIONS: &str = ".members";

/// The lists after the accepted one that are read at once.
pub(crate) const NEWER_LISTS: usize = 256;
/// The lists that a machine reads which has accepted none.
pub(crate) const ALL_LISTS: usize = 4096;

/// The lists in a vault.
#[derive(Debug)]
pub(crate) struct VersionFiles {
    vault: DurableDirectory,
}

/// What can be read as a list of this version.
fn parsed(bytes: Vec<u8>, version: u64) -> Option<SignedList> {
    SignedList::parse(bytes).ok().filter(|list| list.version() == version)
}

impl VersionFiles {
    pub(crate) fn of(vault: DurableDirectory) -> Self {
        Self { vault }
    }

    /// Their directory.
    pub(crate) fn path(&self) -> PathBuf {
        self.vault.path_of(VERSIONS)
    }

    /// Whether the vault has lists.
    pub(crate) fn is_there(&self) -> Result<bool, MemberStoreError> {
        self.vault.has(VERSIONS).map_err(|error| self.unread(ReadError::Io(error)))
    }

    /// The lists in the vault. If the accepted one is the newest, those before it are not read. Otherwise a fork or a
    /// rollback is seen by them.
    ///
    /// Anyone who can write to a shared vault can put files there, so not all are read. What follows a missing list
    /// cannot be accepted. After [`NEWER_LISTS`], the next call continues with the list that was accepted by then.
    pub(crate) fn read(
        &self,
        accepted: Option<&MemberList>,
    ) -> Result<Vec<SignedList>, MemberStoreError> {
        let failed = |error| self.unread(ReadError::Io(error));
        let directory = match self.vault.open(VERSIONS) {
            Ok(directory) => directory,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let versions = self.numbers_in(&directory)?;
        let Some(accepted) = accepted else {
            if versions.len() > ALL_LISTS {
                return Err(MemberStoreError::ManyLists { path: self.path(), most: ALL_LISTS });
            }
            return self.lists(&directory, versions);
        };
        let mut lists = Vec::new();
        if versions.contains(&accepted.version()) {
            lists.extend(self.version(&directory, accepted.version(), Some(accepted))?);
        }
        for version in (accepted.version() + 1..).take(NEWER_LISTS) {
            let bytes = match versions.contains(&version) {
                true => self.bytes_in(&directory, version)?,
                false => None,
            };
            // A stranger can put any number of files there, and keys take long to read.
            let follows = |bytes: &Vec<u8>| {
                lists.iter().rev().chain([&**accepted]).any(|one| one.is_followed_by(bytes))
            };
            let Some(list) = bytes.filter(follows).and_then(|bytes| parsed(bytes, version)) else {
                break;
            };
            lists.push(list);
        }
        let is_accepted_alone = match lists.as_slice() {
            [list] => list.hash() == accepted.hash(),
            _ => false,
        };
        if !is_accepted_alone {
            lists.extend(self.lists(&directory, versions.range(..accepted.version()).copied())?);
        }
        Ok(lists)
    }

    fn lists(
        &self,
        directory: &DurableDirectory,
        versions: impl IntoIterator<Item = u64>,
    ) -> Result<Vec<SignedList>, MemberStoreError> {
        let (mut lists, mut others) = (Vec::new(), 0_usize);
        for version in versions {
            let list = self.version(directory, version, None)?;
            others += usize::from(list.is_none());
            lists.extend(list);
        }
        if others > 0 {
            let path = self.path();
            tracing::warn!("{others} files in {} are not lists of members", path.display());
        }
        Ok(lists)
    }

    /// The list in a file; `None` for what cannot be read as a list of that version.
    fn version(
        &self,
        directory: &DurableDirectory,
        version: u64,
        accepted: Option<&MemberList>,
    ) -> Result<Option<SignedList>, MemberStoreError> {
        let Some(bytes) = self.bytes_in(directory, version)? else { return Ok(None) };
        // As almost always. Keys take long to read.
        if let Some(accepted) = accepted.filter(|accepted| accepted.bytes() == bytes) {
            return Ok(Some((**accepted).clone()));
        }
        Ok(parsed(bytes, version))
    }

    /// The accepted list and those before it, which it names by their hashes: version and hash, the newest first. The
    /// accepted one may not be in the vault.
    pub(crate) fn lineage(
        &self,
        accepted: &SignedList,
    ) -> Result<Vec<(u64, ContentHash)>, MemberStoreError> {
        let mut wanted: BTreeSet<_> = accepted.predecessors().collect();
        let mut found = vec![(accepted.version(), accepted.hash())];
        // A list has a higher version than those that it follows.
        for &version in self.numbers()?.range(..accepted.version()).rev() {
            let Some(bytes) = self.bytes(version)? else { continue };
            let hash = ContentHash::of(&bytes);
            if wanted.remove(&hash) {
                wanted.extend(predecessors_in(&bytes));
                found.push((version, hash));
            }
        }
        Ok(found)
    }

    /// The content of the file of a version, whatever it is; `None` if there is no such file.
    pub(crate) fn bytes(&self, version: u64) -> Result<Option<Vec<u8>>, MemberStoreError> {
        match self.vault.open(VERSIONS) {
            Ok(directory) => self.bytes_in(&directory, version),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.unread(ReadError::Io(error))),
        }
    }

    /// The versions of which there is a file.
    fn numbers(&self) -> Result<BTreeSet<u64>, MemberStoreError> {
        match self.vault.open(VERSIONS) {
            Ok(directory) => self.numbers_in(&directory),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
            Err(error) => Err(self.unread(ReadError::Io(error))),
        }
    }

    fn numbers_in(&self, directory: &DurableDirectory) -> Result<BTreeSet<u64>, MemberStoreError> {
        let failed = |error| self.unread(ReadError::Io(error));
        let mut versions = BTreeSet::new();
        for name in directory.names().map_err(failed)? {
            let name = name.map_err(failed)?;
            let version = name.parse::<u64>().ok().filter(|version| version.to_string() == name);
            versions.extend(version);
        }
        Ok(versions)
    }

    fn bytes_in(
        &self,
        directory: &DurableDirectory,
        version: u64,
    ) -> Result<Option<Vec<u8>>, MemberStoreError> {
        match directory.read(&version.to_string(), LIST_BYTES) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(ReadError::Io(error)) => Err(self.unread(ReadError::Io(error))),
            Err(ReadError::Large | ReadError::Missing | ReadError::NoFile) => Ok(None),
        }
    }

    /// Writes a list to the vault, unless it is there.
    pub(crate) fn publish(&self, list: &SignedList) -> Result<(), MemberStoreError> {
        let name = list.version().to_string();
        let found =
            self.vault.open(VERSIONS).ok().and_then(|found| found.read(&name, LIST_BYTES).ok());
        if found.is_some_and(|found| found == list.bytes()) {
            return Ok(());
        }
        let write = || {
            let directory = self.vault.find_or_make(VERSIONS)?;
            self.vault.sync()?;
            PreparedFile::write(&directory, &name, list.bytes(), None)?.commit()
        };
        let path = self.path().join(&name);
        write().map_err(|source| MemberStoreError::Write { path, source })
    }

    fn unread(&self, source: ReadError) -> MemberStoreError {
        MemberStoreError::Read { path: self.path(), source }
    }
}
