//! The lease's watcher: a process that removes a lease after its last holder is gone.
//!
//! The daemon does that too, but it may have stopped by then, and plain text would stay in memory. The
//! watcher has the read end of the lease's FIFO as its standard input. The kernel reports on it when the
//! last holder is gone, however that ended. The watcher has nothing else open, and no value in memory.
//!
//! [`start`] runs the shim as a starter, and the starter runs it as the watcher and exits. So the
//! watcher is no child of `cdk`, which knows nothing of it and would not wait for it.

use std::fs;
use std::io;
use std::os::fd::{OwnedFd, RawFd};

use std::path::Path;
use std::process::{Command, Stdio};

use fluvio_secret_protocol::lease;
use fluvio_secret_system::harden::harden;
use nix::sys::signal::SigSet;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FileType, fstat};
use rustix::process::setsid;

use crate::error::ShimError;

/// The option by which this program is the starter. It has a lease's directory as its value.
pub(crate) const STARTER: &str = "start-lease-watcher";
/// The option by which it is the watcher.
pub(crate) const WATCHER: &str = "lease-watcher";

/// Starts a watcher for the lease in this directory, and waits until it runs. Without the shim's path, this
/// program is the shim.
pub(super) fn start(lease: &Path, fifo: OwnedFd, shim: Option<&Path>) -> Result<(), ShimError> {
    let failed = |source| ShimError::Watcher { source };
    let mut starter = shim_with(STARTER, lease, shim).map_err(failed)?;
    let status = starter.stdin(fifo).stderr(Stdio::inherit()).status().map_err(failed)?;
    if status.success() { Ok(()) } else { Err(failed(io::Error::other(status.to_string()))) }
}

/// The starter: leaves the session and everything that is inherited, and starts the watcher.
pub(crate) fn run_starter(lease: &Path) -> Result<(), ShimError> {
    let start = || {
        // A session of its own: neither Ctrl-C nor the end of a terminal is for the watcher.
        setsid()?;
        close_inherited()?;
        shim_with(WATCHER, lease, None)?.stdin(Stdio::inherit()).spawn()
    };
    start().map(drop).map_err(|source| ShimError::Watcher { source })
}

/// The watcher: waits for the lease's last holder to go, and removes the lease.
pub(crate) fn run_watcher(lease: &Path) -> Result<(), ShimError> {
    let watch = || {
        let _hardened = harden()?;
        // What ends a whole session ends the lease's holders too. Their secrets are removed after that.
        SigSet::all().thread_block()?;
        let fifo = io::stdin();
        if FileType::from_raw_mode(fstat(&fifo)?.st_mode) != FileType::Fifo {
            return Err(io::Error::other("standard input is not a FIFO"));
        }
        until_released(&fifo)?;
        lease::remove_held_by(lease, &fifo)
    };
    watch().map_err(|source| ShimError::Watcher { source })?;
    lease::remove_empty_above(lease);
    Ok(())
}

/// Waits until the FIFO has no writer. Nothing is read: what is written into it means nothing.
fn until_released(fifo: &io::Stdin) -> rustix::io::Result<()> {
    // POLLHUP is reported although it is not asked for (poll(2)).
    let mut fifo = [PollFd::new(fifo, PollFlags::empty())];
    rustix::io::retry_on_intr(|| poll(&mut fifo, None)).map(drop)
}

/// The shim with one option. It gets nothing of the environment, and `/` as its directory, so that it
/// keeps no file system busy.
fn shim_with(option: &str, lease: &Path, shim: Option<&Path>) -> io::Result<Command> {
    let shim = shim.map_or_else(std::env::current_exe, |shim| Ok(shim.to_owned()))?;
    let mut command = Command::new(shim);
    command.arg(format!("--{option}")).arg(lease).env_clear().current_dir("/");
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command)
}

/// Closes all descriptors but the standard streams: a shell, a pipe or another lease may be waiting for
/// the end of what was left open for `cdk`.
fn close_inherited() -> io::Result<()> {
    let open = fs::read_dir("/proc/self/fd")?.map(|entry| entry.map(|entry| entry.file_name()));
    let open = open.collect::<Result<Vec<_>, _>>()?;
    let numbers = open.iter().filter_map(|name| name.to_str()?.parse::<RawFd>().ok());
    for number in numbers.filter(|number| *number > 2) {
        // The directory's own is closed already.
        let _ = nix::unistd::close(number);
    }
    Ok(())
}
