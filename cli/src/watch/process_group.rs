//! The connector that is watched over: a child in a process group of its own.

use std::fs;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use fluvio_secret_protocol::supervisor;
use fluvio_secret_system::inherited;
use fluvio_secret_system::process::ProcessStat;
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process_group, test_kill_process_group, wait,
};

/// How often to look whether what is left of a group has ended: it may have another parent than us.
pub(crate) const GROUP_POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A connector that was started, and its process group.
pub(crate) struct Connector {
    /// Its process id, and its group's.
    pid: Pid,
    pub(crate) since: Instant,
    status: Option<ExitStatus>,
    /// How its terminal has stopped it.
    stopped: Option<Stopped>,
}

/// A stop by the terminal, and whether it was reported.
struct Stopped {
    signal: &'static str,
    is_reported: bool,
}

/// Makes this process the parent of orphans of its children, so that it can reap them. In a container, process 1
/// may never do that.
pub(crate) fn adopt_orphans() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(getpid()))?)
}

impl Connector {
    /// Starts a command. It ends with the thread that calls this.
    pub(crate) fn start(mut command: Command) -> io::Result<Self> {
        let pid = getpid().as_raw_nonzero().to_string();
        // A process in the background cannot read from its terminal.
        command.env(supervisor::VARIABLE, pid).stdin(Stdio::null()).process_group(0);
        let pid = Pid::from_child(&inherited::spawn(&mut command)?);
        Ok(Self { pid, since: Instant::now(), status: None, stopped: None })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Reaps processes, and notes whether the connector has stopped.
    pub(crate) fn look(&mut self) {
        while let Some((pid, status)) = child_news() {
            if pid != self.pid || self.status.is_some() {
                continue;
            }
            match status.stopping_signal() {
                None => self.status = Some(ExitStatus::from_raw(status.as_raw())),
                Some(signal) => self.stopped_by(signal),
            }
        }
    }

    /// Notes a stop by the terminal, after which nothing continues the connector. Other stops are intended.
    fn stopped_by(&mut self, signal: i32) {
        let signal = match Signal::from_named_raw(signal) {
            Some(Signal::TTIN) => "SIGTTIN",
            Some(Signal::TTOU) => "SIGTTOU",
            _ => return,
        };
        self.stopped.get_or_insert(Stopped { signal, is_reported: false });
    }

    /// The signal by which its terminal has stopped it, once.
    pub(crate) fn take_stopped(&mut self) -> Option<&'static str> {
        let stopped = self.stopped.as_mut().filter(|stopped| !stopped.is_reported)?;
        stopped.is_reported = true;
        Some(stopped.signal)
    }

    /// How it ended, if it was seen to have.
    pub(crate) fn status(&self) -> Option<ExitStatus> {
        self.status
    }

    /// Whether it has ended, and all that it started in its group. After SIGKILL the dead do not count:
    /// one whose parent left the group and does not wait for it stays in it as long as that parent lives.
    pub(crate) fn is_gone(&self, is_killed: bool) -> bool {
        self.status.is_some()
            && (test_kill_process_group(self.pid) == Err(Errno::SRCH)
                || is_killed && has_only_dead(self.pid))
    }

    /// Sends a signal to the group.
    pub(crate) fn signal(&self, signal: Signal) {
        // A group that is gone needs none.
        let _ = kill_process_group(self.pid, signal);
    }
}

/// Whether all processes of a group are dead, as far as /proc shows.
fn has_only_dead(group: Pid) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else { return false };
    let mut found = false;
    for process in processes.flatten() {
        let pid = process.file_name().to_str().and_then(|name| name.parse().ok());
        let Some(stat) = pid.and_then(ProcessStat::of) else { continue };
        if stat.group != group.as_raw_nonzero().get() {
            continue;
        }
        // Of a process whose first thread has ended others may live.
        let is_dead = stat.has_exited() && threads(&process.path()) <= 1;
        if !is_dead {
            return false;
        }
        found = true;
    }
    found
}

fn threads(process: &Path) -> usize {
    fs::read_dir(process.join("task")).map_or(0, Iterator::count)
}

/// One of our children that has ended, which then is no zombie any more, or that was stopped.
pub(crate) fn child_news() -> Option<(Pid, WaitStatus)> {
    loop {
        match wait(WaitOptions::NOHANG | WaitOptions::UNTRACED) {
            Ok(news) => return news,
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
