//! Why a directory is not the vault of this machine.

use std::io;
use std::path::PathBuf;

use fluvio_secret_system::help::{Help, Helpful};
use fluvio_secret_system::io_error::io_error_text;

use crate::id::{self, IdError};

const ACCEPT_COMMAND: &str = "fluvio-secret daemon start --accept-vault";

/// Why the directory at the vault's path is not the vault of this machine.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum Stranger {
    #[error(
        "{path} is not the vault that this machine uses",
        path = .path.display()
    )]
    Another { path: PathBuf },
    #[error(
        "the vault {path} is empty, but this machine already used a vault",
        path = .path.display()
    )]
    Empty { path: PathBuf },
    #[error(
        "the vault {path} does not exist, but this machine already used a vault",
        path = .path.display()
    )]
    Gone { path: PathBuf },
    #[error(transparent)]
    Id(#[from] IdError),
    #[error("the vault {path} cannot be used: {}", io_error_text(.source), path = .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "the vault {path} has no {vault}, so it may not be the vault that this machine uses",
        path = .path.display(), vault = id::ID_FILE
    )]
    Nameless { path: PathBuf, config: PathBuf },
}

impl Helpful for Stranger {
    fn help(&self) -> Option<Help> {
        let advice = match self {
            Self::Another { .. } => "mount or put back the other one, or use this one with".into(),
            Self::Empty { .. } | Self::Gone { .. } => {
                "mount it or put it back, or start with an empty vault with".into()
            }
            Self::Id(error) => return error.help(),
            Self::Io { .. } => return None,
            Self::Nameless { config, .. } => {
                format!("if it is, copy {} there, or else use it with", config.display())
            }
        };
        Some(Help::command(&advice, ACCEPT_COMMAND))
    }
}
