//! The encrypted files of the secrets, and their histories.

use std::io;
use std::time::{Duration, SystemTime};

use fluvio_secret_protocol::{SecretName, Version, Versions, limits};

use crate::durable_directory::DurableDirectory;
use crate::error::VaultError;
use crate::secrets::file_name::{file_of, name_of};
use crate::secrets::history::version_history::VersionHistory;
use crate::secrets::names::Names;
use crate::secrets::version_file::VersionFile;

/// The encrypted files. Knows no key.
#[derive(Debug)]
pub struct SecretFiles {
    directory: DurableDirectory,
    history: VersionHistory,
}

impl SecretFiles {
    pub(crate) fn of(directory: DurableDirectory, history: VersionHistory) -> Self {
        Self { directory, history }
    }

    pub(crate) fn directory(&self) -> &DurableDirectory {
        &self.directory
    }

    /// The earlier versions.
    pub fn history(&self) -> &VersionHistory {
        &self.history
    }

    /// Removes what killed writers left. Call it before the first change: it reads the whole directory,
    /// so a start does not wait for it.
    pub fn sweep(&self) -> io::Result<()> {
        self.history.sweep();
        self.directory.remove_temporary()
    }

    pub(crate) fn has_any(&self) -> Result<bool, VaultError> {
        Ok(self.count()? > 0 || !self.history.names()?.is_empty())
    }

    /// Whether there is a file of a secret, whatever is in it.
    pub fn has(&self, name: &SecretName) -> Result<bool, VaultError> {
        self.directory.has(&file_of(name)).map_err(|source| self.current(name).failed(source))
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

    /// The names of all secrets, and of those that have only a history.
    pub(crate) fn all_names(&self) -> Result<Vec<SecretName>, VaultError> {
        let mut names: Vec<_> = self.names()?.iter().collect();
        names.extend(self.history.names()?);
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// The deleted secrets that have earlier versions, in alphabetical order, and when the newest one was set, in
    /// seconds since 1970.
    pub fn deleted(&self) -> Result<Vec<(SecretName, i64)>, VaultError> {
        let mut deleted = Vec::new();
        for name in self.history.names()? {
            if !self.has(&name)?
                && let Some((_, date)) = self.history.versions(&name)?.into_iter().next()
            {
                deleted.push((name, seconds(date)));
            }
        }
        deleted.sort_unstable();
        Ok(deleted)
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

    /// All versions of a secret, oldest first. The last one is `None`, which is the current one.
    pub(crate) fn all_versions(&self, name: &SecretName) -> Result<Vec<Option<u64>>, VaultError> {
        Ok(self.history.settle(name)?.into_iter().map(Some).chain([None]).collect())
    }

    /// The file of a secret, which may not exist.
    pub(crate) fn current(&self, name: &SecretName) -> VersionFile {
        let directory = self.directory.clone();
        VersionFile { beside: directory.clone(), directory, file: file_of(name), is_current: true }
    }

    /// The file of a version; `None` if its directory is gone.
    pub(crate) fn locate(
        &self,
        name: &SecretName,
        version: Option<u64>,
    ) -> Result<Option<VersionFile>, VaultError> {
        match version {
            Some(version) => self.history.locate(name, version),
            None => Ok(Some(self.current(name))),
        }
    }

    /// Removes a secret and its history, durably. The next call finishes one that was killed.
    pub(crate) fn purge(&self, name: &SecretName) -> Result<(), VaultError> {
        if self.has(name)? {
            let removed =
                self.directory.remove(&file_of(name)).and_then(|()| self.directory.sync());
            removed.map_err(|source| self.current(name).failed(source))?;
        }
        self.history.purge(name)
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
