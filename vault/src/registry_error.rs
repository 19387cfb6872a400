//! Why a vault is not registered, or cannot be.

use std::io;
use std::path::PathBuf;

use fluvio_secret_protocol::limits;
use fluvio_secret_system::help::{Help, Helpful};
use fluvio_secret_system::io_error::io_error_text;
use fluvio_secret_system::project::project_of;
use fluvio_secret_system::shell;

use crate::durable_directory::ReadError;
use crate::error::OpenError;
use crate::id::IdError;
use crate::members::store_error::MemberStoreError;
use crate::stranger::Stranger;

/// Why a vault is not registered, or cannot be.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum RegistryError {
    #[error("{path} is not the vault that you registered there", path = .path.display())]
    Another { path: PathBuf },
    #[error("invalid list of vaults {path}: it is not JSON of this form at line {line}, column {column}", path = .path.display())]
    Bad { path: PathBuf, line: usize, column: usize },
    #[error("the vault {path} has changed since you were shown it", path = .path.display())]
    Changed { path: PathBuf },
    #[error("{path} is a vault already", path = .path.display())]
    Exists { path: PathBuf },
    #[error("no retired key was removed: the vault {path} is not registered, and may need one", path = .path.display())]
    Forgotten { path: PathBuf },
    #[error("the vault {path} does not exist any more", path = .path.display())]
    Gone { path: PathBuf },
    #[error("{path} is a symbolic link", path = .path.display())]
    Link { path: PathBuf },
    #[error("cannot use {path} as a vault: {}", io_error_text(.source), path = .path.display())]
    Make { path: PathBuf, source: io::Error },
    #[error("you have registered {} vaults, and no more are possible", limits::VAULTS)]
    Many,
    #[error("the list of vaults {path} has format {format}, which only a newer fluvio-secret can read", path = .path.display())]
    Newer { path: PathBuf, format: u32 },
    #[error("{path} has no list of members that an admin in it has signed", path = .path.display())]
    NoMembers { path: PathBuf },
    #[error("{path} has other files, such as {file}", path = .path.display(), file = .file.display())]
    NotEmpty { path: PathBuf, file: PathBuf },
    #[error("the path {path} is not UTF-8", path = .path.display())]
    NotUtf8 { path: PathBuf },
    #[error("no retired key was removed: the vault of {directory} is not registered, and may need one", directory = .directory.display())]
    Nowhere { directory: PathBuf },
    #[error("{path} is not a vault: it has no {vault}", path = .path.display(), vault = crate::id::ID_FILE)]
    NoVault { path: PathBuf },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("{path} is your personal vault", path = .path.display())]
    Personal { path: PathBuf },
    #[error("{path} has the ID of your personal vault", path = .path.display())]
    PersonalId { path: PathBuf },
    #[error("cannot read the list of vaults {path}: {source}", path = .path.display())]
    Read { path: PathBuf, source: ReadError },
    #[error(transparent)]
    Members(#[from] MemberStoreError),
    #[error("the vault {path} is registered already", path = .path.display())]
    Registered { path: PathBuf },
    #[error("the vault {path} is not registered", path = .path.display())]
    Unknown { path: PathBuf },
    #[error("cannot write {path}: {}", io_error_text(.source), path = .path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl From<IdError> for RegistryError {
    fn from(error: IdError) -> Self {
        Stranger::from(error).into()
    }
}

impl From<Stranger> for RegistryError {
    fn from(error: Stranger) -> Self {
        match error {
            Stranger::Gone { path } => Self::Gone { path },
            Stranger::Another { path }
            | Stranger::Empty { path }
            | Stranger::Nameless { path, .. } => Self::Another { path },
            error => Self::Open(error.into()),
        }
    }
}

impl Helpful for RegistryError {
    fn help(&self) -> Option<Help> {
        match self {
            Self::Another { path } | Self::Exists { path } | Self::Unknown { path } => {
                let path = shell::path(path);
                let command = format!("fluvio-secret vault trust {path}");
                Some(Help::command("look at it, and then register it with", command))
            }
            Self::Registered { path } => {
                let project = shell::path(project_of(path));
                let command = format!("fluvio-secret set --vault {project} NAME");
                Some(Help::command("set a secret in it with", command))
            }
            Self::Forgotten { path } => {
                let path = shell::path(path);
                let command = format!("fluvio-secret vault forget --for-good {path}");
                Some(Help::command(
                    "register it again, or if you do not need it, forget it with",
                    command,
                ))
            }
            Self::Nowhere { .. } => Some(Help::advice(
                "register it again, or if you do not need it, remove that directory",
            )),
            Self::Gone { path } => {
                let path = shell::path(path);
                let command = format!("fluvio-secret vault forget {path}");
                Some(Help::command("put it back, or forget it with", command))
            }
            Self::Changed { path } => {
                let path = shell::path(path);
                let command = format!("fluvio-secret vault trust {path}");
                Some(Help::command("look at it again with", command))
            }
            Self::NoVault { path } => {
                let path = shell::path(path);
                let command = format!("fluvio-secret vault init {path}");
                Some(Help::command("make one with", command))
            }
            Self::Bad { .. } | Self::Read { .. } => Some(Help::advice("restore the file")),
            Self::Many => Some(Help::command("see them with", "fluvio-secret vault list")),
            Self::Link { .. } => Some(Help::advice("remove it")),
            Self::NotEmpty { .. } => Some(Help::advice("move them away, or use another directory")),
            Self::Make { .. } | Self::NotUtf8 { .. } => Some(Help::advice("use another directory")),
            Self::NoMembers { .. } => {
                Some(Help::advice("have its owner set a secret with this version"))
            }
            Self::Open(error) => error.help(),
            Self::Members(error) => error.help(),
            Self::PersonalId { .. } => {
                Some(Help::advice("ask who made it: a secret of one would count in the other"))
            }
            Self::Newer { .. } | Self::Personal { .. } | Self::Write { .. } => None,
        }
    }
}
