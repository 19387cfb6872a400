//! The connector that is watched over: a child in a process group of its own.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use fluvio_secret_protocol::supervisor;
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitOptions, getpid, kill_process_group, test_kill_process_group, wait,
};

/// How often to look whether what is left of a group has ended: it may have another parent than us.
pub(crate) const LOOK: Duration = Duration::from_millis(5);

/// A connector that was started, and whoever it started.
pub(crate) struct Connector {
    /// Its process id, and its group's.
    pid: Pid,
    pub(crate) since: Instant,
    status: Option<ExitStatus>,
}

/// Makes this process the parent of all that its children leave behind, so that it learns of their
/// end. Else that is process 1, which in a container may let the dead lie for ever.
pub(crate) fn adopt_orphans() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(getpid()))?;
    Ok(())
}

impl Connector {
    /// Starts a command. It ends with the thread that calls this.
    pub(crate) fn start(mut command: Command) -> io::Result<Self> {
        let pid = getpid().as_raw_nonzero().to_string();
        // In the background of a terminal nobody can read from it.
        command.env(supervisor::VARIABLE, pid).stdin(Stdio::null()).process_group(0);
        let pid = Pid::from_child(&command.spawn()?);
        Ok(Self { pid, since: Instant::now(), status: None })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Takes note of who has ended, and lets nobody be a zombie.
    pub(crate) fn look(&mut self) {
        while let Some((pid, status)) = ended() {
            if pid == self.pid && self.status.is_none() {
                self.status = Some(status);
            }
        }
    }

    /// How it ended, if it was seen to have.
    pub(crate) fn status(&self) -> Option<ExitStatus> {
        self.status
    }

    /// Whether it has ended, and all that it started in its group.
    pub(crate) fn is_gone(&self) -> bool {
        self.status.is_some() && test_kill_process_group(self.pid) == Err(Errno::SRCH)
    }

    /// Sends a signal to the group.
    pub(crate) fn signal(&self, signal: Signal) {
        // A group that is gone needs none.
        let _ = kill_process_group(self.pid, signal);
    }
}

/// One of our children that has ended, which then is no zombie any more.
pub(crate) fn ended() -> Option<(Pid, ExitStatus)> {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(ended) => return ended.map(|(pid, it)| (pid, ExitStatus::from_raw(it.as_raw()))),
            Err(Errno::INTR) => {}
            // There are no children.
            Err(_) => return None,
        }
    }
}

/// A status as a shell gives it.
pub(crate) fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

/// A status in words.
pub(crate) fn told(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("status {code}"),
        (_, Some(signal)) => format!("signal {signal}"),
        _ => "an unknown status".to_owned(),
    }
}
