//! The identity's file: who may open the vault on this machine.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fluvio_secret_protocol::places::PlaceError;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::seal::{BadIdentity, Identity};
use super::store::{Folder, ReadError, Stamp};
use crate::cause::cause;

/// More than any identity file has.
const MOST_BYTES: u64 = 64 << 10;

/// What is known of the identity.
#[derive(Clone)]
pub(crate) enum Key {
    /// There is none yet: nothing was ever set.
    None,
    /// It is there.
    Open(Arc<Identity>),
    /// It is there, behind a passphrase.
    Passphrase,
}

/// Why the identity's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdentityError {
    #[error("the identity {path} cannot be used: {source}; put back a copy of it", path = .path.display())]
    Bad { path: PathBuf, source: BadIdentity },
    #[error("the identity {path} cannot be read: {source}; put back a copy of it", path = .path.display())]
    Read { path: PathBuf, source: ReadError },
    #[error(transparent)]
    Place(PlaceError),
    #[error("the identity {path} cannot be written: {}", cause(.source), path = .path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// The file.
#[derive(Debug)]
pub(crate) struct IdentityFile {
    path: PathBuf,
}

impl IdentityFile {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What tells the file from another in its place; `None` when there is none.
    pub(crate) fn stamp(&self) -> Result<Option<Stamp>, IdentityError> {
        let (folder, name) = self.parts();
        folder.stamp(&name).map_err(|source| IdentityError::Read {
            path: self.path.clone(),
            source: ReadError::Io(source),
        })
    }

    /// Reads it, when it is ours alone.
    pub(crate) fn read(&self) -> Result<Key, IdentityError> {
        let (folder, name) = self.parts();
        let read = |source| IdentityError::Read { path: self.path.clone(), source };
        let bytes = match folder.read(&name, MOST_BYTES) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(ReadError::Missing) => return Ok(Key::None),
            Err(source) => return Err(read(source)),
        };
        self.check_owner_and_mode()?;
        // A file that age itself has sealed, with or without armor: behind a passphrase.
        if bytes.starts_with(b"age-encryption.org/") || bytes.starts_with(b"-----BEGIN AGE") {
            return Ok(Key::Passphrase);
        }
        let bad = |source| IdentityError::Bad { path: self.path.clone(), source };
        let text = std::str::from_utf8(&bytes).map_err(|_| bad(BadIdentity::None))?;
        Identity::parse(text).map(|identity| Key::Open(Arc::new(identity))).map_err(bad)
    }

    /// Makes a new identity, durably, where none is.
    pub(crate) fn make(&self) -> Result<Arc<Identity>, IdentityError> {
        let identity = Identity::generate();
        self.put(&identity)?;
        Ok(Arc::new(identity))
    }

    /// Writes an identity, durably, where none is.
    pub(crate) fn put(&self, identity: &Identity) -> Result<(), IdentityError> {
        let created = Timestamp::now().strftime("%FT%TZ").to_string();
        let (folder, name) = self.parts();
        folder
            .prepare(&name, identity.to_text(&created).as_bytes(), None)
            .and_then(super::store::Prepared::commit_new)
            .map_err(|source| IdentityError::Write { path: self.path.clone(), source })
    }

    /// Puts the file of another identity, which is in the same folder, in the place of this one.
    pub(crate) fn replace_by(&self, other: &Self) -> Result<(), IdentityError> {
        let ((folder, name), (_, other)) = (self.parts(), other.parts());
        folder
            .rename(&other, &name)
            .and_then(|()| folder.sync())
            .map_err(|source| IdentityError::Write { path: self.path.clone(), source })
    }

    /// Makes its name durable.
    pub(crate) fn sync(&self) -> Result<(), IdentityError> {
        let (folder, _) = self.parts();
        folder.sync().map_err(|source| IdentityError::Write { path: self.path.clone(), source })
    }

    /// Removes what a writer of it left that was killed: it holds a key.
    pub(crate) fn remove_temporary(&self) -> Result<(), IdentityError> {
        let (folder, _) = self.parts();
        folder
            .remove_temporary()
            .map_err(|source| IdentityError::Write { path: self.path.clone(), source })
    }

    fn check_owner_and_mode(&self) -> Result<(), IdentityError> {
        let path = || self.path.clone();
        let found = fs::metadata(&self.path).map_err(|source| IdentityError::Read {
            path: path(),
            source: ReadError::Io(source),
        })?;
        let ours = rustix::process::geteuid().as_raw();
        let mode = found.mode() & 0o777;
        if found.uid() != ours {
            let owner = found.uid();
            Err(IdentityError::Place(PlaceError::Foreign { path: path(), owner, ours }))
        } else if mode & 0o077 != 0 {
            Err(IdentityError::Place(PlaceError::Wide { path: path(), mode, mend: 0o600 }))
        } else {
            Ok(())
        }
    }

    fn parts(&self) -> (Folder, String) {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let name = super::store::file_name(&self.path).to_string_lossy().into_owned();
        (Folder::at(folder.to_owned()), name)
    }
}
