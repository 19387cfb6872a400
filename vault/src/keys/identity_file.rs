//! The identity's file: who may open the vault on this machine.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use fluvio_secret_system::places::PlaceError;
use fluvio_secret_system::private::{self, FILE_MODE};
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::memory::{Pinned, wiping_stack};
use super::seal::{BadIdentity, Identity, is_sealed, seal_with};
use super::store::{Folder, Prepared, ReadError, Stamp};
use fluvio_secret_system::io_error::io_error_text;

/// More than any identity file has.
const MOST_BYTES: u64 = 64 << 10;

/// What the file has.
pub enum Found {
    /// It is not there: nothing was ever set.
    Nothing,
    /// The identity.
    Identity(Pinned<Identity>),
    /// The identity, behind a passphrase.
    Sealed,
}

/// Why the identity's file cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum IdentityError {
    #[error("the identity {path} cannot be used: {source}; put back a copy of it", path = .path.display())]
    Bad { path: PathBuf, source: BadIdentity },
    #[error("the identity {path} cannot be read: {source}; put back a copy of it", path = .path.display())]
    Read { path: PathBuf, source: ReadError },
    #[error(transparent)]
    Place(PlaceError),
    #[error("the identity {path} cannot be written: {}", io_error_text(.source), path = .path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// The file.
#[derive(Debug)]
pub struct IdentityFile {
    path: PathBuf,
}

impl IdentityFile {
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What tells the file from another in its place; `None` when there is none.
    pub fn stamp(&self) -> Result<Option<Stamp>, IdentityError> {
        let (folder, name) = self.parts();
        folder.stamp(&name).map_err(|source| IdentityError::Read {
            path: self.path.clone(),
            source: ReadError::Io(source),
        })
    }

    /// Reads it, when it is ours alone.
    pub fn read(&self) -> Result<Found, IdentityError> {
        match self.content()? {
            None => Ok(Found::Nothing),
            Some(bytes) if is_sealed(&bytes) => Ok(Found::Sealed),
            Some(bytes) => Ok(Found::Identity(self.parse(&bytes)?)),
        }
    }

    /// Its bytes, when it is ours alone; `None` when it is not there.
    pub fn content(&self) -> Result<Option<Zeroizing<Vec<u8>>>, IdentityError> {
        let (folder, name) = self.parts();
        let (bytes, found) = match folder.read_found(&name, MOST_BYTES) {
            Ok((bytes, found)) => (Zeroizing::new(bytes), found),
            Err(ReadError::Missing) => return Ok(None),
            Err(source) => return Err(IdentityError::Read { path: self.path.clone(), source }),
        };
        self.check_owner_and_mode(&found)?;
        Ok(Some(bytes))
    }

    /// The identity that is in these bytes of it.
    pub fn parse(&self, bytes: &[u8]) -> Result<Pinned<Identity>, IdentityError> {
        let parsed = wiping_stack(|| {
            let text = std::str::from_utf8(bytes).map_err(|_| BadIdentity::None)?;
            Identity::parse(text).map(Pinned::new)
        });
        parsed.map_err(|source| self.bad(source))
    }

    /// What to say of a file that is no identity.
    pub fn bad(&self, source: BadIdentity) -> IdentityError {
        IdentityError::Bad { path: self.path.clone(), source }
    }

    /// Makes a new identity, durably, where none is.
    pub fn make(&self) -> Result<Pinned<Identity>, IdentityError> {
        let identity = wiping_stack(|| Pinned::new(Identity::generate()));
        self.commit_new(self.prepare_new(&identity, None)?)?;
        Ok(identity)
    }

    /// Writes an identity beside the file, durably; with a passphrase, when one is given, which takes a
    /// second. It becomes the file by [`IdentityFile::commit_new`].
    pub fn prepare_new(
        &self,
        identity: &Identity,
        passphrase: Option<&str>,
    ) -> Result<Prepared, IdentityError> {
        let created = Timestamp::now().strftime("%FT%TZ").to_string();
        let text = wiping_stack(|| identity.to_text(&created));
        match passphrase {
            Some(passphrase) => {
                let sealed = seal_with(passphrase, text.as_bytes());
                self.prepare(&sealed.map_err(|source| self.unwritten(source))?)
            }
            None => self.prepare(text.as_bytes()),
        }
    }

