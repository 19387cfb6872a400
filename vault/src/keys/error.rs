//! Why a key cannot be used.

use std::io;
use std::path::PathBuf;

use fluvio_secret_system::help::{Help, Helpful};
use fluvio_secret_system::io_error::io_error_text;
use fluvio_secret_system::places::{IDENTITY_VARIABLE, PlaceError};

use crate::durable_directory::ReadError;
use crate::keys::encryption::BadIdentity;

/// Why the identity's file cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum IdentityError {
    #[error("the identity {path} cannot be used: {source}", path = .path.display())]
    Bad { path: PathBuf, source: BadIdentity },
    /// It is read and never written.
    #[error("the identity {path} is the file in {IDENTITY_VARIABLE}, which is never changed", path = .path.display())]
    External { path: PathBuf },
    #[error("cannot read the identity {path}: {source}", path = .path.display())]
    Read { path: PathBuf, source: ReadError, is_external: bool },
    #[error(transparent)]
    Place(PlaceError),
    #[error("cannot write the identity {path}: {}", io_error_text(.source), path = .path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// Why the passphrase was not changed, or the vault not locked or unlocked.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum KeyError {
    #[error("another program changed the file of the identity")]
    Changed,
    #[error("the identity has a passphrase, which is missing")]
    Closed,
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("the vault was locked in the meantime")]
    Locked,
    #[error("there is no identity")]
    None,
    #[error("the identity has no passphrase")]
    Open,
    #[error("this is not the passphrase of the identity")]
    Wrong,
}

impl Helpful for IdentityError {
    fn help(&self) -> Option<Help> {
        match self {
            Self::Place(error) => error.help(),
            Self::External { .. } => Some(Help::command(
                "change that file yourself, or unset that variable and restart the daemon with",
                "fluvio-secret daemon restart",
            )),
            Self::Read { is_external: true, .. } => {
                Some(Help::advice(format!("correct {IDENTITY_VARIABLE}, or unset it")))
            }
            Self::Bad { .. } | Self::Read { .. } => Some(Help::advice("restore a copy of it")),
            Self::Write { .. } => None,
        }
    }
}
