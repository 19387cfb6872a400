//! Why it is not known whom to encrypt for.

use std::io;
use std::path::PathBuf;

use fluvio_secret_protocol::limits;
use fluvio_secret_system::help::{Help, Helpful};
use fluvio_secret_system::io_error::io_error_text;
use fluvio_secret_system::shell;

use crate::durable_directory::ReadError;

/// Why it is not known whom to encrypt for.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum RecipientsError {
    #[error("invalid list of recipients {path}: line {line} is not an age recipient (age1…)", path = .path.display())]
    Bad { path: PathBuf, line: usize },
    #[error("the recipients in {vault} differ from those that you accepted, in {accepted}", vault = .vault.display(), accepted = .accepted.display())]
    Differ { vault: PathBuf, accepted: PathBuf },
    #[error("the list of recipients {path} is empty", path = .path.display())]
    Empty { path: PathBuf },
    #[error("the identity is not one of the accepted recipients in {accepted}", accepted = .accepted.display())]
    Foreign { accepted: PathBuf },
    #[error("the list of recipients {path} has more than {} recipients", limits::RECIPIENTS, path = .path.display())]
    Many { path: PathBuf },
    #[error("cannot read the list of recipients {path}: {source}", path = .path.display())]
    Read { path: PathBuf, source: ReadError },
    #[error("the recipients are unknown: {accepted} does not exist, and the identity has a passphrase", accepted = .accepted.display())]
    Unknown { accepted: PathBuf },
    #[error("cannot write the list of recipients {path}: {}", io_error_text(.source), path = .path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl Helpful for RecipientsError {
    fn help(&self) -> Option<Help> {
        let Self::Empty { path } = self else { return None };
        let path = shell::path(path);
        Some(Help::command("remove it with", format!("rm {path}")))
    }
}
