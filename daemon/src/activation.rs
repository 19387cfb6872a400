//! Socket activation: a service manager binds the socket and hands it over as descriptor 3.
//!
//! As in `sd_listen_fds(3)`, `LISTEN_FDS` is the number of descriptors, and `LISTEN_PID` the process that they
//! are for. A descriptor for another process is an error here, because the socket is the service manager's.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::{env, fs};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::sockopt::{socket_acceptconn, socket_domain, socket_type};
use rustix::net::{AddressFamily, SocketType};

const COUNT: &str = "LISTEN_FDS";
const FOR_WHOM: &str = "LISTEN_PID";

#[derive(Debug, thiserror::Error)]
pub(crate) enum ActivationError {
    #[error(
        "LISTEN_FDS is `{0}`, and one socket can be served; let fluvio-secretd.socket have one ListenStream="
    )]
    Count(String),
    #[error(
        "LISTEN_FDS says that descriptor 3 is a listening Unix socket, but: {0}; unset it to serve without"
    )]
    Descriptor(#[from] io::Error),
    #[error(
        "the socket that was handed over is another's: LISTEN_PID is not {}; start fluvio-secretd directly, or unset LISTEN_FDS",
        std::process::id()
    )]
    ForAnother,
    #[error(
        "the socket that was handed over is at {found}, and the commands look for it at {wanted}; set ListenStream= of fluvio-secretd.socket to that",
        found = .found.display(), wanted = .wanted.display()
    )]
    Place { found: PathBuf, wanted: PathBuf },
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
            "it is another kind of socket, or nobody listens at it",
        )));
    }
    fcntl_setfd(&descriptor, FdFlags::CLOEXEC).map_err(failed)?;
    Ok(descriptor.into())
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
