//! The files of a lease, which are in a directory of their own:
//!
//! * `secrets.txt`: what a connector reads
//! * `hold`: a FIFO. A process that has its write end open holds the lease; the kernel closes it with the
//!   last one. Process ids mean nothing here
//! * `about.json`: what the lease is for, without a value, for a daemon that starts later

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use fluvio_secret_protocol::lease::{self, ABOUT, CLOSED, HOLD, NEW_ABOUT, NEW_SECRETS, SECRETS};
use fluvio_secret_protocol::limits;
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, open};
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::lease_info::LeaseInfo;

/// More than any `about.json` has: 256 names of 128 bytes with two fingerprints each, and three texts.
const ABOUT_BYTES: u64 = 128 << 10;

/// The most bytes of a secrets file: values, names, and two more for each line.
pub(crate) const SECRETS_BYTES: usize =
    limits::GRANT_BYTES + limits::GRANT_NAMES * (limits::NAME_BYTES + 2);

/// Makes the files in a lease's directory, and opens the read end of the FIFO.
pub(crate) fn make(directory: &Path, about: &LeaseInfo, secrets: &[u8]) -> io::Result<OwnedFd> {
    write(&directory.join(ABOUT), &serde_json::to_vec(about)?)?;
    mknodat(CWD, directory.join(HOLD), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    write(&directory.join(SECRETS), secrets)?;
    Ok(open_reader(&directory.join(HOLD))?)
}

/// The secrets file.
pub(crate) fn read_secrets(directory: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut file = fs::File::open(directory.join(SECRETS))?;
    // Of the right size at once: a buffer that grows leaves copies behind.
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    let mut secrets = Zeroizing::new(vec![0; length.min(SECRETS_BYTES)]);
    file.read_exact(&mut secrets)?;
    Ok(secrets)
}

/// Replaces the secrets file. A connector that reads it gets the earlier one or this one, whole.
pub(crate) fn replace_secrets(directory: &Path, secrets: &[u8]) -> io::Result<()> {
    replace(directory, (SECRETS, NEW_SECRETS), secrets)
}

/// Replaces what the lease is for.
pub(crate) fn replace_about(directory: &Path, about: &LeaseInfo) -> io::Result<()> {
    replace(directory, (ABOUT, NEW_ABOUT), &serde_json::to_vec(about)?)
}

fn replace(directory: &Path, (name, new): (&str, &str), bytes: &[u8]) -> io::Result<()> {
    let new = directory.join(new);
    let replaced = || {
        // A daemon may have been killed here.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        write(&new, bytes)?;
        fs::rename(&new, directory.join(name))
    };
    replaced().inspect_err(|_| {
        // There may be values in it.
        let _ = fs::remove_file(&new);
    })
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o400);
    options.open(path)?.write_all(bytes)
}

/// Takes a lease over from a daemon that is gone; `None` if no process holds the lease.
pub(crate) fn take_over(directory: &Path) -> Option<(LeaseInfo, OwnedFd)> {
    let (hold, closed) = (directory.join(HOLD), directory.join(CLOSED));
    // A daemon may have been killed between the two renames.
    let reader = open_reader(&hold).or_else(|_| open_reader(&closed)).ok()?;
    if !is_held(&reader) {
        // The launcher that the lease was made for may be about to open the FIFO. After the rename it is too
        // late for that, so a second check is final.
        warn_unless_missing(directory, fs::rename(&hold, &closed));
        if !is_held(&reader) {
            return None;
        }
    }
    warn_unless_missing(directory, fs::rename(&closed, &hold));
    // A lease of another version may not be readable, and is held all the same.
    Some((read_about(directory).unwrap_or_default(), reader))
}

/// Whether the FIFO has a writer. What is written into it means nothing.
pub(crate) fn is_held(reader: impl AsFd) -> bool {
    let mut bytes = [0; 64];
    loop {
        match rustix::io::read(&reader, &mut bytes) {
            Ok(0) => return false,
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return error == Errno::AGAIN,
        }
    }
}

/// Removes a lease, and the directories around it if it was the last one. A failure is logged, because there
/// may be values in the lease.
pub(crate) fn remove(directory: &Path) {
    warn_unless_missing(directory, lease::remove(directory));
    lease::remove_empty_above(directory);
}

/// Opens the FIFO without waiting for a writer.
fn open_reader(fifo: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    open(fifo, flags, Mode::empty())
}

fn read_about(directory: &Path) -> Option<LeaseInfo> {
    let about = fs::File::open(directory.join(ABOUT)).ok()?;
    serde_json::from_reader(about.take(ABOUT_BYTES)).ok()
}

fn warn_unless_missing(directory: &Path, changed: io::Result<()>) {
    if let Err(error) = changed
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!("cannot change or remove the lease {}: {error}", directory.display());
    }
}
