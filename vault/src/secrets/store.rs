//! The encrypted files of the secrets, and their histories.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fluvio_secret_protocol::{SecretName, Version, Versions, limits};

use crate::durable_directory::{DurableDirectory, ReadError};
use crate::error::VaultError;
use crate::secrets::file_name::{ENCRYPTED_BYTES, file_of, name_of};
use crate::secrets::history::version_file::file_of_version;
use crate::secrets::history::version_history::{KeptVersion, VersionHistory};
use crate::secrets::names::Names;
use crate::whole_file::{PreparedFile, WrittenFile};

/// The encrypted files. Knows no key.
#[derive(Debug)]
pub(crate) struct SecretFiles {
    directory: DurableDirectory,
    history: VersionHistory,
}

impl SecretFiles {
    pub(crate) fn of(directory: DurableDirectory, history: VersionHistory) -> Self {
        Self { directory, history }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn directory(&self) -> &DurableDirectory {
        &self.directory
    }

    /// Removes what killed writers left. Reads the whole directory.
    pub(crate) fn sweep(&self) -> io::Result<()> {
        if let Err(error) = self.history.sweep() {
            let path = self.history.path();
            tracing::warn!("the history in {} cannot be used: {error}", path.display());
        }
        self.directory.remove_temporary()
    }

    /// Whether there is a secret or an earlier version of one.
    pub(crate) fn has_any(&self) -> Result<bool, VaultError> {
        let failed = |source| VaultError::Storage { path: self.history.path(), source };
        Ok(self.count()? > 0 || !self.history.is_empty().map_err(failed)?)
    }

    /// Whether there is a file of a secret, whatever is in it.
    pub(crate) fn has(&self, name: &SecretName) -> Result<bool, VaultError> {
        self.directory.has(&file_of(name)).map_err(|source| self.failed(name, source))
    }

    /// Whether a secret has earlier versions.
    pub(crate) fn has_history(&self, name: &SecretName) -> Result<bool, VaultError> {
        self.history.has(name).map_err(|source| self.history_failed(name, source))
    }

    /// The names of all secrets, in alphabetical order.
    pub(crate) fn names(&self) -> Result<Names, VaultError> {
        self.each_name()?.collect()
    }

    /// The names of all secrets, and of those that have only a history.
    pub(crate) fn all_names(&self) -> Result<Vec<SecretName>, VaultError> {
        let failed = |source| VaultError::Storage { path: self.history.path(), source };
        let mut names: Vec<_> = self.names()?.iter().collect();
        names.extend(self.history.names().map_err(failed)?);
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// The number of secrets.
    pub(crate) fn count(&self) -> Result<usize, VaultError> {
        self.each_name()?.try_fold(0, |count, name| name.map(|_| count + 1))
    }

    fn each_name(
        &self,
    ) -> Result<impl Iterator<Item = Result<SecretName, VaultError>>, VaultError> {
        let failed = |source| VaultError::Storage { path: self.path().to_owned(), source };
        let files = self.directory.names().map_err(failed)?;
        Ok(files
            .filter_map(move |file| file.map_err(failed).map(|file| name_of(&file)).transpose()))
    }

    /// When a secret was set, in seconds since 1970; `None` if it is gone.
    pub(crate) fn set_at(&self, name: &SecretName) -> Result<Option<i64>, VaultError> {
        let date = self.directory.date(&file_of(name));
        Ok(date.map_err(|source| self.failed(name, source))?.map(seconds))
    }

    /// The encrypted bytes of a secret.
    pub(crate) fn read(&self, name: &SecretName) -> Result<Vec<u8>, VaultError> {
        self.directory.read(&file_of(name), ENCRYPTED_BYTES).map_err(|error| match error {
            ReadError::Missing => VaultError::Missing,
            ReadError::Io(source) => self.failed(name, source),
            error => self.damaged(name, error.to_string()),
        })
    }

    /// The encrypted bytes of an earlier version of a secret.
    pub(crate) fn read_version(
        &self,
        name: &SecretName,
        version: u64,
    ) -> Result<Vec<u8>, VaultError> {
        self.history.read(name, version).map_err(|error| match error {
            ReadError::Missing => VaultError::Missing,
            ReadError::Io(source) => self.history_failed(name, source),
            error => self.damaged_version(name, version, error.to_string()),
        })
    }

    /// The dates of the current version of a secret and of the earlier ones, newest first.
    pub(crate) fn versions(&self, name: &SecretName) -> Result<Versions, VaultError> {
        let present = self.set_at(name)?;
        let earlier = self.earlier(name)?.into_iter().take(limits::HISTORY_VERSIONS);
        let earlier = earlier.map(|(version, date)| Version { version, set_at: seconds(date) });
        Ok(Versions { present, earlier: earlier.collect() })
    }

    /// The earlier versions of a secret and their dates, newest first.
    pub(crate) fn earlier(&self, name: &SecretName) -> Result<Vec<(u64, SystemTime)>, VaultError> {
        self.history.versions(name).map_err(|source| self.history_failed(name, source))
    }

    /// All versions of a secret, oldest first. The last one is `None`, which is the current one.
    pub(crate) fn all_versions(&self, name: &SecretName) -> Result<Vec<Option<u64>>, VaultError> {
        let earlier = self.history.settle(name);
        let earlier = earlier.map_err(|source| self.history_failed(name, source))?;
        Ok(earlier.into_iter().map(Some).chain([None]).collect())
    }

    /// Where a version is; `None` if its directory is gone.
    pub(crate) fn locate(
        &self,
        name: &SecretName,
        version: Option<u64>,
    ) -> Result<Option<(DurableDirectory, String)>, VaultError> {
        let Some(version) = version else {
            return Ok(Some((self.directory.clone(), file_of(name))));
        };
        let directory =
            self.history.of(name).map_err(|source| self.history_failed(name, source))?;
        Ok(directory.map(|directory| (directory, file_of_version(version))))
    }

    /// Writes a secret, or a version of it again, without waiting for the disk.
    pub(crate) fn write(
        &self,
        name: &SecretName,
        version: Option<u64>,
        encrypted: &[u8],
        date: Option<SystemTime>,
    ) -> Result<WrittenFile, VaultError> {
        let written = match version {
            Some(version) => self.history.write(version, encrypted, date),
            None => WrittenFile::write(&self.directory, &file_of(name), encrypted, date),
        };
        written.map_err(|source| self.version_failed(name, version, source))
    }

    /// Replaces a version by the same one, encrypted again.
    pub(crate) fn replace_version(
        &self,
        name: &SecretName,
        version: Option<u64>,
        prepared: PreparedFile,
    ) -> Result<(), VaultError> {
        let replaced = match version {
            Some(_) => self.history.replace(name, prepared),
            None => prepared.rename(),
        };
        replaced.map_err(|source| self.version_failed(name, version, source))
    }

    /// Replaces a secret. The one before is then in the history.
    pub(crate) fn replace(
        &self,
        name: &SecretName,
        rename: impl FnOnce() -> io::Result<()>,
    ) -> Result<Option<KeptVersion>, VaultError> {
        let kept = self.keep(name)?;
        match rename() {
            Ok(()) => Ok(kept),
            Err(source) => {
                kept.iter().for_each(|kept| self.undo(kept));
                Err(self.failed(name, source))
            }
        }
    }

    /// Removes a secret, durably. It is then in the history, durably.
    pub(crate) fn remove(&self, name: &SecretName) -> Result<(), VaultError> {
        if !self.has(name)? {
            return Err(VaultError::Missing);
        }
        let kept = self.keep(name)?;
        let durable = kept.as_ref().map_or(Ok(()), |kept| self.history.make_durable(kept));
        match durable.and_then(|()| self.remove_file(name)) {
            Ok(()) => {
                kept.iter().for_each(|kept| self.prune(kept));
                Ok(())
            }
            Err(source) => {
                kept.iter().for_each(|kept| self.undo(kept));
                Err(self.failed(name, source))
            }
        }
    }

    fn remove_file(&self, name: &SecretName) -> io::Result<()> {
        self.directory.remove(&file_of(name))?;
        self.directory.sync()
    }

    /// Removes a secret and its history, durably. The next call finishes one that was killed.
    pub(crate) fn purge(&self, name: &SecretName) -> Result<(), VaultError> {
        if self.has(name)? {
            self.remove_file(name).map_err(|source| self.failed(name, source))?;
        }
        self.purge_history(name)
    }

    /// Removes the history of a secret, durably.
    pub(crate) fn purge_history(&self, name: &SecretName) -> Result<(), VaultError> {
        self.history.purge(name).map_err(|source| self.history_failed(name, source))
    }

    /// Makes the files of the secrets durable.
    pub(crate) fn sync(&self) -> Result<(), VaultError> {
        let failed = |source| VaultError::Storage { path: self.path().to_owned(), source };
        self.directory.sync().map_err(failed)
    }

    /// Makes the history of a secret durable.
    pub(crate) fn sync_history(&self, name: &SecretName) -> Result<(), VaultError> {
        self.history.sync(name).map_err(|source| self.history_failed(name, source))
    }

    fn keep(&self, name: &SecretName) -> Result<Option<KeptVersion>, VaultError> {
        self.history.keep(name).map_err(|source| self.history_failed(name, source))
    }

    /// Shortens the history of a secret that was changed. A failure is logged: the change is made.
    pub(crate) fn prune(&self, kept: &KeptVersion) {
        if let Err(error) = self.history.prune(kept) {
            let path = self.history.path();
            tracing::warn!("the history in {} is not shortened: {error}", path.display());
        }
    }

    fn undo(&self, kept: &KeptVersion) {
        if let Err(error) = self.history.undo(kept) {
            let path = self.history.path();
            tracing::warn!("the history in {} has one version twice: {error}", path.display());
        }
    }

    /// Removes a version that was restored. A failure is logged: it would be there twice.
    pub(crate) fn remove_restored(&self, name: &SecretName, version: u64) {
        if let Err(error) = self.history.remove(name, version) {
            let path = self.history.path_of_version(name, version);
            tracing::warn!("{} is restored and still there: {error}", path.display());
        }
    }

    pub(crate) fn damaged(&self, name: &SecretName, why: String) -> VaultError {
        VaultError::Damaged { file: self.directory.path_of(&file_of(name)), why }
    }

    pub(crate) fn damaged_version(
        &self,
        name: &SecretName,
        version: u64,
        why: String,
    ) -> VaultError {
        VaultError::DamagedVersion { file: self.history.path_of_version(name, version), why }
    }

    /// The error for a secret's file.
    pub(crate) fn failed(&self, name: &SecretName, source: io::Error) -> VaultError {
        VaultError::Storage { path: self.path_of(name), source }
    }

    /// The error for the file of a version.
    pub(crate) fn version_failed(
        &self,
        name: &SecretName,
        version: Option<u64>,
        source: io::Error,
    ) -> VaultError {
        match version {
            Some(_) => self.history_failed(name, source),
            None => self.failed(name, source),
        }
    }

    fn history_failed(&self, name: &SecretName, source: io::Error) -> VaultError {
        // If there is a directory in place of the secret's file, the history is not to blame.
        let path = match source.kind() {
            io::ErrorKind::IsADirectory => self.path_of(name),
            _ => self.history.path_of(name),
        };
        VaultError::Storage { path, source }
    }

    fn path_of(&self, name: &SecretName) -> PathBuf {
        self.directory.path_of(&file_of(name))
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
