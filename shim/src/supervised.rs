//! Under a supervisor (`run --watch`), with which the connector ends.

use std::env;

use fluvio_secret_protocol::supervisor;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::error::ShimError;

/// If a supervisor started this process, has the kernel end it with the supervisor, whatever it becomes
/// (`PR_SET_PDEATHSIG` in prctl(2), which an exec keeps).
pub(crate) fn end_with_supervisor() -> Result<(), ShimError> {
    let Some(pid) = supervisor() else { return Ok(()) };
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| ShimError::System(error.into()))?;
    // It may have exited before the call.
    if getppid() == Some(pid) { Ok(()) } else { Err(ShimError::NoSupervisor) }
}

/// Whether a supervisor started this process, and waits for its end.
pub(crate) fn is_supervised() -> bool {
    supervisor().is_some_and(|pid| getppid() == Some(pid))
}

fn supervisor() -> Option<Pid> {
    // The variable may be meant for another process.
    let pid = env::var_os(supervisor::VARIABLE)?;
    Pid::from_raw(pid.to_str()?.parse().ok()?)
}
