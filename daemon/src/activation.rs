//! Socket activation: a service manager binds the socket and hands it over as descriptor 3. Or the starter hands
//! over one connection, as standard input.
//!
//! As in `sd_listen_fds(3)`, `LISTEN_FDS` is the number of descriptors, and `LISTEN_PID` the process that they
//! are for. A descriptor for another process is an error here, because the socket is the service manager's.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::{env, fs};

use fluvio_secret_system::help::{Help, Helpful};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::sockopt::{socket_acceptconn, socket_domain, socket_type};
use rustix::net::{AddressFamily, SocketType};

const COUNT: &str = "LISTEN_FDS";
const FOR_WHOM: &str = "LISTEN_PID";

#[derive(Debug, thiserror::Error)]
pub(crate) enum ActivationError {
    #[error("standard input is not a connection: {0}")]
    Connection(#[source] io::Error),
    #[error("LISTEN_FDS is `{0}`, but the daemon serves only one socket")]
    Count(String),
    #[error("LISTEN_FDS is set, but descriptor 3 is not a listening Unix socket: {0}")]
    Descriptor(#[from] io::Error),
    #[error(
        "the socket in LISTEN_FDS is for another process: LISTEN_PID is not {}",
        std::process::id()
    )]
    ForAnother,
    #[error(
        "the socket in LISTEN_FDS is at {found}, but the commands use {wanted}",
        found = .found.display(), wanted = .wanted.display()
    )]
    Place { found: PathBuf, wanted: PathBuf },
}

impl Helpful for ActivationError {
    fn help(&self) -> Option<Help> {
        Some(Help::advice(match self {
            Self::Connection(_) => "start it with: fluvio-secret run --no-daemon".to_owned(),
            Self::Count(_) => "leave only one ListenStream= in fluvio-secretd.socket".to_owned(),
            Self::Descriptor(_) => "to serve without it, unset LISTEN_FDS".to_owned(),
            Self::ForAnother => "start fluvio-secretd directly, or unset LISTEN_FDS".to_owned(),
            Self::Place { wanted, .. } => {
                format!("set ListenStream= in fluvio-secretd.socket to {}", wanted.display())
            }
        }))
    }
}

/// The socket that was handed over; `None` if the daemon has to bind its own. To be called once, before any file
/// is opened.
pub(crate) fn socket() -> Result<Option<UnixListener>, ActivationError> {
    let Some(count) = env::var_os(COUNT) else { return Ok(None) };
    let own = std::process::id().to_string();
    if env::var_os(FOR_WHOM).is_none_or(|pid| pid != *own) {
        return Err(ActivationError::ForAnother);
    }
    if count != "1" {
        return Err(ActivationError::Count(count.to_string_lossy().into_owned()));
    }
    // To own a closed descriptor would abort the process.
    fs::symlink_metadata("/proc/self/fd/3").map_err(|_| io::Error::other("it is closed"))?;
    let given = sd_listen_fds::get().map_err(io::Error::other)?.pop();
    given.map(|(_, descriptor)| listener(descriptor.into_std())).transpose()
}

fn listener(descriptor: OwnedFd) -> Result<UnixListener, ActivationError> {
    let failed = |error: rustix::io::Errno| ActivationError::Descriptor(error.into());
    // In this order: anything but a socket fails at the first one.
    let listens = socket_acceptconn(&descriptor).map_err(failed)?
        && socket_domain(&descriptor).map_err(failed)? == AddressFamily::UNIX
        && socket_type(&descriptor).map_err(failed)? == SocketType::STREAM;
    if !listens {
        return Err(ActivationError::Descriptor(io::Error::other(
            "it is another kind of socket, or does not listen",
        )));
    }
    fcntl_setfd(&descriptor, FdFlags::CLOEXEC).map_err(failed)?;
    Ok(descriptor.into())
}

/// The connection on standard input.
pub(crate) fn connection() -> Result<UnixStream, ActivationError> {
    let failed = |error: rustix::io::Errno| ActivationError::Connection(error.into());
    let input = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).map_err(failed)?;
    let is_connection = socket_domain(&input).map_err(failed)? == AddressFamily::UNIX
        && socket_type(&input).map_err(failed)? == SocketType::STREAM
        && !socket_acceptconn(&input).map_err(failed)?;
    match is_connection {
        true => Ok(input.into()),
        false => Err(ActivationError::Connection(io::Error::other("it is another kind of socket"))),
    }
}

pub(crate) fn check_place(listener: &UnixListener, wanted: &Path) -> Result<(), ActivationError> {
    let address = listener.local_addr()?;
    match address.as_pathname() {
        Some(found) if found == wanted => Ok(()),
        found => {
            let found = found.unwrap_or(Path::new("no path")).to_owned();
            Err(ActivationError::Place { found, wanted: wanted.to_owned() })
        }
    }
}
