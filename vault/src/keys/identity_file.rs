//! The file of the keys that may decrypt the vault on this machine: our own, or an external one, which is read
//! and never written.

use std::fs::{self, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use fluvio_secret_system::file_id::FileId;
use fluvio_secret_system::private::{self, FILE_MODE};
use fluvio_secret_system::regular::{self, Links};
use zeroize::Zeroizing;

use crate::durable_directory::{DurableDirectory, ReadError, file_name, read_at_most};
use crate::keys::encryption::{self, BadIdentity};
use crate::keys::error::IdentityError;
use crate::keys::keyring::Keyring;
use crate::whole_file::PreparedFile;

pub(crate) const IDENTITY_FILE_BYTES: u64 = 64 << 10;

/// Where the identity is.
#[derive(Clone, Copy, Debug)]
pub struct IdentityPlace<'a> {
    /// Our own file. What this machine knows of the vault is beside it.
    pub own: &'a Path,
    /// The file that takes its place: a key of a CI system or a container.
    pub external: Option<&'a Path>,
}

impl<'a, P: AsRef<Path> + ?Sized> From<&'a P> for IdentityPlace<'a> {
    fn from(own: &'a P) -> Self {
        Self { own: own.as_ref(), external: None }
    }
}

#[derive(Debug)]
pub(crate) struct IdentityFile {
    path: PathBuf,
    directory: DurableDirectory,
    name: String,
    is_external: bool,
}

impl IdentityFile {
    pub(crate) fn at(place: IdentityPlace<'_>) -> Self {
        let path = place.external.unwrap_or(place.own).to_owned();
        let directory = DurableDirectory::of(&path);
        let name = file_name(&path).to_string_lossy().into_owned();
        Self { path, directory, name, is_external: place.external.is_some() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Fails for a file that is never written.
    pub(crate) fn refuse_if_external(&self) -> Result<(), IdentityError> {
        match self.is_external {
            true => Err(IdentityError::External { path: self.path.clone() }),
            false => Ok(()),
        }
    }

    /// The id of the file; `None` if our own does not exist. An external one has to: a new key could not take
    /// its place.
    pub(crate) fn id(&self) -> Result<Option<FileId>, IdentityError> {
        if self.is_external {
            // It may be a link, which changes its target when the file does.
            let found = fs::metadata(&self.path).map_err(|source| self.unread(source.into()))?;
            return Ok(Some(FileId::from(&found)));
        }
        let id = self.directory.file_id(&self.name);
        id.map_err(|source| self.unread(ReadError::Io(source)))
    }

    /// Its bytes, if it is private; `None` if it does not exist.
    pub(crate) fn content(&self) -> Result<Option<Zeroizing<Vec<u8>>>, IdentityError> {
        let read = match self.is_external {
            true => self.read_external(),
            false => self.directory.read_with_metadata(&self.name, IDENTITY_FILE_BYTES),
        };
        match read {
            Ok((bytes, found)) => {
                let bytes = Zeroizing::new(bytes);
                self.check_owner_and_mode(&found)?;
                Ok(Some(bytes))
            }
            Err(ReadError::Missing) if !self.is_external => Ok(None),
            Err(source) => Err(self.unread(source)),
        }
    }

    fn read_external(&self) -> Result<(Vec<u8>, Metadata), ReadError> {
        let opened = regular::open(OpenOptions::new().read(true), &self.path, Links::Follow);
        let (file, found) = opened?;
        Ok((read_at_most(&file, found.len(), IDENTITY_FILE_BYTES)?, found))
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
        self.refuse_if_external()?;
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
        IdentityError::Read { path: self.path.clone(), source, is_external: self.is_external }
    }

    /// Makes the file's name durable. That of an external one is its owner's concern.
    pub(crate) fn sync(&self) -> Result<(), IdentityError> {
        if self.is_external {
            return Ok(());
        }
        self.directory.sync().map_err(|source| self.unwritten(source))
    }

    /// Removes what a killed writer left: it holds a key.
    pub(crate) fn remove_temporary(&self) -> Result<(), IdentityError> {
        if self.is_external {
            return Ok(());
        }
        self.directory.remove_temporary().map_err(|source| self.unwritten(source))
    }

    fn check_owner_and_mode(&self, found: &Metadata) -> Result<(), IdentityError> {
        let ours = rustix::process::geteuid().as_raw();
        let checked = private::check(&self.path, found, ours, FILE_MODE);
        checked.map_err(|error| IdentityError::Place(error.into()))
    }
}
