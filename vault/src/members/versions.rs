//! The files of a vault's lists of members, `.members/1`, `.members/2` and so on.

use std::io;
use std::path::PathBuf;

use crate::durable_directory::{DurableDirectory, ReadError};
use crate::members::list::{LIST_BYTES, MemberList, SignedList};
use crate::members::store_error::MemberStoreError;
use crate::whole_file::PreparedFile;

/// The directory of all versions, in the vault.
pub(crate) const VERSIONS: &str = ".members";

/// The lists in a vault.
#[derive(Debug)]
pub(crate) struct VersionFiles {
    vault: DurableDirectory,
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
        let (mut older, mut lists) = (Vec::new(), Vec::new());
        for name in directory.names().map_err(failed)? {
            let name = name.map_err(failed)?;
            let version = name.parse::<u64>().ok().filter(|version| version.to_string() == name);
            match (version, accepted) {
                (Some(version), Some(accepted)) if version < accepted.version() => older.push(name),
                (Some(_), _) => lists.extend(self.version(&directory, &name, accepted)?),
                (None, _) => {}
            }
        }
        let is_accepted_alone = match lists.as_slice() {
            [list] => Some(list.hash()) == accepted.map(|one| one.hash()),
            _ => false,
        };
        if !is_accepted_alone {
            for name in older {
                lists.extend(self.version(&directory, &name, None)?);
            }
        }
        Ok(lists)
    }

    /// The list in a file. What cannot be read as a list of that version is left out: anyone who can write to a shared vault
    /// could put it there.
    fn version(
        &self,
        directory: &DurableDirectory,
        name: &str,
        accepted: Option<&MemberList>,
    ) -> Result<Option<SignedList>, MemberStoreError> {
        let bytes = match directory.read(name, LIST_BYTES) {
            Ok(bytes) => bytes,
            Err(ReadError::Io(error)) => return Err(self.unread(ReadError::Io(error))),
            Err(ReadError::Missing) => return Ok(None),
            Err(ReadError::Large | ReadError::NoFile) => Vec::new(),
        };
        // As almost always. Keys take long to read.
        if let Some(accepted) = accepted.filter(|accepted| accepted.bytes() == bytes) {
            return Ok(Some((**accepted).clone()));
        }
        let list = SignedList::parse(bytes).ok().filter(|list| list.version().to_string() == name);
        if list.is_none() {
            tracing::warn!("{} is not a list of members", directory.path_of(name).display());
        }
        Ok(list)
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
