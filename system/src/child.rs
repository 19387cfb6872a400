//! Waits for a child, but not forever.

use std::io;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// How long a killed child is waited for. It may hang in the kernel.
const KILL_TIMEOUT: Duration = Duration::from_secs(1);
/// The longest that is waited at once. Only these turns count, so a machine that sleeps costs one of them.
const WAIT_TURN: Duration = Duration::from_secs(1);

/// Reaps a child that exits within this time. `None` if it has not exited then.
///
/// # Errors
///
/// Those of waitpid(2), as when the kernel keeps no status because SIGCHLD is ignored.
pub fn wait_within(child: &mut Child, timeout: Duration) -> io::Result<Option<ExitStatus>> {
    match has_exited(child, timeout)? {
        true => child.wait().map(Some),
        false => Ok(None),
    }
}

/// Kills a child that hangs. Returns whether it is gone.
///
/// # Errors
///
/// Those of kill(2) and waitpid(2).
pub fn kill(child: &mut Child) -> io::Result<bool> {
    child.kill()?;
    Ok(wait_within(child, KILL_TIMEOUT)?.is_some())
}

fn has_exited(child: &Child, timeout: Duration) -> io::Result<bool> {
    let process = match pidfd_open(Pid::from_child(child), PidfdFlags::empty()) {
        // The kernel has reaped it.
        Err(Errno::SRCH) => return Ok(true),
        opened => opened?,
    };
    let mut left = timeout;
    while !left.is_zero() {
        let turn = WAIT_TURN.min(left);
        let wait = Timespec::try_from(turn).map_err(|_| Errno::INVAL)?;
        // It is readable once the process has exited (pidfd_open(2)).
        let is_over = || poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&wait));
        if retry_on_intr(is_over)? > 0 {
            return Ok(true);
        }
        left -= turn;
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::{kill, wait_within};

    #[test]
    fn a_child_that_hangs_is_given_up_and_killed() {
        let mut child = Command::new("sleep").arg("1000").spawn().expect("a child");
        assert_eq!(wait_within(&mut child, Duration::from_millis(20)).expect("a wait"), None);
        assert!(kill(&mut child).expect("killed"));
    }

    #[test]
    fn a_child_that_exits_has_its_status() {
        let mut child = Command::new("sh").args(["-c", "exit 3"]).spawn().expect("a child");
        let status = wait_within(&mut child, Duration::from_secs(60)).expect("a wait");
        assert_eq!(status.and_then(|status| status.code()), Some(3));
    }
}
