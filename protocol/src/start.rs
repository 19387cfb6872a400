//! Our programs, and how the daemon is started.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use std::{env, fmt, io};

use crate::limits;
use fluvio_secret_system::lock::Lock;
use fluvio_secret_system::places::StateDirectory;

/// The command line's program.
pub const CLI: &str = "fluvio-secret";
/// The daemon's program.
pub const DAEMON: &str = "fluvio-secretd";
/// The launcher's program.
pub const SHIM: &str = "fluvio-secret-shim";

/// Why the daemon could not be started.
#[derive(Debug)]
pub enum StartError {
    /// It started, said why it cannot serve, and ended.
    Failed {
        /// What it said, or how it ended.
        reason: String,
    },
    /// The lock of starting cannot be taken.
    Lock {
        /// The lock's file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another program starts a daemon and does not finish.
    OtherStarter {
        /// The lock that it holds.
        path: PathBuf,
    },
    /// Its program cannot be run.
    Program {
        /// The program.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Takes the lock of starting a daemon.
pub(crate) fn lock(state: &StateDirectory) -> Result<Lock, StartError> {
    let path = state.start_lock.clone();
    // Longer than a daemon takes: it may wait for another one to stop.
    match Lock::take(&path, Instant::now() + limits::HANDOVER * 2) {
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
    Err(StartError::Failed { reason: reason(&said, ended) })
}

fn is_no_child(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::CHILD.raw_os_error())
}

/// What the daemon said, without the name that it begins with, else how it ended.
fn reason(stderr: &[u8], ended: String) -> String {
    let said = String::from_utf8_lossy(stderr);
    let said = said.trim();
    let said = said.strip_prefix(DAEMON).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(said);
    if said.is_empty() { ended } else { said.to_owned() }
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

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { reason } => write!(f, "cannot start the daemon: {reason}"),
            Self::Lock { path, source } => {
                write!(f, "cannot start the daemon: {}: {source}", path.display())
            }
            Self::OtherStarter { path } => write!(
                f,
                "another program is starting the daemon and does not finish (it holds {}); end it and try again",
                path.display()
            ),
            Self::Program { path, source } => write!(
                f,
                "cannot run {}: {source}; install the three programs of fluvio-secret in one folder",
                path.display()
            ),
        }
    }
}

impl std::error::Error for StartError {}
