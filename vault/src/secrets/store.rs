//! The encrypted files of the secrets, and their histories.

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, SystemTime};

use fluvio_secret_protocol::{SecretName, Version, Versions, limits};

use crate::durable_directory::DurableDirectory;
use crate::error::VaultError;
use crate::members::content_hash::ContentHash;
use crate::secrets::file_name::{file_of, name_of};
use crate::secrets::history::seen_revisions::SeenRevisions;
use crate::secrets::history::version_history::VersionHistory;
use crate::secrets::names::Names;
use crate::secrets::version_file::VersionFile;
use crate::secrets::version_place::{MARKS, VersionPlace};

/// The encrypted files. Knows no key.
#[derive(Debug)]
pub struct SecretFiles {
    directory: DurableDirectory,
    history: VersionHistory,
    seen: SeenRevisions,
}

impl SecretFiles {
    pub(crate) fn of(directory: DurableDirectory, history: VersionHistory) -> Self {
        let seen = history.seen();
        Self { directory, history, seen }
    }

    pub(crate) fn directory(&self) -> &DurableDirectory {
        &self.directory
    }

    /// The earlier versions.
    pub fn history(&self) -> &VersionHistory {
        &self.history
    }

    /// What this machine knows of the files.
    pub(crate) fn seen(&self) -> &SeenRevisions {
        &self.seen
    }

    /// Removes what killed writers left. Call it before the first change: it reads the whole directory,
    /// so a start does not wait for it.
    pub fn sweep(&self) -> io::Result<()> {
        self.history.sweep();
        self.directory.remove_temporary()
    }

    /// Whether there is a secret, or an earlier version of one.
    pub fn has_any(&self) -> Result<bool, VaultError> {
        let first = self.each_name()?.next().transpose()?;
        Ok(first.is_some() || !self.history.names()?.is_empty())
    }

    /// Whether there is a file of a secret, whatever is in it.
    pub fn has(&self, name: &SecretName) -> Result<bool, VaultError> {
        self.directory.has(&file_of(name)).map_err(|source| self.current(name).failed(source))
    }

    /// Whether there is a secret of this name, an earlier version of one, or the mark that it was deleted.
    pub fn has_or_had(&self, name: &SecretName) -> Result<bool, VaultError> {
        if self.has(name)? || self.history.has(name)? {
            return Ok(true);
        }
        self.has_mark(name, VersionPlace::Deleted)
    }

    /// Whether a secret was deleted, and the newest earlier version has the value that it had then. Another machine may
    /// have deleted a later value, and a file may be gone without a deletion.
    pub fn has_value_before_deletion(&self, name: &SecretName) -> Result<bool, VaultError> {
        if self.has(name)? || !self.has_mark(name, VersionPlace::Deleted)? {
            return Ok(false);
        }
        let Some(value) = self.seen.of(name).deleted_value() else { return Ok(false) };
        let newest = self.history.find(name, |_| true);
        Ok(newest.is_some_and(|(_, encrypted)| ContentHash::of(&encrypted) == value))
    }

    /// Whether there is a mark, whatever is in it.
    pub(crate) fn has_mark(
        &self,
        name: &SecretName,
        place: VersionPlace,
    ) -> Result<bool, VaultError> {
        let mark = self.locate(name, place)?;
        Ok(mark.map(|mark| mark.id()).transpose()?.flatten().is_some())
    }

    /// Fails if there is a secret of this name, or a deleted one that has earlier versions.
    pub fn refuse_if_taken(&self, name: &SecretName) -> Result<(), VaultError> {
        let taken = |is_deleted| Err(VaultError::Taken { name: name.clone(), is_deleted });
        match (self.has(name)?, self.history.has(name)?) {
            (true, _) => taken(false),
            (false, true) => taken(true),
            (false, false) => Ok(()),
        }
    }

    /// The names of all secrets, in alphabetical order.
    pub fn names(&self) -> Result<Names, VaultError> {
        self.each_name()?.collect()
    }

    /// The secret whose name is most like this one, if one may be meant. Without it, an error is as good.
    pub fn most_like(&self, name: &SecretName) -> Option<SecretName> {
        self.names().ok()?.most_like(name)
    }

    /// The names of all secrets, and of those that have only a history or a mark.
    pub(crate) fn all_names(&self) -> Result<Names, VaultError> {
        let others = self.history.names()?.into_iter().chain(self.marked()?).map(Ok);
        self.each_name()?.chain(others).collect()
    }

    /// When the newest earlier version of a secret was set, in seconds since 1970; `None` without one.
    pub(crate) fn newest_earlier(&self, name: &SecretName) -> Result<Option<i64>, VaultError> {
        Ok(self.history.versions(name)?.into_iter().next().map(|(_, date)| seconds(date)))
    }

    /// The number of secrets.
    pub fn count(&self) -> Result<usize, VaultError> {
        self.each_name()?.try_fold(0, |count, name| name.map(|_| count + 1))
    }

    fn each_name(
        &self,
    ) -> Result<impl Iterator<Item = Result<SecretName, VaultError>>, VaultError> {
        let files = self.directory.names().map_err(|source| self.failed(source))?;
        let name = |file: io::Result<String>| match file {
            Ok(file) => name_of(&file).map(Ok),
            Err(source) => Some(Err(self.failed(source))),
        };
        Ok(files.filter_map(name))
    }

