//! Why a vault is not replicated.

use std::io;
use std::path::PathBuf;

use fluvio_secret_system::help::{Help, Helpful};
use fluvio_secret_system::io_error::io_error_text;
use thiserror::Error;

use super::event::DaemonFailure;
use super::next_step::{for_admin, place, start_over, to_join_again};
use super::sync_places::FLUVIO_VARIABLE;
use crate::members::NOT_A_MEMBER;

#[derive(Debug, Error)]
pub(crate) enum SyncError {
    /// A call of `fluvio` failed.
    #[error("cannot {what}: {cause}")]
    Call { what: String, cause: String },
    /// The process exited at once.
    #[error("the process that follows the topic did not start ({status})")]
    Detach { status: String, log: PathBuf },
    #[error("the topic {topic} is there already")]
    Exists { topic: String },
    #[error("cannot use {}: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("this machine is not an admin of the vault")]
    NotAdmin,
    /// It was removed, or never asked.
    #[error("{NOT_A_MEMBER}")]
    NotMember { topic: String, path: Option<String> },
    /// There is no program `fluvio`.
    #[error("there is no program fluvio on PATH")]
    NoProgram,
    #[error("the topic {topic} does not exist")]
    NoTopic { topic: String, path: Option<String> },
    /// The topic has no announcement of that admin.
    #[error("the admin {admin} has not announced a vault on the topic {topic}")]
    NotAnnounced { admin: String, topic: String, path: Option<String> },
    #[error("the vault is not replicated")]
    NotReplicated { help: Help },
    #[error("the process that follows the topic (pid {pid}) does not stop")]
    NotStopped { pid: u32 },
    /// The process is in another container.
    #[error("the process that follows the topic cannot be found")]
    NotFound,
    /// It would become the personal vault.
    #[error("the vault is that of the project {}", .project.display())]
    OfProject { project: PathBuf, command: String },
    /// No admin has announced this vault on the topic.
    #[error("the topic {topic} is that of another vault")]
    OtherVault { topic: String, path: Option<String> },
    #[error("the vault is replicated over the topic {topic} already")]
    OtherTopic { topic: String, leave: String },
    #[error("cannot run {}: {}", .path.display(), io_error_text(.source))]
    Program { path: PathBuf, source: io::Error },
    #[error("another process follows the topic{}", pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    Running { pid: Option<u32> },
    /// It does not work at present.
    #[error("{cause}")]
    Trouble { cause: String, help: Option<Help> },
    #[error("cannot read {}: {why}", .path.display())]
    Unread { path: PathBuf, why: String },
}

impl Helpful for SyncError {
    fn help(&self) -> Option<Help> {
        let (advice, command) = match self {
            Self::Detach { log, .. } => {
                return Some(Help::advice(format!("see the end of {}", log.display())));
            }
            Self::Exists { topic } => {
                return Some(Help::command(
                    "if it is of a compaction that was stopped, delete it with",
                    format!("fluvio topic delete {topic}"),
                ));
            }
            Self::NoProgram | Self::Program { .. } => {
                return Some(Help::advice(format!(
                    "install Fluvio, or name its program in {FLUVIO_VARIABLE}"
                )));
            }
            Self::Trouble { help, .. } => return help.clone(),
            Self::Call { .. } => ("check the cluster with", "fluvio topic list"),
            // A project has a vault already, so it cannot become that one.
            Self::OtherVault { path: Some(_), .. } => {
                return Some(Help::advice("name another topic with --topic"));
            }
            Self::OtherVault { topic, path: None } => {
                let join = "fluvio-secret sync join --admin FINGERPRINT";
                let advice = "name another topic with --topic, or join that vault with";
                return Some(Help::command(advice, format!("{join} --topic {topic}")));
            }
            Self::NoTopic { topic, path } => {
                return Some(for_admin(path.as_deref(), start_over(topic)));
            }
            Self::NotAnnounced { topic, path, .. } => {
                let place = place(path.as_deref());
                let advice = format!("check the fingerprint, and have that admin run{place}");
                return Some(Help::command(&advice, start_over(topic)));
            }
            Self::OfProject { command, .. } => {
                return Some(Help::command("join it in that project with", command));
            }
            Self::NotMember { topic, path } => return Some(to_join_again(path.as_deref(), topic)),
            Self::NotAdmin => (
                "run this on a machine of an admin, which is listed by",
                "fluvio-secret member list",
            ),
            Self::NotReplicated { help } => return Some(help.clone()),
            Self::NotFound => {
                return Some(Help::advice("stop it in the container that it runs in"));
            }
            Self::OtherTopic { leave, .. } => {
                return Some(Help::command("to leave that topic, run", leave));
            }
            Self::Running { .. } => ("stop it with", "fluvio-secret sync stop"),
            Self::Unread { .. } => {
                return Some(Help::advice("move that file away, and start again"));
            }
            _ => return None,
        };
        Some(Help::command(advice, command))
    }
}

impl SyncError {
    /// What does not work, with its help.
    pub(crate) fn trouble(text: &str) -> Self {
        let (cause, help) = Help::of_report(text);
        Self::Trouble { cause: cause.to_owned(), help }
    }
}

impl From<DaemonFailure> for SyncError {
    fn from(failure: DaemonFailure) -> Self {
        let (DaemonFailure::Locked(text) | DaemonFailure::Other(text)) = failure;
        Self::trouble(&text)
    }
}
