//! Puts a version of a secret into its history that is older than others there.
//!
//! Numbers grow with the revisions, so the newer versions get higher numbers. A number that was used is not used again:
//! the new version gets one above all of them, and the newer ones follow it. After a kill at any point the order is
//! right.

use std::io;
use std::time::SystemTime;

use fluvio_secret_protocol::SecretName;

use crate::error::VaultError;
use crate::secrets::file_name::file_of_version;
use crate::secrets::history::version_history::VersionHistory;
use crate::secrets::history::version_numbers::numbers;
use crate::whole_file::PreparedFile;

/// A version that is on the disk under a temporary name, and has its place in a history.
#[must_use]
#[derive(Debug)]
pub(crate) struct HistoryInsertion {
    prepared: PreparedFile,
    /// The versions that come after it, oldest first: their numbers now and then.
    moved: Vec<(u64, u64)>,
}

impl VersionHistory {
    /// Writes a version that comes before those with the numbers `newer`, oldest first.
    pub(crate) fn prepare_insertion(
        &self,
        name: &SecretName,
        newer: &[u64],
        encrypted: &[u8],
        date: Option<SystemTime>,
    ) -> Result<HistoryInsertion, VaultError> {
        let newest = self.within(name, |directory| Ok(numbers(directory)?.last().copied()));
        let newest = newest.map_err(|source| self.failed(name, source))?.unwrap_or(0);
        let count = u64::try_from(newer.len()).unwrap_or(u64::MAX);
        if newest.checked_add(count).is_none_or(|last| last == u64::MAX) {
            let source = io::Error::other(format!("no number is left after {newest}"));
            return Err(self.failed(name, source));
        }
        let number = newest + 1;
        let moved = newer.iter().copied().zip(number + 1..).collect();
        Ok(HistoryInsertion { prepared: self.prepare_at(name, number, encrypted, date)?, moved })
    }

    /// Writes a file that takes the place of a version: the same change, encrypted again.
    pub(crate) fn prepare_replacement(
        &self,
        name: &SecretName,
        version: u64,
        encrypted: &[u8],
        date: Option<SystemTime>,
    ) -> Result<HistoryInsertion, VaultError> {
        let prepared = self.prepare_at(name, version, encrypted, date)?;
        Ok(HistoryInsertion { prepared, moved: Vec::new() })
    }

    fn prepare_at(
        &self,
        name: &SecretName,
        version: u64,
        encrypted: &[u8],
        date: Option<SystemTime>,
    ) -> Result<PreparedFile, VaultError> {
        let prepared = self.write(name, version, encrypted, date)?.sync();
        prepared.map_err(|source| self.failed(name, source))
    }

    /// Puts it into its place, durably.
    pub(crate) fn insert(
        &self,
        name: &SecretName,
        insertion: HistoryInsertion,
    ) -> Result<(), VaultError> {
        let HistoryInsertion { prepared, moved } = insertion;
        let make_room = self.within(name, |directory| {
            // The newest first, so that the order is right after each.
            for &(now, then) in moved.iter().rev() {
                directory.rename_to(&file_of_version(now), directory, &file_of_version(then))?;
            }
            Ok(())
        });
        make_room.map_err(|source| self.failed(name, source))?;
        self.put(name, vec![prepared])
    }
}
