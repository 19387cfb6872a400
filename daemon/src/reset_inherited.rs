//! Resets limits and signals of the starter: the daemon outlives the shell that started it, and serves others.
//!
//! Soft limits are raised to the hard ones. A hard limit stays: it may be meant for the daemon.

use std::io;
use std::sync::Arc;

use fluvio_secret_protocol::limits;
use fluvio_secret_system::process::{self, KNOWN_PROCESSES};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
pub(crate) use signal_hook::consts::SIGXCPU as CPU_TIME_IS_OVER;
use signal_hook::consts::SIGXFSZ;
use signal_hook::flag;

/// The limits, and their names in messages. (Not core files, which `harden` limits.)
const LIMITS: [(Resource, &str); 10] = [
    (Resource::As, "memory"),
    (Resource::Cpu, "processor time"),
    (Resource::Data, "data"),
    (Resource::Fsize, "file size"),
    (Resource::Memlock, "locked memory"),
    // One descriptor for each connection, and what the workers open.
    (Resource::Nofile, "open files"),
    (Resource::Nproc, "processes"),
    (Resource::Rss, "resident memory"),
    (Resource::Sigpending, "pending signals"),
    (Resource::Stack, "stack size"),
];

/// Descriptors that the daemon needs besides those of connections: its own, what the workers open at the same
/// time, and the files of a change with eight writers.
const RESERVED: usize = 48;

/// Takes as much as the system grants. A file over its limit is then an error of its writer, and does not kill
/// the daemon.
pub(crate) fn reset_inherited() -> io::Result<()> {
    // The flag is not read: a handler keeps the signal from killing the daemon.
    flag::register(SIGXFSZ, Arc::default())?;
    for (resource, what) in LIMITS {
        let limit = getrlimit(resource);
        let mut raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if let (Resource::Cpu, Some(most)) = (resource, limit.maximum) {
            tracing::warn!(
                "the daemon may use {most} s of processor time, and will stop before that"
            );
            // The soft limit sends a signal that is handled, the hard one SIGKILL.
            raised.current = Some(most.saturating_sub(1).max(1));
        }
        if let Err(error) = setrlimit(resource, raised) {
            tracing::debug!("the limit for {what} stays at {:?}: {error}", limit.current);
        }
    }
    if kept_names() == 0 {
        process::keep_no_names();
    }
    Ok(())
}

/// The number of names of processes that stay open: none if few files may be open.
fn kept_names() -> usize {
    if open_files() < 2 * RESERVED { 0 } else { KNOWN_PROCESSES }
}

/// Refuses a limit of open files that leaves none for connections.
pub(crate) fn check_files() -> Result<(), FewFiles> {
    enough(open_files())
}

fn enough(files: usize) -> Result<(), FewFiles> {
    if files > RESERVED { Ok(()) } else { Err(FewFiles(files)) }
}

/// The number of files that may be open.
#[derive(Debug, thiserror::Error)]
#[error("the limit for open files is {0}, but the daemon needs {least}", least = RESERVED + 1)]
pub(crate) struct FewFiles(usize);

/// The number of connections that fit beside the other descriptors, one of them for each lease and each known process.
pub(crate) fn connections(leases: usize) -> usize {
    open_files().saturating_sub(RESERVED + kept_names() + leases).clamp(1, limits::CONNECTIONS)
}

fn open_files() -> usize {
    let files = getrlimit(Resource::Nofile).current;
    files.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::{RESERVED, enough};

    #[test]
    fn b14_too_few_files_are_refused_by_name() {
        assert!(enough(RESERVED + 1).is_ok() && enough(RESERVED).is_err());
        let error = enough(8).expect_err("too few").to_string();
        assert!(error.contains("open files is 8,"), "{error}");
    }
}
