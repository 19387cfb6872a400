//! The process of a connector: a child in a process group of its own.

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

/// How often to check whether the rest of a group has exited: it may have another parent than us.
pub(super) const GROUP_POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The process of a connector, and the group that it leads.
pub(super) struct ProcessGroup {
    pid: Pid,
    pub(super) since: Instant,
    status: Option<ExitStatus>,
    was_stopped: bool,
}

/// Makes this process the parent of orphans of its children, so that it can reap them. In a container, process 1
/// may never do that.
pub(super) fn adopt_orphans() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(getpid()))?)
}

impl ProcessGroup {
    /// Starts a command. It ends with the thread that calls this.
    pub(super) fn start(mut command: Command) -> io::Result<Self> {
        let pid = getpid().as_raw_nonzero().to_string();
        // A process in the background cannot read from its terminal.
        command.env(supervisor::VARIABLE, pid).stdin(Stdio::null()).process_group(0);
        let pid = Pid::from_child(&inherited::spawn(&mut command)?);
        Ok(Self { pid, since: Instant::now(), status: None, was_stopped: false })
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Reaps processes. Returns the signal by which the terminal stopped the connector, the first time: nothing
    /// continues it. Other stops are intended.
    pub(super) fn reap(&mut self) -> Option<&'static str> {
        let mut stopped = None;
        while let Some((pid, status)) = child_news() {
            if pid != self.pid || self.status.is_some() {
                continue;
            }
            match status.stopping_signal().map(Signal::from_named_raw) {
                None => self.status = Some(ExitStatus::from_raw(status.as_raw())),
                Some(Some(Signal::TTIN)) => stopped = stopped.or(Some("SIGTTIN")),
                Some(Some(Signal::TTOU)) => stopped = stopped.or(Some("SIGTTOU")),
                Some(_) => {}
            }
        }
        stopped.filter(|_| !std::mem::replace(&mut self.was_stopped, true))
    }

    /// The status of the connector, once it was reaped.
    pub(super) fn status(&self) -> Option<ExitStatus> {
        self.status
    }

    /// Whether all of the group have exited. After SIGKILL, zombies do not count: a process stays in its group
    /// until its parent waits for it, even if that parent left the group.
    pub(super) fn is_gone(&self, is_killed: bool) -> bool {
        self.status.is_some()
            && (test_kill_process_group(self.pid) == Err(Errno::SRCH)
                || is_killed && has_only_dead(self.pid))
    }

    pub(super) fn signal(&self, signal: Signal) {
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
        // Other threads may outlive the first one.
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

/// A child that has exited, which is then reaped, or that was stopped.
pub(super) fn child_news() -> Option<(Pid, WaitStatus)> {
    loop {
        match wait(WaitOptions::NOHANG | WaitOptions::UNTRACED) {
            Ok(news) => return news,
            Err(Errno::INTR) => {}
            // There are no children.
            Err(_) => return None,
        }
    }
}

pub(super) fn exit_status(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

pub(super) fn status_text(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("status {code}"),
        (_, Some(signal)) => format!("signal {signal}"),
        _ => "an unknown status".to_owned(),
    }
}
