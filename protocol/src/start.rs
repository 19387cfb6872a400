//! Our programs, and how the daemon is started.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use std::{env, io};

use crate::limits;
use fluvio_secret_system::help::{Help, Helpful};
use fluvio_secret_system::io_error::few_files_help;
use fluvio_secret_system::lock::FileLock;
use fluvio_secret_system::places::{self, StateDirectory};

/// The command line's program.
pub const CLI: &str = "fluvio-secret";
/// The daemon's program.
pub const DAEMON: &str = "fluvio-secretd";
/// The launcher's program.
pub const SHIM: &str = "fluvio-secret-shim";

/// Why the daemon could not be started.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum StartError {
    /// It started, printed why it cannot serve, and exited.
    #[error("cannot start the daemon: {reason}")]
    Failed { reason: String, help: Option<Help> },
    #[error("cannot start the daemon: {}: {source}", .path.display())]
    Lock { path: PathBuf, source: io::Error },
    #[error("another program is starting the daemon and does not finish (it locks {})", .path.display())]
    OtherStarter { path: PathBuf },
    #[error("cannot run {}: {source}", .path.display())]
    Program { path: PathBuf, source: io::Error },
}

impl Helpful for StartError {
    fn help(&self) -> Option<Help> {
        match self {
            Self::Failed { help, .. } => help.clone(),
            Self::Lock { source, .. } | Self::Program { source, .. }
                if few_files_help(source).is_some() =>
            {
                few_files_help(source)
            }
            Self::Lock { source, .. } => is_not_writable(source).then(|| {
                let variable = places::state_variable();
                Help::advice(format!(
                    "make the state directory writable (a tmpfs is enough), or choose another with {variable}"
                ))
            }),
            Self::OtherStarter { .. } => Some(Help::advice("stop it and try again")),
            Self::Program { .. } => {
                Some(Help::advice("install the three programs of fluvio-secret in one directory"))
            }
        }
    }
}

fn is_not_writable(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
}

/// Takes the lock of starting a daemon.
pub(crate) fn lock(state: &StateDirectory) -> Result<FileLock, StartError> {
    let path = state.start_lock.clone();
    // Longer than a daemon takes: it may wait for another one to stop.
    match FileLock::take(&path, Instant::now() + limits::HANDOVER * 2) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(StartError::OtherStarter { path }),
        Err(source) => Err(StartError::Lock { path, source }),
    }
}

/// Runs `fluvio-secretd --start`, which exits when the daemon serves or cannot. The daemon is that
/// program's child: as our own it would, after our exec, be an unknown child of the connector.
pub(crate) fn start() -> Result<(), StartError> {
    run("--start")
}

/// Runs `fluvio-secretd --accept-vault`, which starts no daemon.
pub(crate) fn accept_vault() -> Result<(), StartError> {
    run("--accept-vault")
}

/// Starts `fluvio-secretd --connection`, which serves this connection alone and exits when it ends.
pub(crate) fn for_connection(connection: UnixStream) -> Result<Child, StartError> {
    let path = beside_this_program(DAEMON)?;
    let mut command = Command::new(&path);
    command.arg("--connection").stdin(OwnedFd::from(connection));
    let started = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    started.map_err(|source| StartError::Program { path, source })
}

fn run(option: &str) -> Result<(), StartError> {
    let path = beside_this_program(DAEMON)?;
    let failed = |source| StartError::Program { path: path.clone(), source };
    let mut command = Command::new(&path);
    command.arg(option).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut starter = command.spawn().map_err(failed)?;
    let mut said = Vec::new();
    if let Some(mut stderr) = starter.stderr.take() {
        stderr.read_to_end(&mut said).map_err(failed)?;
    }
    let ended = match starter.wait() {
        Ok(status) if status.success() => return Ok(()),
        Ok(status) => status.to_string(),
        // Our own starter ignores SIGCHLD, so the kernel keeps no status. Whether a daemon serves is
        // checked next.
        Err(error) if is_no_child(&error) && said.is_empty() => return Ok(()),
        Err(error) => error.to_string(),
    };
    let said = String::from_utf8_lossy(&said);
    if said.trim().is_empty() {
        return Err(StartError::Failed { reason: ended, help: None });
    }
    let (reason, help) = Help::of_report(&said);
    Err(StartError::Failed { reason: reason.to_owned(), help })
}

fn is_no_child(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::CHILD.raw_os_error())
}

/// The path of another of our programs: beside the real path of the running one, never by PATH.
///
/// # Errors
///
/// [`StartError::Program`] when the running program's path is not known or has no such neighbour.
pub fn beside_this_program(name: &str) -> Result<PathBuf, StartError> {
    let failed = |path: &Path, source| StartError::Program { path: path.to_owned(), source };
    let this = env::current_exe()
        .and_then(|path| path.canonicalize())
        .map_err(|source| failed(Path::new(name), source))?;
    let path = this.with_file_name(name);
    match path.metadata() {
        Ok(_) => Ok(path),
        Err(source) => Err(failed(&path, source)),
    }
}
