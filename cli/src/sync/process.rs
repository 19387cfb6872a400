//! The process in the background that follows a topic: whether it runs, how it starts, how it is stopped.

use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{env, io};

use fluvio_secret_system::lock::{FileLock, holder};
use fluvio_secret_system::project::PERSONAL;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::fluvio::FluvioProgram;
use super::status_file::StatusFile;
use super::sync_config::ReplicatedVault;
use super::sync_error::SyncError;
use super::sync_places::{FLUVIO_VARIABLE, SyncPlaces};

/// How long another program may hold the lock to see whether it is free.
const PROCESS_LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the process may take to start or to stop.
const PROCESS_TIMEOUT: Duration = Duration::from_secs(10);
/// How often to check whether a process that was started has its lock.
const PROCESS_POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Whether a process follows the topic of a vault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SyncProcess {
    Stopped,
    /// Without a number, it is in another container.
    Running(Option<u32>),
}

impl SyncProcess {
    /// The process for this vault.
    pub(crate) fn of(places: &SyncPlaces, vault: &str) -> Result<Self, SyncError> {
        let path = places.lock(vault);
        if !path.exists() {
            return Ok(Self::Stopped);
        }
        if let Some(pid) = holder(&path) {
            return Ok(Self::Running(Some(pid)));
        }
        match FileLock::take(&path, Instant::now()) {
            Ok(Some(_)) => Ok(Self::Stopped),
            Ok(None) => Ok(Self::Running(holder(&path))),
            Err(source) => Err(SyncError::File { path, source }),
        }
    }

    /// Its process id, if it runs and is not in another container.
    pub(crate) fn pid(self) -> Option<u32> {
        match self {
            Self::Running(pid) => pid,
            Self::Stopped => None,
        }
    }
}

/// Takes the place of the process for a vault.
pub(crate) fn lock(places: &SyncPlaces, vault: &str) -> Result<FileLock, SyncError> {
    let path = places.lock(vault);
    match FileLock::take(&path, Instant::now() + PROCESS_LOCK_TIMEOUT) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(SyncError::Running { pid: holder(&path) }),
        Err(source) => Err(SyncError::File { path, source }),
    }
}

/// Starts the process, unless one runs. It is independent of the terminal, pipes and session of this one.
pub(crate) fn start(
    places: &SyncPlaces,
    fluvio: &FluvioProgram,
    vault: &ReplicatedVault,
) -> Result<(), SyncError> {
    if SyncProcess::of(places, &vault.id)? != SyncProcess::Stopped {
        return Ok(());
    }
    // Descriptors without close-on-exec would stay open as long as the process runs.
    close_fds::set_fds_cloexec(3, &[]);
    let this = env::current_exe();
    let path = this.as_ref().cloned().unwrap_or_default();
    let failed = |source| SyncError::Program { path: path.clone(), source };
    let mut command = Command::new(this.map_err(failed)?);
    command.args(["sync", "run", "--detached", "--vault"]);
    command.arg(vault.path.as_deref().unwrap_or(PERSONAL));
    command.env(FLUVIO_VARIABLE, fluvio.path()).current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(failed)?;
    let deadline = Instant::now() + PROCESS_TIMEOUT;
    loop {
        let ended = child.try_wait().map_err(failed)?.map(|status| status.to_string());
        let is_late = Instant::now() >= deadline;
        let ended = ended.or_else(|| is_late.then(|| "it does not begin".to_owned()));
        if let Some(begun) = begun(SyncProcess::of(places, &vault.id)?, child.id(), ended) {
            return begun.map_err(|status| SyncError::Detach { status, log: places.log.clone() });
        }
        sleep(PROCESS_POLL_INTERVAL);
    }
}

/// Whether a process follows the topic now, if that is certain. Another command may have started one at the same time.
fn begun(now: SyncProcess, child: u32, ended: Option<String>) -> Option<Result<(), String>> {
    match (now, ended) {
        (SyncProcess::Running(Some(pid)), _) if pid == child => Some(Ok(())),
        (SyncProcess::Running(_), Some(_)) => Some(Ok(())),
        (SyncProcess::Stopped, Some(status)) => Some(Err(status)),
        (_, None) => None,
    }
}

