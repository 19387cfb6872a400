//! `--start`: starts a daemon that is independent of the terminal, pipes and session of its starter.

use std::ffi::OsString;
use std::io::{self, Read};
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use fluvio_secret_protocol::limits;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What the detached daemon writes to standard output when it serves; anything else is an error.
pub(crate) const READY: &str = "ready\n";

/// A daemon may wait for its predecessor to stop; then it is ready within milliseconds.
const START_TIMEOUT: Duration = limits::HANDOVER.saturating_add(Duration::from_secs(2));

/// Makes glibc's allocator (mallopt(3)) return the memory of dropped values to the system. By default it keeps
/// more of it for larger values, and some for each thread.
const GIVE_BACK: [(&str, &str); 3] = [
    ("MALLOC_ARENA_MAX", "2"),
    ("MALLOC_MMAP_THRESHOLD_", "131072"),
    ("MALLOC_TRIM_THRESHOLD_", "131072"),
];

#[derive(Debug, thiserror::Error)]
pub(crate) enum DetachError {
    #[error("{0}")]
    Failed(String),
    #[error("cannot run fluvio-secretd: {0}")]
    Program(#[from] io::Error),
    #[error("it did not start within {} s: the disk of the vault may not answer", START_TIMEOUT.as_secs())]
    Slow,
}

/// Starts a daemon and waits until it serves.
///
/// It inherits no descriptor of the caller, because `$(fluvio-secret list)` would wait until it is closed. Its
/// directory is `/`, and it gets only the variables that it needs.
pub(crate) fn start() -> Result<(), DetachError> {
    // Descriptors without close-on-exec would stay open as long as the daemon runs.
    close_fds::set_fds_cloexec(3, &[]);
    let mut child = Command::new(std::env::current_exe()?)
        .arg("--detached")
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| is_kept(name)))
        .envs(GIVE_BACK)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let said = match child.stdout.take().map(read_all) {
        Some(Ok(said)) => said,
        Some(Err(error)) if error.kind() == io::ErrorKind::TimedOut => {
            child.kill()?;
            return Err(DetachError::Slow);
        }
        Some(Err(error)) => return Err(error.into()),
        None => String::new(),
    };
    match said.as_str() {
        READY => Ok(()),
        "" => {
            // If our starter ignores SIGCHLD, the kernel keeps no status.
            let status = child.wait().map(|status| format!(" ({status})")).unwrap_or_default();
            Err(DetachError::Failed(format!("it exited at once{status}")))
        }
        reason => Err(DetachError::Failed(reason.trim_end().to_owned())),
    }
}

/// Whether the daemon needs a variable of the caller: for its directories, credential, time zone, language and
/// log. A token in the environment is not for the daemon.
fn is_kept(name: &OsString) -> bool {
    const KEPT_VARIABLES: [&str; 7] =
        ["CREDENTIALS_DIRECTORY", "HOME", "LANG", "LOGNAME", "PATH", "TZ", "USER"];
    const KEPT_PREFIXES: [&str; 3] = ["FLUVIO_SECRET_", "LC_", "XDG_"];
    name.to_str().is_some_and(|name| {
        KEPT_VARIABLES.contains(&name)
            || KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    })
}

/// Reads until the pipe is closed, at most for [`START_TIMEOUT`].
fn read_all(mut pipe: ChildStdout) -> io::Result<String> {
    let deadline = Instant::now() + START_TIMEOUT;
    let mut said = Vec::new();
    let mut bytes = [0; 512];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        let mut wanted = [PollFd::new(&pipe, PollFlags::IN)];
        match poll(&mut wanted, Some(&timeout)) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Err(rustix::io::Errno::INTR) => continue,
            polled => polled?,
        };
        match pipe.read(&mut bytes)? {
            0 => return Ok(String::from_utf8_lossy(&said).into_owned()),
            count => said.extend_from_slice(&bytes[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_kept;

    #[test]
    fn the_daemon_gets_no_variable_that_it_does_not_need() {
        for name in ["HOME", "XDG_STATE_HOME", "FLUVIO_SECRET_HOME", "LC_ALL", "TZ"] {
            assert!(is_kept(&name.into()), "{name}");
        }
        for name in ["AWS_SECRET_ACCESS_KEY", "LD_PRELOAD", "HOMEBREW_TOKEN", "TMPDIR"] {
            assert!(!is_kept(&name.into()), "{name}");
        }
    }
}
