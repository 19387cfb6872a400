//! A directory on a disk, and a durable write without us.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::statfs;
use tempfile::{Builder, TempDir};

use crate::Outcome;

/// What statfs(2) calls a tmpfs, where a fsync does nothing.
const TMPFS: u64 = 0x0102_1994;
/// The longest directory that leaves room for the socket's path below it.
const LONGEST: usize = 60;

/// A temporary directory on a disk: beside what Cargo builds, else where the system has room.
pub(crate) fn directory() -> Outcome<TempDir> {
    let places =
        [PathBuf::from(env!("CARGO_TARGET_TMPDIR")), "/var/tmp".into(), std::env::temp_dir()];
    for place in places {
        let on_disk = statfs(&place).is_ok_and(|found| u64::try_from(found.f_type) != Ok(TMPFS));
        if on_disk && place.as_os_str().len() <= LONGEST {
            return Ok(Builder::new().prefix("fs-").tempdir_in(place)?);
        }
    }
    Err("no directory on a disk with a short path was found: the target directory, /var/tmp and TMPDIR are none".into())
}

/// Replaces or makes a file durably, with the least that does it: write, fsync, rename, fsync of the
/// directory.
pub(crate) fn write_durably(directory: &Path, name: &str, bytes: &[u8]) -> Outcome<Duration> {
    let write = || -> io::Result<()> {
        let temporary = directory.join("temporary");
        let mut file = File::create_new(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(temporary, directory.join(name))?;
        File::open(directory)?.sync_all()
    };
    let begin = Instant::now();
    write()?;
    Ok(begin.elapsed())
}
