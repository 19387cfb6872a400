//! Why a key cannot be used.

use std::io;
use std::path::PathBuf;

use fluvio_secret_system::io_error::io_error_text;
use fluvio_secret_system::places::PlaceError;

use crate::durable_directory::ReadError;
use crate::keys::encryption::BadIdentity;

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

/// Why the passphrase was not changed, or the vault not locked or unlocked.
#[derive(Debug)]
pub enum KeyError {
    /// Another program changed the file in the meantime.
    Changed,
    /// The identity has a passphrase, which is missing.
    Closed,
    /// The identity's file cannot be read or written.
    Identity(IdentityError),
    /// A lock was requested after this was.
    Locked,
    /// There is no identity.
    None,
    /// The identity has no passphrase.
    Open,
    /// The passphrase is not the identity's.
    Wrong,
}

impl From<IdentityError> for KeyError {
    fn from(error: IdentityError) -> Self {
        Self::Identity(error)
    }
}