    /// Makes what was written the file, durably, where none is.
    pub fn commit_new(&self, prepared: Prepared) -> Result<(), IdentityError> {
        prepared.commit_new().map_err(|source| self.unwritten(source))
    }

    /// Keeps a copy of the file beside it, durably, as it is: what has a passphrase keeps it. Gives the
    /// copy's path. One that was made before counts, and no other file is overwritten.
    pub fn keep(&self) -> Result<PathBuf, IdentityError> {
        let gone = || self.unwritten(io::ErrorKind::NotFound.into());
        let bytes = self.content()?.ok_or_else(gone)?;
        let (folder, _) = self.parts();
        let mut number = 1_u32;
        loop {
            let name = kept_name(number);
            match folder.read(&name, MOST_BYTES).map(Zeroizing::new) {
                // The daemon that made it may have been killed before its name was durable.
                Ok(copy) if copy == bytes => {
                    self.sync()?;
                    return Ok(folder.path_of(&name));
                }
                Err(ReadError::Missing) => {
                    let copy = Self::at(folder.path_of(&name));
                    copy.commit_new(copy.prepare(&bytes)?)?;
                    return Ok(copy.path);
                }
                // It is the copy of another identity, or a file of the user's.
                Ok(_) | Err(_) => number += 1,
            }
        }
    }

    /// Puts the file of another identity, which is in the same folder, in the place of this one.
    pub fn replace_by(&self, other: &Self) -> Result<(), IdentityError> {
        let ((folder, name), (_, other)) = (self.parts(), other.parts());
        let replaced = folder.rename(&other, &name).and_then(|()| folder.sync());
        replaced.map_err(|source| self.unwritten(source))
    }

    /// Writes what is to be the file beside it, durably. It becomes the file by
    /// [`Prepared::commit`]: so at each moment the one or the other is there, whole.
    pub fn prepare(&self, bytes: &[u8]) -> Result<Prepared, IdentityError> {
        let (folder, name) = self.parts();
        folder.prepare(&name, bytes, None).map_err(|source| self.unwritten(source))
    }

    /// What to say when it was not written.
    pub fn unwritten(&self, source: io::Error) -> IdentityError {
        IdentityError::Write { path: self.path.clone(), source }
    }

    /// Makes its name durable.
    pub fn sync(&self) -> Result<(), IdentityError> {
        let (folder, _) = self.parts();
        folder.sync().map_err(|source| self.unwritten(source))
    }

    /// Removes what a writer of it left that was killed: it holds a key.
    pub fn remove_temporary(&self) -> Result<(), IdentityError> {
        let (folder, _) = self.parts();
        folder.remove_temporary().map_err(|source| self.unwritten(source))
    }

    fn check_owner_and_mode(&self, found: &Metadata) -> Result<(), IdentityError> {
        let ours = rustix::process::geteuid().as_raw();
        let checked = private::check(&self.path, found, ours, FILE_MODE);
        checked.map_err(|error| IdentityError::Place(error.into()))
    }

    /// Removes the file, durably.
    pub fn remove(&self) -> Result<(), IdentityError> {
        let (folder, name) = self.parts();
        let removed = folder.remove(&name).and_then(|()| folder.sync());
        removed.map_err(|source| self.unwritten(source))
    }

    fn parts(&self) -> (Folder, String) {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let name = super::store::file_name(&self.path).to_string_lossy().into_owned();
        (Folder::at(folder.to_owned()), name)
    }
}

/// The name of a kept copy: `identity.old.txt`, `identity.old.2.txt` and so on.
fn kept_name(number: u32) -> String {
    match number {
        1 => "identity.old.txt".to_owned(),
        _ => format!("identity.old.{number}.txt"),
    }
}
