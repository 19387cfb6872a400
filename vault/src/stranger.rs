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
        "{path} is another vault than the one that this machine uses; put that one back, or mount its file system",
        path = .path.display()
    )]
    Another { path: PathBuf },
    #[error(
        "the vault {path} is empty, but this machine has used one; mount its file system, or put it back",
        path = .path.display()
    )]
    Empty { path: PathBuf },
    #[error(
        "the vault {path} does not exist, but this machine has used one; mount its file system, or put it back",
        path = .path.display()
    )]
    Gone { path: PathBuf },
    #[error(transparent)]
    Id(#[from] IdError),
    #[error("the vault {path} cannot be used: {}", io_error_text(.source), path = .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "the vault {path} has no {vault}, so it may be another than the one that this machine uses; if it is the same, copy {config} there",
        path = .path.display(), vault = id::ID_FILE, config = .config.display()
    )]
    Nameless { path: PathBuf, config: PathBuf },
}

impl Helpful for Stranger {
    fn help(&self) -> Option<Help> {
        let advice = match self {
            Self::Another { .. } => "or use this one with",
            Self::Empty { .. } | Self::Gone { .. } => "or start with an empty vault with",
            Self::Id(_) | Self::Io { .. } => return None,
            Self::Nameless { .. } => "or use it as another vault with",
        };
        Some(Help::command(advice, ACCEPT_COMMAND))
    }
}