    /// When a secret was set, in seconds since 1970; `None` if it is gone.
    pub fn set_at(&self, name: &SecretName) -> Result<Option<i64>, VaultError> {
        Ok(self.current(name).date()?.map(seconds))
    }

    /// The dates of the current version of a secret and of the earlier ones, newest first.
    pub fn versions(&self, name: &SecretName) -> Result<Versions, VaultError> {
        let present = self.set_at(name)?;
        let earlier = self.history.versions(name)?.into_iter().take(limits::HISTORY_VERSIONS);
        let earlier = earlier.map(|(version, date)| Version { version, set_at: seconds(date) });
        Ok(Versions { present, earlier: earlier.collect() })
    }

    /// The places of all versions and marks of a secret that may be there: the earlier versions, oldest first, and
    /// the current one last.
    pub(crate) fn places(&self, name: &SecretName) -> Result<Vec<VersionPlace>, VaultError> {
        let earlier = self.history.settle(name)?.into_iter().map(VersionPlace::Earlier);
        Ok(earlier.chain(MARKS).chain([VersionPlace::Current]).collect())
    }

    /// The names that have a mark. There is no such name if nothing was ever removed.
    pub(crate) fn marked(&self) -> Result<BTreeSet<SecretName>, VaultError> {
        let mut marked = BTreeSet::new();
        for place in MARKS {
            let Some(marks) = self.marks(place)? else { continue };
            for file in marks.names().map_err(|source| self.failed(source))? {
                marked.extend(name_of(&file.map_err(|source| self.failed(source))?));
            }
        }
        Ok(marked)
    }

    /// The directory of marks, if it exists.
    pub(crate) fn marks(
        &self,
        place: VersionPlace,
    ) -> Result<Option<DurableDirectory>, VaultError> {
        let Some(directory) = place.directory() else { return Ok(None) };
        match self.directory.open(directory) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => {
                Err(VaultError::Storage { path: self.directory.path_of(directory), source })
            }
        }
    }

    /// The same, made if it is missing.
    pub(crate) fn make_marks(&self, place: VersionPlace) -> Result<DurableDirectory, VaultError> {
        let Some(directory) = place.directory() else { return Ok(self.directory.clone()) };
        match self.marks(place)? {
            Some(found) => Ok(found),
            None => {
                let made = self.directory.find_or_make(directory);
                let made = made.and_then(|made| self.directory.sync().map(|()| made));
                let path = || self.directory.path_of(directory);
                made.map_err(|source| VaultError::Storage { path: path(), source })
            }
        }
    }

    /// The file of a secret, which may not exist.
    pub(crate) fn current(&self, name: &SecretName) -> VersionFile {
        let directory = self.directory.clone();
        let (file, place) = (file_of(name), VersionPlace::Current);
        VersionFile { beside: directory.clone(), directory, file, place }
    }

    /// The file at a place, which may not exist; `None` if its directory does not.
    pub(crate) fn locate(
        &self,
        name: &SecretName,
        place: VersionPlace,
    ) -> Result<Option<VersionFile>, VaultError> {
        match place {
            VersionPlace::Earlier(version) => self.history.locate(name, version),
            VersionPlace::Current => Ok(Some(self.current(name))),
            VersionPlace::Deleted | VersionPlace::Purged => {
                let marks = self.marks(place)?;
                Ok(marks.map(|marks| self.mark_in(&marks, name, place)))
            }
        }
    }

    /// The mark of a secret in this directory, which may not exist.
    pub(crate) fn mark_in(
        &self,
        marks: &DurableDirectory,
        name: &SecretName,
        place: VersionPlace,
    ) -> VersionFile {
        let (file, directory, beside) = (file_of(name), marks.clone(), self.directory.clone());
        VersionFile { directory, file, beside, place }
    }

    /// Makes the marks at a place durable.
    pub(crate) fn sync_marks(&self, place: VersionPlace) -> io::Result<()> {
        match place.directory() {
            Some(directory) => self.directory.open(directory)?.sync(),
            None => self.directory.sync(),
        }
    }

    /// Removes a mark that does not count any more. If that fails, the file beside it counts all the same.
    pub(crate) fn remove_mark(&self, name: &SecretName, place: VersionPlace) {
        let removed = self.marks(place).and_then(|marks| {
            let removed = marks.map_or(Ok(()), |marks| marks.remove_if_there(&file_of(name)));
            removed.map_err(|source| self.current(name).failed(source))
        });
        if let Err(error) = removed {
            tracing::warn!("cannot remove the mark that `{name}` was deleted: {error}");
        }
    }

    pub(crate) fn sync(&self) -> Result<(), VaultError> {
        self.directory.sync().map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> VaultError {
        VaultError::Storage { path: self.directory.path().to_owned(), source }
    }
}

/// Seconds since 1970. A file's date may be any: before that, or in no calendar.
fn seconds(date: SystemTime) -> i64 {
    let whole = |span: Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    match date.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => whole(after),
        Err(before) => -whole(before.duration()),
    }
}
