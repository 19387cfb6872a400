//! Connectors that `cdk deploy start` started: which there are, how they are stopped and started again.
//!
//! A connector is the process that holds a lease and has the path of its secrets file in its arguments. Other
//! holders, such as a server that a build started, are left alone. If a script has dropped the arguments, any
//! holder may be the connector: all are waited for, and none gets a signal from us.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use fluvio_secret_config::Document;
use fluvio_secret_launch::{is_deployed, refuse_lost_restart};
use fluvio_secret_protocol::lease::SECRETS;
use fluvio_secret_protocol::{ListedLease, StartCommand};
use fluvio_secret_system::help::Helpful;
use fluvio_secret_system::project::{PERSONAL, VAULT_VARIABLE};
use fluvio_secret_system::{printable, shell};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::cdk_call::{self, CDK_START_TIMEOUT, CDK_STOP_TIMEOUT};
use crate::{config_file, holders};

/// How long a connector may take to stop before it is killed. Fluvio's take at most two seconds.
pub(crate) const STOP_GRACE: Duration = Duration::from_secs(5);

/// Whether a start is checked.
pub(crate) fn is_checked(start: &StartCommand) -> bool {
    !start.args.iter().any(|arg| arg == "--no-check")
}

/// A connector, and how it was started.
pub(crate) struct Deployed {
    pub(crate) lease: ListedLease,
    pub(crate) start: StartCommand,
    /// Whether it was not stopped before.
    pub(crate) runs: bool,
    /// Its processes when it is asked to stop, by descriptors that no later process of the same id gets.
    processes: Vec<OwnedFd>,
    /// Whether these are known to be the connector's.
    is_certain: bool,
}

/// What became of a connector that was asked to stop.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stopped {
    Itself,
    Killed,
    /// It is still there.
    Not,
}

impl Deployed {
    /// The connector of a lease. The error is [`io::ErrorKind::NotFound`] for one of `cdk test`.
    pub(crate) fn of(lease: ListedLease) -> io::Result<Self> {
        let start = start_of(&lease)?;
        Ok(Self { lease, start, runs: true, processes: Vec::new(), is_certain: false })
    }

    /// A connector that was stopped and not started again.
    pub(crate) fn stopped(lease: ListedLease, start: StartCommand) -> Self {
        Self { lease, start, runs: false, processes: Vec::new(), is_certain: false }
    }

    /// Whether its start was checked, and so is the next one.
    pub(crate) fn is_checked(&self) -> bool {
        is_checked(&self.start)
    }

    /// The name by which `cdk` knows it.
    pub(crate) fn name(&self) -> &str {
        &self.start.connector
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.start.directory.join(&self.start.config)
    }

    /// Asks it to stop, as `cdk deploy shutdown` does. `cdk` may not know it any more; then it gets the signal
    /// from us.
    pub(crate) fn ask_to_stop(&mut self, cdk: &dyn Fn(&[OsString]) -> Command) -> io::Result<()> {
        if self.runs {
            self.find_processes()?;
        }
        // A name may begin with a dash.
        let name = OsString::from(format!("--name={}", self.name()));
        let mut shutdown = cdk(&["deploy".into(), "shutdown".into(), name]);
        shutdown.current_dir(&self.start.directory).stdin(Stdio::null());
        shutdown.stdout(Stdio::null()).stderr(Stdio::null());
        let status = cdk_call::finish(&mut shutdown, CDK_STOP_TIMEOUT)?;
        if status.success() {
            return Ok(());
        }
        if is_deployed(self.name()) {
            // It would not start again, because its name is taken.
            let name = shell::word(&printable::line(self.name()));
            return Err(io::Error::other(format!(
                "cdk did not stop it ({status})\nhelp: see why with: cdk deploy shutdown --name={name}"
            )));
        }
        self.signal(Signal::TERM);
        Ok(())
    }

    /// Refuses a restart after which `cdk` would lose it, before it is stopped.
    pub(crate) fn refuse_lost_restart(&self) -> io::Result<()> {
        let lost = refuse_lost_restart(self.name(), self.name_now().as_deref());
        lost.map_err(|error| io::Error::other(error.report()))
    }

    /// The name that its configuration has now, if it has one.
    pub(crate) fn name_now(&self) -> Option<String> {
        let config = config_file::read(&self.config()).ok()?;
        Document::read(&config).references().ok()?.connector.clone()
    }

    fn find_processes(&mut self) -> io::Result<()> {
        if start_of(&self.lease).is_err() {
            return Err(io::Error::other("it has just stopped"));
        }
        let open = |pid| pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok();
        let (pids, is_certain) = connectors(&self.lease);
        self.processes = pids.into_iter().filter_map(open).collect();
        self.is_certain = is_certain;
        Ok(())
    }

