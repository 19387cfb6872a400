//! The files of a lease, which are in a directory of their own:
//!
//! * `secrets.txt`: what a connector reads
//! * `hold`: a FIFO. A process that has its write end open holds the lease; the kernel closes it with the
//!   last one. Process ids mean nothing here
//! * `about.json`: what the lease is for, without a value, for a daemon that starts later

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use fluvio_secret_protocol::SecretName;
use fluvio_secret_protocol::lease::{self, ABOUT, CLOSED, HOLD, SECRETS};
use fluvio_secret_vault::Given;
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, open};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

/// More than any `about.json` has: 256 names of 128 bytes with a fingerprint each, and three texts.
const ABOUT_BYTES: u64 = 128 << 10;

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct LeaseInfo {
    pub(crate) since: i64,
    pub(crate) connector: Option<String>,
    pub(crate) config: String,
    pub(crate) names: Vec<SecretName>,
    /// The fingerprints of the encrypted values, in the same order.
    #[serde(default)]
    pub(crate) fingerprints: Vec<u64>,
    /// The parent of the process that the lease was made for. Only the daemon that made the lease knows it.
    #[serde(skip)]
    pub(crate) parent: Option<i32>,
}

impl LeaseInfo {
    pub(crate) fn given(&self) -> impl Iterator<Item = Given> {
        let known = self.fingerprints.iter().copied().map(Some);
        self.names.iter().cloned().zip(known.chain(std::iter::repeat(None)))
    }

    pub(crate) fn keep_value(&mut self, name: &SecretName, before: u64, after: u64) {
        for (one, fingerprint) in self.names.iter().zip(&mut self.fingerprints) {
            if one == name && *fingerprint == before {
                *fingerprint = after;
            }
        }
    }
}

/// Makes the files in a lease's directory, and opens the read end of the FIFO.
pub(crate) fn make(directory: &Path, about: &LeaseInfo, secrets: &[u8]) -> io::Result<OwnedFd> {
    let write = |name: &str, bytes: &[u8]| {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o400);
        options.open(directory.join(name))?.write_all(bytes)
    };
    write(ABOUT, &serde_json::to_vec(about)?)?;
    mknodat(CWD, directory.join(HOLD), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    write(SECRETS, secrets)?;
    Ok(open_reader(&directory.join(HOLD))?)
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
    serde_json::from_reader(io::Read::take(about, ABOUT_BYTES)).ok()
}

fn warn_unless_missing(directory: &Path, changed: io::Result<()>) {
    if let Err(error) = changed
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!("cannot change or remove the lease {}: {error}", directory.display());
    }
}
