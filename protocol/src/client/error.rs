//! Why a request got no answer, or not the one that was wanted.

use std::io;
use std::path::PathBuf;

use fluvio_secret_system::help::{Help, Helpful};
use fluvio_secret_system::io_error::few_files_help;
use fluvio_secret_system::places::PlaceError;

use super::denied::Denied;
use crate::frame::FrameError;
use crate::start::StartError;
use crate::{Code, PROTOCOL_VERSION, Refusal, limits};

// The code that prints numbers with a fraction would be 2 % of the launcher.
const SECONDS: u64 = limits::CLIENT_TIMEOUT.as_secs();
const TENTHS: u32 = limits::CLIENT_TIMEOUT.subsec_millis() / 100;

/// Why a request got no answer, or not the one that was wanted.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum ClientError {
    #[error("no daemon answers at {} ({source})", .socket.display())]
    Absent { socket: PathBuf, source: io::Error },
    #[error("the daemon stopped before it answered ({0}), so the request may not be done")]
    Broken(#[source] io::Error),
    /// Whether a daemon serves at the socket is not known.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The socket belongs to a process of another user.
    #[error("{} is served by uid {uid}, not by you, so nothing was sent", .socket.display())]
    Foreign { socket: PathBuf, uid: u32 },
    #[error("the daemon does not speak the protocol: {0}")]
    Frame(#[from] FrameError),
    #[error(
        "the daemon is newer (protocol version {0}) than this program (version {PROTOCOL_VERSION})"
    )]
    Newer(u32),
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Refused(Refusal),
    /// A daemon that has a request may still carry it out. Its process id is not always known.
    #[error(
        "the daemon at {} did not answer within {}.{} s{}, and may hang",
        .socket.display(), SECONDS, TENTHS, in_parentheses(*.pid)
    )]
    Silent { socket: PathBuf, pid: Option<i32>, is_asked: bool },
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("the daemon sent the response to another request")]
    Unexpected,
    #[error("cannot connect to the daemon at {}: {source}", .socket.display())]
    Unreachable { socket: PathBuf, source: io::Error },
}

fn in_parentheses(pid: Option<i32>) -> String {
    pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
}

impl ClientError {
    /// Whether only a change helps: of the configuration, of a secret, of the vault's lock, or of the
    /// registered vaults. Anything else may pass.
    #[must_use]
    pub fn needs_change(&self) -> bool {
        match self {
            Self::Refused(refusal) => matches!(
                refusal.code,
                Code::Config | Code::Locked | Code::Missing | Code::Unfit | Code::Vault
            ),
            _ => false,
        }
    }

    /// Whether no daemon is there, so that one may be started. Other errors of connecting (too many
    /// open files, no permission) would only come again.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent { .. })
    }
}

impl Helpful for ClientError {
    fn help(&self) -> Option<Help> {
        if let Self::Broken(source) | Self::Unreachable { source, .. } = self
            && let Some(help) = few_files_help(source)
        {
            return Some(help);
        }
        let (advice, command) = match self {
            Self::Absent { .. } => ("start it with", "fluvio-secret daemon start"),
            Self::Broken(_) => ("check the vault with", "fluvio-secret list"),
            Self::Foreign { .. } => {
                return Some(Help::advice(
                    "set HOME to your own home directory, or remove that socket",
                ));
            }
            Self::Frame(_) | Self::Unexpected => {
                ("restart it with", "fluvio-secret daemon restart")
            }
            Self::Newer(_) => (
                "install the newer fluvio-secret, or stop the daemon with",
                "fluvio-secret daemon stop",
            ),
            Self::Silent { is_asked: true, .. } => {
                ("the request may still be done later, so check with", "fluvio-secret list")
            }
            Self::Silent { .. } => return Some(Help::advice("if it hangs, stop its process")),
            Self::Unreachable { .. } => return None,
            Self::Denied(denied) => return denied.help(),
            Self::Place(error) => return error.help(),
            Self::Refused(refusal) => return refusal.help(),
            Self::Start(error) => return error.help(),
        };
        Some(Help::command(advice, command))
    }
}