/// Stops the process. Returns whether one ran.
pub(crate) fn stop(places: &SyncPlaces, vault: &str) -> Result<bool, SyncError> {
    let mut was_running = false;
    loop {
        let pid = match SyncProcess::of(places, vault)? {
            SyncProcess::Stopped => return Ok(was_running),
            SyncProcess::Running(None) => return Err(SyncError::NotFound),
            SyncProcess::Running(Some(pid)) => pid,
        };
        was_running = true;
        let failed = |source| SyncError::File { path: places.lock(vault), source };
        let Some(process) = open(pid).map_err(failed)? else { continue };
        // Another process may have got the number before the descriptor was opened.
        if holder(&places.lock(vault)) != Some(pid) {
            continue;
        }
        match pidfd_send_signal(&process, Signal::TERM) {
            Ok(()) | Err(Errno::SRCH) => {}
            Err(error) => return Err(failed(error.into())),
        }
        if !has_exited(&process).map_err(failed)? {
            return Err(SyncError::NotStopped { pid });
        }
    }
}

/// The status that a running process has written. `None` if it has not yet.
pub(crate) fn status(places: &SyncPlaces, vault: &str, pid: Option<u32>) -> Option<StatusFile> {
    let file = StatusFile::read(&places.status(vault))?;
    // One of an earlier process says nothing about this one.
    pid.is_none_or(|pid| pid == file.pid).then_some(file)
}

fn open(pid: u32) -> io::Result<Option<OwnedFd>> {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) => Ok(Some(process)),
        Err(Errno::SRCH) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn has_exited(process: &OwnedFd) -> io::Result<bool> {
    let timeout = Timespec::try_from(PROCESS_TIMEOUT).map_err(|_| Errno::INVAL)?;
    // It is readable once the process has exited (pidfd_open(2)).
    let is_over = || poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&timeout));
    Ok(retry_on_intr(is_over)? > 0)
}

#[cfg(test)]
mod tests {
    use fluvio_secret_system::places::Places;

    use super::{SyncProcess, begun, lock, status, stop};
    use crate::sync::status_file::{ReplicationStatus, StatusFile};
    use crate::sync::sync_config::ReplicatedVault;
    use crate::sync::sync_places::SyncPlaces;

    #[test]
    fn the_holder_of_the_lock_is_the_process() {
        let made = tempfile::tempdir().expect("a directory");
        let all = Places::under(made.path()).expect("places");
        all.prepare().expect("directories");
        let places = SyncPlaces::of(&all);
        assert_eq!(SyncProcess::of(&places, "1").expect("a process"), SyncProcess::Stopped);
        assert!(!stop(&places, "1").expect("nothing to stop"));
        let held = lock(&places, "1").expect("a lock");
        let running = SyncProcess::Running(Some(std::process::id()));
        assert_eq!(SyncProcess::of(&places, "1").expect("a process"), running);
        assert_eq!(SyncProcess::of(&places, "2").expect("a process"), SyncProcess::Stopped);
        drop(held);
        assert_eq!(SyncProcess::of(&places, "1").expect("a process"), SyncProcess::Stopped);
    }

    #[test]
    fn a_process_that_another_command_started_is_as_good() {
        let (own, other) = (SyncProcess::Running(Some(7)), SyncProcess::Running(Some(8)));
        let ended = || Some("exit status: 1".to_owned());
        assert_eq!(begun(own, 7, None), Some(Ok(())));
        // Its lock may only be tried by another command.
        assert_eq!(begun(other, 7, None), None);
        assert_eq!(begun(other, 7, ended()), Some(Ok(())));
        assert_eq!(begun(SyncProcess::Stopped, 7, None), None);
        assert_eq!(begun(SyncProcess::Stopped, 7, ended()), Some(Err("exit status: 1".to_owned())));
    }

    #[test]
    fn the_status_of_an_earlier_process_does_not_count() {
        let made = tempfile::tempdir().expect("a directory");
        let all = Places::under(made.path()).expect("places");
        all.prepare().expect("directories");
        let places = SyncPlaces::of(&all);
        let (id, topic) = ("1".to_owned(), "t".to_owned());
        let vault = ReplicatedVault { id, path: None, topic, generation: 1 };
        let file = StatusFile { pid: 7, since: 0, status: ReplicationStatus::of(&vault) };
        file.write(&places.status("1")).expect("a file");
        assert!(status(&places, "1", Some(7)).is_some() && status(&places, "1", None).is_some());
        assert!(status(&places, "1", Some(8)).is_none());
    }
}
