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
use crate::secrets::history::version_numbers::{numbers, versions};
use crate::secrets::secret_revisions::EarlierPlace;
use crate::whole_file::PreparedFile;

/// A version that is on the disk under a temporary name, and has its place in a history.
#[must_use]
#[derive(Debug)]
pub(crate) struct HistoryInsertion {
    /// Its number.
    version: u64,
    prepared: PreparedFile,
    /// The versions that come after it, oldest first: their numbers now and then.
    moved: Vec<(u64, u64)>,
}

impl VersionHistory {
    /// The numbers of all earlier versions, oldest first. The current version may be among them.
    pub(crate) fn all(&self, name: &SecretName) -> Result<Vec<u64>, VaultError> {
        self.within(name, versions).map_err(|source| self.failed(name, source))
    }

    /// Writes a version for its place among the others.
    pub(crate) fn prepare_insertion(
        &self,
        name: &SecretName,
        place: &EarlierPlace,
        encrypted: &[u8],
        date: Option<SystemTime>,
    ) -> Result<HistoryInsertion, VaultError> {
        let (version, newer) = match place {
            EarlierPlace::InsteadOf(version) => (*version, &[][..]),
            EarlierPlace::Before(newer) => (self.free_numbers(name, newer.len())?, &newer[..]),
        };
        let moved = newer.iter().copied().zip((version..).skip(1)).collect();
        let prepared = self.write(name, version, encrypted, date)?.sync();
        let prepared = prepared.map_err(|source| self.failed(name, source))?;
        Ok(HistoryInsertion { version, prepared, moved })
    }

    /// The first of some numbers that follow all that are taken: one, and as many more.
    fn free_numbers(&self, name: &SecretName, more: usize) -> Result<u64, VaultError> {
        let newest = self.within(name, |directory| Ok(numbers(directory)?.last().copied()));
        let newest = newest.map_err(|source| self.failed(name, source))?.unwrap_or(0);
        let more = u64::try_from(more).unwrap_or(u64::MAX);
        match newest.checked_add(more).is_some_and(|last| last < u64::MAX - 1) {
            true => Ok(newest + 1),
            false => {
                let source = io::Error::other(format!("no number is left after {newest}"));
                Err(self.failed(name, source))
            }
        }
    }

    /// Puts it into its place, durably, and returns its number.
    pub(crate) fn insert(
        &self,
        name: &SecretName,
        insertion: HistoryInsertion,
    ) -> Result<u64, VaultError> {
        let HistoryInsertion { version, prepared, moved } = insertion;
        let make_room = self.within(name, |directory| {
            // The newest first, so that the order is right after each.
            for &(now, then) in moved.iter().rev() {
                directory.rename_to(&file_of_version(now), directory, &file_of_version(then))?;
            }
            Ok(())
        });
        make_room.map_err(|source| self.failed(name, source))?;
        self.put(name, vec![prepared])?;
        Ok(version)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::secrets::secret_revisions::EarlierPlace;
    use crate::tests::{Home, files, name, set};

    #[test]
    fn the_newest_version_is_moved_first_so_that_the_order_is_right_after_each() {
        let home = Home::new();
        let vault = home.open().expect("a vault");
        (0_u8..5).for_each(|number| _ = set(&vault, "A", &[number]));
        let history = vault.secrets().history();
        let place = EarlierPlace::Before(vec![3, 4]);
        let insertion = history.prepare_insertion(&name("A"), &place, b"x", None).expect("written");
        // The second move fails.
        fs::remove_file(home.history_path().join("A/3.age")).expect("removed");
        assert!(history.insert(&name("A"), insertion).is_err());
        assert_eq!(home.history("A"), ["1.age", "2.age", "7.age"]);
        let left = files(&home.history_path()).into_iter().any(|file| file.starts_with(".tmp-"));
        assert!(!left, "nothing is left");
    }

    #[test]
    fn numbers_have_an_end() {
        let home = Home::new();
        let vault = home.open().expect("a vault");
        (0_u8..3).for_each(|number| _ = set(&vault, "A", &[number]));
        let (directory, last) = (home.history_path().join("A"), format!("{}.age", u64::MAX - 2));
        fs::rename(directory.join("2.age"), directory.join(&last)).expect("renamed");
        let history = vault.secrets().history();
        let prepare = |newer| {
            let place = EarlierPlace::Before(newer);
            history.prepare_insertion(&name("A"), &place, b"x", None)
        };
        assert!(prepare(vec![u64::MAX - 2]).is_err());
        history.insert(&name("A"), prepare(vec![]).expect("the last number")).expect("put");
        assert_eq!(home.history("A"), ["1.age", &last, &format!("{}.age", u64::MAX - 1)]);
        assert!(prepare(vec![]).is_err());
    }
}
