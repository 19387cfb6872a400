//! A version of a secret: where its file is, and what can be done with it.

use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use fluvio_secret_system::file_id::FileId;

use crate::durable_directory::{DurableDirectory, ReadError};
use crate::error::VaultError;
use crate::secrets::file_name::ENCRYPTED_BYTES;
use crate::secrets::record::BadRecord;
use crate::secrets::version_place::VersionPlace;
use crate::whole_file::{PreparedFile, WrittenFile};

/// The file of the current version of a secret, or of an earlier one.
pub(crate) struct VersionFile {
    pub(crate) directory: DurableDirectory,
    pub(crate) file: String,
    /// Where its next content is written first: killed writers leave temporary files only there.
    pub(crate) beside: DurableDirectory,
    pub(crate) place: VersionPlace,
}

impl VersionFile {
    /// The encrypted bytes.
    ///
    /// # Errors
    ///
    /// [`VaultError::Damaged`] also for what cannot be a secret, such as a link.
    pub(crate) fn read(&self) -> Result<Vec<u8>, VaultError> {
        self.read_with_id().map(|(encrypted, _)| encrypted)
    }

    /// The same, with the id of the file that was read.
    pub(crate) fn read_with_id(&self) -> Result<(Vec<u8>, FileId), VaultError> {
        let read = self.directory.read_with_metadata(&self.file, ENCRYPTED_BYTES);
        let (encrypted, found) = read.map_err(|error| match error {
            ReadError::Missing => VaultError::Missing,
            ReadError::Io(source) => self.failed(source),
            error => self.damaged(error.into()),
        })?;
        Ok((encrypted, FileId::from(&found)))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path_of(&self.file)
    }

    pub(crate) fn id(&self) -> Result<Option<FileId>, VaultError> {
        self.directory.file_id(&self.file).map_err(|source| self.failed(source))
    }

    pub(crate) fn date(&self) -> Result<Option<SystemTime>, VaultError> {
        self.directory.date(&self.file).map_err(|source| self.failed(source))
    }

    /// Writes its next content under a temporary name, without waiting for the disk.
    pub(crate) fn write(
        &self,
        encrypted: &[u8],
        date: Option<SystemTime>,
    ) -> Result<WrittenFile, VaultError> {
        let written = WrittenFile::write(&self.beside, &self.file, encrypted, date);
        written.map_err(|source| self.failed(source))
    }

    pub(crate) fn replace(&self, prepared: PreparedFile) -> Result<(), VaultError> {
        prepared.rename_into(&self.directory).map_err(|source| self.failed(source))
    }

    pub(crate) fn damaged(&self, source: BadRecord) -> VaultError {
        let file = self.path();
        match self.place {
            VersionPlace::Earlier(_) => VaultError::DamagedVersion { file, source },
            _ => VaultError::Damaged { file, source },
        }
    }

    pub(crate) fn failed(&self, source: io::Error) -> VaultError {
        let path = match self.place {
            VersionPlace::Earlier(_) => self.directory.path().to_owned(),
            _ => self.path(),
        };
        VaultError::Storage { path, source }
    }
}
