//! `--start`: starts a daemon that belongs to nobody's terminal, pipe or session.

use std::ffi::OsString;
use std::io::{self, Read};
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use fluvio_secret_protocol::limits;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What the detached daemon writes to standard output when it serves; anything else is why it cannot.
pub(crate) const READY: &str = "ready\n";

/// A daemon may wait for its predecessor to end; then it is ready within milliseconds.
const START_TIMEOUT: Duration = limits::HANDOVER.saturating_add(Duration::from_secs(2));

/// Has glibc's allocator (mallopt(3)) give memory of values back to the system when they are dropped. By itself
/// it keeps more the larger they were.
const GIVE_BACK: [(&str, &str); 2] =
    [("MALLOC_MMAP_THRESHOLD_", "65536"), ("MALLOC_TRIM_THRESHOLD_", "131072")];

/// Why no daemon was started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DetachError {
    #[error("{0}")]
    Failed(String),
    #[error("cannot run fluvio-secretd: {0}")]
    Program(#[from] io::Error),
    #[error("it did not begin to serve within {} s; the disk of its vault may not answer", START_TIMEOUT.as_secs())]
    Slow,
}

/// Starts a daemon and waits until it serves.
///
/// It inherits no descriptor of the caller, or `$(fluvio-secret list)` would wait for its end; it
/// has `/` as its folder, and of the environment only what says where its places are.
pub(crate) fn start() -> Result<(), DetachError> {
    // What the caller left open without close-on-exec would live as long as the daemon.
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
            Err(DetachError::Failed(format!("it ended at once{status}")))
        }
        reason => Err(DetachError::Failed(reason.trim_end().to_owned())),
    }
}

/// Whether the daemon needs a variable of the caller's: where its places are, what time zone and
/// language hold, how much it logs. A token in the environment is not for it.
fn is_kept(name: &OsString) -> bool {
    const KEPT_VARIABLES: [&str; 6] = ["HOME", "LANG", "LOGNAME", "PATH", "TZ", "USER"];
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
