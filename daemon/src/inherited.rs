//! What whoever starts us has settled for its own programs, and what is not to hold for us: a daemon
//! outlives the shell that it was started from, and serves others.

use std::io;
use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::SIGXFSZ;
use signal_hook::flag;

/// The limits, and their names in messages.
const LIMITS: [(Resource, &str); 3] = [
    // One descriptor for each connection, and what the lanes open.
    (Resource::Nofile, "open files"),
    (Resource::Fsize, "the size of files"),
    (Resource::As, "memory"),
];

/// Takes as much as the system grants. A file that may not be as large is then an error of who writes
/// it, and not our end.
pub(crate) fn leave_behind() -> io::Result<()> {
    // Nobody looks at the flag: that it is set keeps the signal from its default.
    flag::register(SIGXFSZ, Arc::default())?;
    for (resource, what) in LIMITS {
        let limit = getrlimit(resource);
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if let Err(error) = setrlimit(resource, raised) {
            tracing::debug!("the limit of {what} stays at {:?}: {error}", limit.current);
        }
    }
    Ok(())
}
