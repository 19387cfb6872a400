//! Why it is not known whom to encrypt for, or why this machine may not change the vault.

use std::io;
use std::path::PathBuf;

use fluvio_secret_system::help::{Help, Helpful};
use fluvio_secret_system::io_error::io_error_text;
use fluvio_secret_system::project::project_of;
use fluvio_secret_system::shell;

use crate::durable_directory::ReadError;
use crate::members::error::MembersError;
use crate::members::signing_key::KeyFingerprint;
use crate::members::signing_key_file::SigningKeyError;

/// Why it is not known whom to encrypt for, or why this machine may not change the vault.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum MemberStoreError {
    #[error("invalid list of members {path}: {source}", path = .path.display())]
    Bad { path: PathBuf, source: MembersError },
    #[error("the identity is not that of this machine's member of the vault {path}", path = .path.display())]
    Foreign { path: PathBuf },
    #[error("two admins have changed the members in {path} at the same time, in version {version}", path = .path.display())]
    Fork { path: PathBuf, version: u64 },
    #[error("the list of members cannot be changed: {0}")]
    List(#[from] MembersError),
    #[error("{path} has more than {most} lists of members", path = .path.display())]
    ManyLists { path: PathBuf, most: usize },
    #[error("no admin has admitted this machine to the vault {path} yet", path = .path.display())]
    NotAdmitted { path: PathBuf, own: Option<KeyFingerprint> },
    #[error("this machine is not an admin of the vault {path}", path = .path.display())]
    NotAdmin { path: PathBuf },
    #[error("this machine is not a member of the vault {path}", path = .path.display())]
    NotMember { path: PathBuf },
    #[error("cannot read the list of members {path}: {source}", path = .path.display())]
    Read { path: PathBuf, source: ReadError },
    #[error("this machine only reads the vault {path}", path = .path.display())]
    Reader { path: PathBuf },
    #[error(transparent)]
    Signing(#[from] SigningKeyError),
    #[error("you have not accepted the members of the vault {path}", path = .path.display())]
    Untrusted { path: PathBuf },
    #[error("the members are unknown: {path} does not exist, and the identity has a passphrase", path = .path.display())]
    Unknown { path: PathBuf },
    #[error("cannot write the list of members {path}: {}", io_error_text(.source), path = .path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl Helpful for MemberStoreError {
    fn help(&self) -> Option<Help> {
        Some(match self {
            Self::Bad { .. } => Help::advice("restore a copy of the file"),
            Self::Foreign { .. } => Help::advice("use the identity of this machine again"),
            Self::Fork { .. } => {
                Help::command("merge the two lists with", "fluvio-secret member merge")
            }
            Self::ManyLists { .. } => Help::advice("remove the files that no admin has written"),
            Self::List(MembersError::NotByAdmin(_)) | Self::NotAdmin { .. } => {
                Help::advice("have an admin do it")
            }
            Self::NotAdmitted { own: Some(own), .. } => {
                let command = format!("fluvio-secret member admit {own}");
                Help::command("an admin has to run", command)
            }
            // It was killed before it made its key.
            Self::NotAdmitted { own: None, path } => {
                let join = "fluvio-secret sync join --admin FINGERPRINT";
                let command = match project_of(path) {
                    personal if personal == path => join.to_owned(),
                    project => format!("{join} --vault {}", shell::path(project)),
                };
                Help::command("finish the join with", command)
            }
            Self::NotMember { .. } => {
                Help::command("ask an admin for that with", "fluvio-secret member request")
            }
            Self::Reader { .. } => Help::advice("have an admin do it, or give you another role"),
            Self::Signing(error) => return error.help(),
            Self::Untrusted { path } => {
                let path = shell::path(path);
                Help::command("look at them with", format!("fluvio-secret vault trust {path}"))
            }
            Self::Unknown { .. } => Help::command("unlock the vault with", "fluvio-secret unlock"),
            Self::List(_) | Self::Read { .. } | Self::Write { .. } => return None,
        })
    }
}
