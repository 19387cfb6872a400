//! Why a vault was not opened, or a secret not read or changed.

use std::io;
use std::path::PathBuf;

use fluvio_secret_protocol::SecretName;
use fluvio_secret_system::help::{Help, Helpful};
use fluvio_secret_system::io_error::io_error_text;
use fluvio_secret_system::places::{self, PlaceError};

use crate::keys::error::{IdentityError, KeyError};
use crate::members::store_error::MemberStoreError;
use crate::rekey::error::RekeyError;
use crate::revisions::signed_record::RecordError;
use crate::secrets::record::BadRecord;
use crate::stranger::Stranger;

/// Why a vault was not opened.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum OpenError {
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("another daemon uses the vault {path}", path = .path.display())]
    Owned { path: PathBuf, pid: Option<u32> },
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Stranger(#[from] Stranger),
}

/// Why a secret was not read or changed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum VaultError {
    #[error("another program changed {path} in the meantime", path = .path.display())]
    Changed { path: PathBuf },
    #[error("{file} {}", .source.verdict(), file = .file.display())]
    Damaged { file: PathBuf, source: BadRecord },
    /// This machine is not among the recipients any more.
    #[error("{file} is not encrypted for this machine's key", file = .file.display())]
    ForOthers { file: PathBuf, source: BadRecord },
    #[error("{file} {}", .source.verdict(), file = .file.display())]
    DamagedVersion { file: PathBuf, source: BadRecord },
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("the identity {path} does not exist, and only it can decrypt the vault", path = .path.display())]
    IdentityLost { path: PathBuf },
    #[error("the passphrase of the identity {path} is unknown", path = .path.display())]
    Key { path: PathBuf, source: KeyError },
    #[error("the vault is locked: its identity {path} has a passphrase", path = .path.display())]
    Locked { path: PathBuf },
    #[error("no such secret")]
    Missing,
    #[error("the directory of the vault {path} was moved, replaced or unmounted", path = .path.display())]
    Moved { path: PathBuf },
    #[error(transparent)]
    Members(#[from] MemberStoreError),
    #[error(transparent)]
    Rekey(#[from] RekeyError),
    #[error("{path}: {}", io_error_text(.source), path = .path.display())]
    Storage { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Stranger(#[from] Stranger),
    /// While the vault is locked, its revision cannot be found out.
    #[error("{file} came from another machine, and has to be decrypted before it is changed", file = .file.display())]
    Unseen { file: PathBuf },
    #[error("the change of `{name}` cannot be signed: {source}")]
    Unsigned { name: SecretName, source: RecordError },
    /// There is a secret of this name, or there are earlier versions of a deleted one.
    #[error("the vault already has `{name}`")]
    Taken { name: SecretName, is_deleted: bool },
    #[error("`{topic}` is not a name of a topic: it has lowercase letters, digits, `-` and `.`")]
    Topic { topic: String },
}

impl Helpful for OpenError {
    fn help(&self) -> Option<Help> {
        match self {
            Self::Identity(error) => error.help(),
            Self::Place(error) => error.help(),
            Self::Stranger(error) => error.help(),
            Self::Owned { pid: Some(pid), .. } => {
                Some(Help::command("stop that daemon first with", format!("kill {pid}")))
            }
            Self::Owned { pid: None, .. } => Some(Help::advice(format!(
                "run `fluvio-secret daemon stop` with the {} of that daemon",
                places::state_variable()
            ))),
        }
    }
}

impl Helpful for VaultError {
    fn help(&self) -> Option<Help> {
        match self {
            Self::Identity(error) => error.help(),
            Self::Members(error) => error.help(),
            Self::Stranger(error) => error.help(),
            Self::Damaged { source, .. } => source.help(),
            Self::Unsigned { source, .. } => source.help(),
            _ => None,
        }
    }
}
