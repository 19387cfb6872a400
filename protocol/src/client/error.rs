//! Why a request got no answer, or not the one that was wanted.

use std::path::PathBuf;
use std::{fmt, io};

use super::denied::Denied;
use crate::frame::FrameError;
use crate::start::StartError;
use crate::{Code, PROTOCOL_VERSION, Refusal, limits};
use fluvio_secret_system::places::PlaceError;

/// Why a request got no answer, or not the one that was wanted.
#[derive(Debug)]
pub enum ClientError {
    /// The connection ended in the middle: whether the request was carried out is not known.
    Broken(io::Error),
    /// The socket may not be opened. Whether a daemon serves there is not known.
    Denied(Denied),
    /// The socket belongs to a process of another user. Nothing was sent to it.
    Foreign {
        /// The socket.
        socket: PathBuf,
        /// Whose it is.
        uid: u32,
    },
    /// What was sent, or came back, is not of this protocol.
    Frame(FrameError),
    /// The daemon speaks a newer version of the protocol.
    Newer(u32),
    /// No place for the socket.
    Place(PlaceError),
    /// The daemon said no.
    Refused(Refusal),
    /// The daemon is there and says nothing.
    Silent {
        /// The socket.
        socket: PathBuf,
        /// Its process id, where it is known.
        pid: Option<i32>,
        /// Whether it has a request, which it may still carry out.
        is_asked: bool,
    },
    /// The daemon could not be started.
    Start(StartError),
    /// The daemon answered another question.
    Unexpected,
    /// No process listens at the socket, or a connection failed.
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ClientError {
    /// Whether only a change helps: of the configuration, of a secret, or of the vault's lock. Anything
    /// else may pass.
    #[must_use]
    pub fn needs_change(&self) -> bool {
        match self {
            Self::Refused(refusal) => {
                matches!(refusal.code, Code::Config | Code::Locked | Code::Missing | Code::Unfit)
            }
            _ => false,
        }
    }

    /// Whether no daemon is there, so that one may be started. Other errors of connecting (too many
    /// open files, no permission) would only come again.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Unreachable { source, .. } if matches!(
            source.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
        ))
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(source) => write!(
                f,
                "the daemon went away before it answered ({source}), so it is not known whether it did what was asked; look with: fluvio-secret list"
            ),
            Self::Denied(denied) => denied.fmt(f),
            Self::Foreign { socket, uid } => write!(
                f,
                "{} is served by uid {uid}, not by us, and was told nothing; if HOME is not that user's, remove it",
                socket.display()
            ),
            Self::Frame(error) => write!(f, "the daemon does not speak our protocol: {error}; restart it with: fluvio-secret daemon restart"),
            Self::Newer(version) => write!(
                f,
                "the daemon is newer (version {version} of the protocol) than this program (version {PROTOCOL_VERSION}); install the newer fluvio-secret here too, or end the daemon with: fluvio-secret daemon stop"
            ),
            Self::Place(error) => error.fmt(f),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Silent { socket, pid, is_asked } => {
                write!(
                    f,
                    "the daemon at {} has not answered for {:.1} s; it may hang: look at its process",
                    socket.display(),
                    limits::CLIENT_TIMEOUT.as_secs_f32()
                )?;
                pid.map_or(Ok(()), |pid| write!(f, " ({pid})"))?;
                f.write_str(", or end it")?;
                match is_asked {
                    true => f.write_str(
                        "; it may yet do what was asked, so look afterwards with: fluvio-secret list",
                    ),
                    false => Ok(()),
                }
            }
            Self::Start(error) => error.fmt(f),
            Self::Unexpected => f.write_str(
                "the daemon answered another question; restart it with: fluvio-secret daemon restart",
            ),
            Self::Unreachable { socket, source } if self.is_absent() => write!(
                f,
                "no daemon at {} ({source}); start it with: fluvio-secret daemon start",
                socket.display()
            ),
            Self::Unreachable { socket, source } => {
                write!(f, "cannot connect to the daemon at {}: {source}", socket.display())
            }
        }
    }
}

impl std::error::Error for ClientError {}