    /// Whether it has stopped although `cdk` failed or hung.
    pub(crate) fn has_stopped(&self) -> bool {
        !self.processes.is_empty() && self.is_gone_before(Instant::now()).unwrap_or(false)
    }

    /// Waits until it is gone. It is killed after a grace period that began at this time.
    pub(crate) fn wait(&self, begun: Instant) -> io::Result<Stopped> {
        if self.is_gone_before(begun + STOP_GRACE)? {
            return Ok(Stopped::Itself);
        }
        if !self.is_certain {
            return Ok(Stopped::Not);
        }
        self.signal(Signal::KILL);
        let is_gone = self.is_gone_before(Instant::now() + STOP_GRACE)?;
        Ok(if is_gone { Stopped::Killed } else { Stopped::Not })
    }

    /// Starts it again. What `cdk` prints goes to standard error.
    pub(crate) fn start_again(
        &self,
        cdk: &dyn Fn(&[OsString]) -> Command,
    ) -> io::Result<ExitStatus> {
        let mut start = cdk(&self.start.args);
        // It keeps its vault, whatever the variable is now. An option in its arguments counts more.
        start.env(VAULT_VARIABLE, self.lease.vault.as_deref().unwrap_or(PERSONAL));
        start.current_dir(&self.start.directory).stdin(Stdio::null()).stdout(io::stderr());
        cdk_call::finish(&mut start, CDK_START_TIMEOUT)
    }

    /// The lease of the same connector, started again. It may have another name now. The leases begin with the
    /// oldest: another program may still hold an earlier one.
    pub(crate) fn newer<'a>(&self, leases: &'a [ListedLease]) -> Option<&'a ListedLease> {
        let is_same = |lease: &&ListedLease| {
            start_of(lease).is_ok_and(|start| start.is_same_line(&self.start))
        };
        leases.iter().rev().find(is_same).filter(|lease| lease.id != self.lease.id)
    }

    /// The lease with which it was started again in the meantime, if it has the current values. If it has
    /// earlier ones, the new one is to be restarted.
    pub(crate) fn restarted(&mut self, leases: &[ListedLease]) -> Option<ListedLease> {
        let newer = self.newer(leases).filter(|lease| !connectors(lease).0.is_empty())?.clone();
        if newer.stale.is_empty() && newer.updated.is_empty() {
            return Some(newer);
        }
        self.take(newer);
        self.runs = true;
        None
    }

    /// Takes its lease as it is now, so that it is restarted even if another program has just done that.
    pub(crate) fn take_current(&mut self, leases: &[ListedLease]) {
        if let Some(newer) = self.newer(leases) {
            self.take(newer.clone());
        }
    }

    fn take(&mut self, newer: ListedLease) {
        // It may have another name now.
        if let Ok(start) = start_of(&newer) {
            self.start = start;
        }
        self.lease = newer;
    }

    fn signal(&self, signal: Signal) {
        for process in self.processes.iter().filter(|_| self.is_certain) {
            // It may have exited.
            let _ = pidfd_send_signal(process, signal);
        }
    }

    fn is_gone_before(&self, deadline: Instant) -> io::Result<bool> {
        for process in &self.processes {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(|_| Errno::INVAL)?;
            // It is readable once the process has exited (pidfd_open(2)).
            let is_gone = |process| poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&left));
            if retry_on_intr(|| is_gone(process))? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The process of the connector of a lease, if it is known.
pub(crate) fn pid_of(lease: &ListedLease) -> Option<i32> {
    match connectors(lease) {
        (pids, true) => pids.first().copied(),
        (pids, false) => pids.first().copied().filter(|_| pids.len() == 1),
    }
}

/// The processes of the connector of a lease, and whether they are known to be that.
fn connectors(lease: &ListedLease) -> (Vec<i32>, bool) {
    // As cdk passes it on.
    let secrets = directory(lease).canonicalize().unwrap_or_default().join(SECRETS);
    let holders = holders::of(std::iter::once(lease.hold.as_ref())).into_iter().flatten();
    let pids: Vec<_> = holders.filter_map(|holder| i32::try_from(holder.pid).ok()).collect();
    let has_secrets = |pid: &i32| has_argument(*pid, secrets.as_os_str());
    let certain: Vec<_> = pids.iter().copied().filter(has_secrets).collect();
    if certain.is_empty() { (pids, false) } else { (certain, true) }
}

fn has_argument(pid: i32, argument: &OsStr) -> bool {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    words.split(|&byte| byte == 0).any(|word| word == argument.as_bytes())
}

/// How the connector of a lease was started.
pub(crate) fn start_of(lease: &ListedLease) -> io::Result<StartCommand> {
    StartCommand::read(&directory(lease))
}

fn directory(lease: &ListedLease) -> PathBuf {
    Path::new(&lease.hold).parent().map(Path::to_owned).unwrap_or_default()
}
