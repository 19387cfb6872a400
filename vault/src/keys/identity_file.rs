//! The file of the keys that may decrypt the vault on this machine.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use fluvio_secret_system::file_id::FileId;
use fluvio_secret_system::private::{self, FILE_MODE};
use zeroize::Zeroizing;

use crate::durable_directory::{DurableDirectory, ReadError, file_name};
use crate::keys::encryption::{self, BadIdentity};
use crate::keys::error::IdentityError;
use crate::keys::keyring::Keyring;
use crate::whole_file::PreparedFile;

pub(crate) const IDENTITY_FILE_BYTES: u64 = 64 << 10;

#[derive(Debug)]
pub(crate) struct IdentityFile {
    path: PathBuf,
    directory: DurableDirectory,
    name: String,
}

impl IdentityFile {
    pub(crate) fn at(path: PathBuf) -> Self {
        let directory = DurableDirectory::of(&path);
        let name = file_name(&path).to_string_lossy().into_owned();
        Self { path, directory, name }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn id(&self) -> Result<Option<FileId>, IdentityError> {
        let id = self.directory.file_id(&self.name);
        id.map_err(|source| self.unread(ReadError::Io(source)))
    }

    /// Its bytes, if it is private; `None` if it does not exist.
    pub(crate) fn content(&self) -> Result<Option<Zeroizing<Vec<u8>>>, IdentityError> {
        match self.directory.read_with_metadata(&self.name, IDENTITY_FILE_BYTES) {
            Ok((bytes, found)) => {
                let bytes = Zeroizing::new(bytes);
                self.check_owner_and_mode(&found)?;
                Ok(Some(bytes))
            }
            Err(ReadError::Missing) => Ok(None),
            Err(source) => Err(self.unread(source)),
        }
    }

    pub(crate) fn parse(&self, text: &[u8]) -> Result<Keyring, IdentityError> {
        Keyring::parse(text).map_err(|source| self.bad(source))
    }

    /// Writes a text beside the file, durably, encrypted if there is a passphrase. The result takes the
    /// place of the file when it is committed.
    pub(crate) fn prepare(
        &self,
        text: &[u8],
        passphrase: Option<&str>,
    ) -> Result<PreparedFile, IdentityError> {
        let encrypted = passphrase.map(|word| encryption::encrypt_with_passphrase(word, text));
        let encrypted = encrypted.transpose().map_err(|source| self.unwritten(source))?;
        let encrypted = encrypted.map(Zeroizing::new);
        let bytes = encrypted.as_ref().map_or(text, |encrypted| encrypted.as_slice());
        let prepared = PreparedFile::write(&self.directory, &self.name, bytes, None);
        prepared.map_err(|source| self.unwritten(source))
    }

    pub(crate) fn bad(&self, source: BadIdentity) -> IdentityError {
        IdentityError::Bad { path: self.path.clone(), source }
    }

    pub(crate) fn unwritten(&self, source: io::Error) -> IdentityError {
        IdentityError::Write { path: self.path.clone(), source }
    }

    fn unread(&self, source: ReadError) -> IdentityError {
        IdentityError::Read { path: self.path.clone(), source }
    }

    pub(crate) fn sync(&self) -> Result<(), IdentityError> {
        self.directory.sync().map_err(|source| self.unwritten(source))
    }

    /// Removes what a killed writer left: it holds a key.
    pub(crate) fn remove_temporary(&self) -> Result<(), IdentityError> {
        self.directory.remove_temporary().map_err(|source| self.unwritten(source))
    }

    fn check_owner_and_mode(&self, found: &Metadata) -> Result<(), IdentityError> {
        let ours = rustix::process::geteuid().as_raw();
        let checked = private::check(&self.path, found, ours, FILE_MODE);
        checked.map_err(|error| IdentityError::Place(error.into()))
    }
}
