//! The connector that is watched over: a child in a process group of its own.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use fluvio_secret_protocol::supervisor;
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getpid, kill_process_group, test_kill_process_group, waitid,
};

/// How often to look whether what is left of a group has ended. There is no event of that.
pub(crate) const LOOK: Duration = Duration::from_millis(5);

/// A connector that was started, and whoever it started.
pub(crate) struct Connector {
    child: Child,
    group: Pid,
    pub(crate) since: Instant,
    status: Option<ExitStatus>,
}

impl Connector {
    /// Starts a command; `ended` is called on another thread when it has ended. It ends with the
    /// thread that calls this.
    pub(crate) fn start(
        mut command: Command,
        ended: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let pid = getpid().as_raw_nonzero().to_string();
        // In the background of a terminal nobody can read from it.
        let child =
            command.env(supervisor::VARIABLE, pid).stdin(Stdio::null()).process_group(0).spawn()?;
        let group = Pid::from_child(&child);
        let wait = move || {
            // It stays a zombie until it is looked at, so its number is nobody else's.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while matches!(waitid(WaitId::Pid(group), options), Err(Errno::INTR)) {}
            ended();
        };
        let connector = Self { child, group, since: Instant::now(), status: None };
        match thread::Builder::new().name("wait".to_owned()).spawn(wait) {
            Ok(_) => Ok(connector),
            Err(error) => {
                let mut connector = connector;
                connector.signal(Signal::KILL);
                connector.child.wait()?;
                Err(error)
            }
        }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(crate) fn status(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().ok().flatten();
        }
        self.status
    }

    /// Whether it is known to have ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.status.is_some()
    }

    /// Whether it has ended, and all that it started in its group.
    pub(crate) fn is_gone(&mut self) -> bool {
        self.status().is_some() && test_kill_process_group(self.group) == Err(Errno::SRCH)
    }

    /// Sends a signal to the group.
    pub(crate) fn signal(&self, signal: Signal) {
        // A group that is gone needs none.
        let _ = kill_process_group(self.group, signal);
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
