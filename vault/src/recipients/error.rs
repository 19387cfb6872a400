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
    #[error("the list of recipients {path} cannot be used: line {line} is no age recipient (age1…)", path = .path.display())]
    Bad { path: PathBuf, line: usize },
    #[error("the recipients in {vault} are not those that were accepted here, which are in {accepted}", vault = .vault.display(), accepted = .accepted.display())]
    Differ { vault: PathBuf, accepted: PathBuf },
    #[error("the list of recipients {path} has no recipients", path = .path.display())]
    Empty { path: PathBuf },
    #[error("the identity is none of the accepted recipients, which are in {accepted}", accepted = .accepted.display())]
    Foreign { accepted: PathBuf },
    #[error("the list of recipients {path} has more than {}, which is the most", limits::RECIPIENTS, path = .path.display())]
    Many { path: PathBuf },
    #[error("the list of recipients {path} cannot be read: {source}", path = .path.display())]
    Read { path: PathBuf, source: ReadError },
    #[error("whom to seal to is not known: {accepted} is not there, and the identity has a passphrase", accepted = .accepted.display())]
    Unknown { accepted: PathBuf },
    #[error("the list of recipients {path} cannot be written: {}", io_error_text(.source), path = .path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl Helpful for RecipientsError {
    fn help(&self) -> Option<Help> {
        let Self::Empty { path } = self else { return None };
        let path = shell::word(&path.display().to_string());
        Some(Help::command("remove it with", format!("rm {path}")))
    }
}
