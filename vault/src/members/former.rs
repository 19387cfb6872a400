//! The list before the accepted one, kept until everything is signed again.
//!
//! While a change of the members is not finished, files still have the signatures of members in the list before. A
//! machine that lost its signing key begins a list of its own, and its files have those of the key before.

use crate::durable_directory::{DurableDirectory, ReadError};
use crate::members::list::{LIST_BYTES, MemberList, SignedList};
use crate::members::store_error::MemberStoreError;
use crate::whole_file::PreparedFile;

/// The list whose signatures count beside those of the accepted one.
const FORMER: &str = "members.former";

#[derive(Debug)]
pub(crate) struct FormerList {
    config: DurableDirectory,
}

impl FormerList {
    pub(crate) fn in_directory(config: DurableDirectory) -> Self {
        Self { config }
    }

    pub(crate) fn read(&self) -> Result<Option<MemberList>, MemberStoreError> {
        let path = || self.config.path_of(FORMER);
        match self.config.read(FORMER, LIST_BYTES) {
            Ok(bytes) => match SignedList::parse(bytes) {
                Ok(list) => Ok(Some(MemberList::accepted(list))),
                Err(source) => Err(MemberStoreError::Bad { path: path(), source }),
            },
            Err(ReadError::Missing) => Ok(None),
            Err(source) => Err(MemberStoreError::Read { path: path(), source }),
        }
    }

    /// Keeps a list, durably, unless an earlier change has kept the one before it and was not finished.
    pub(crate) fn keep(&self, list: &SignedList) -> Result<(), MemberStoreError> {
        if self.read()?.is_some() {
            return Ok(());
        }
        let prepared = PreparedFile::write(&self.config, FORMER, list.bytes(), None);
        let written = prepared.and_then(PreparedFile::commit);
        let path = self.config.path_of(FORMER);
        written.map_err(|source| MemberStoreError::Write { path, source })
    }

    /// Everything is signed by members of the accepted list.
    pub(crate) fn end(&self) -> Result<(), MemberStoreError> {
        let ended = self.config.remove_if_there(FORMER).and_then(|()| self.config.sync());
        let path = self.config.path_of(FORMER);
        ended.map_err(|source| MemberStoreError::Write { path, source })
    }
}
