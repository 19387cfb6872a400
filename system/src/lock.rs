//! Locks that the kernel frees when their holder exits.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use crate::regular::{self, Links};

/// A lock on a file, held until it is dropped or the process exits.
///
/// The file is never removed, because two processes could then lock two files of one name.
#[must_use]
#[derive(Debug)]
pub struct FileLock {
    /// Never none.
    _locked: Vec<File>,
}

impl FileLock {
    /// Takes the lock, and waits for its holder until `deadline`. `None` if it is still held then.
    ///
    /// # Errors
    ///
    /// Those of opening the file and of flock(2).
    pub fn take(path: &Path, deadline: Instant) -> io::Result<Option<Self>> {
        let file = open(path)?;
        Ok(lock(&file, deadline)?.then(|| Self { _locked: vec![file] }))
    }

    /// Takes the lock of a directory: that of a file of this name in it, and that of the directory itself. If the
    /// file system is read-only, the file may be missing. The same directory may be writable by another path, so the
    /// file alone would not do.
    ///
    /// # Errors
    ///
    /// Those of [`FileLock::take`].
    pub fn take_in(directory: &Path, name: &str, deadline: Instant) -> io::Result<Option<Self>> {
        let file = open_in(directory, name)?;
        if let Some(file) = &file
            && !lock(file, deadline)?
        {
            return Ok(None);
        }
        let directory = File::open(directory)?;
        match lock(&directory, deadline) {
            Ok(false) => return Ok(None),
            // Not every network file system locks directories.
            Err(error) if file.is_none() => return Err(error),
            Ok(true) | Err(_) => {}
        }
        Ok(Some(Self { _locked: file.into_iter().chain([directory]).collect() }))
    }
}

/// Opens the file for the lock of a directory, and makes it if the file system can be written.
fn open_in(directory: &Path, name: &str) -> io::Result<Option<File>> {
    let path = directory.join(name);
    match open(&path) {
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => {}
        opened => return opened.map(Some),
    }
    match regular::open(OpenOptions::new().read(true), &path, Links::Refuse) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => Ok(Some(opened?.0)),
    }
}

fn open(path: &Path) -> io::Result<File> {
    // The standard library opens files close-on-exec, so no program that we start keeps the lock.
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    Ok(regular::open(&options, path, Links::Refuse)?.0)
}

/// Locks a file. Returns whether it did before the deadline.
fn lock(file: &File, deadline: Instant) -> io::Result<bool> {
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() >= deadline => return Ok(false),
            // flock(2) has no time-out, and a thread that waits in it could not be stopped.
            Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The process that holds the lock of a file. `None` if it is in another container, or if the file system has other
/// numbers in the kernel's list.
#[must_use]
pub fn holder(path: &Path) -> Option<u32> {
    let found = fs::symlink_metadata(path).ok()?;
    let (device, inode) = (found.dev(), found.ino());
    let file =
        format!("{:02x}:{:02x}:{inode}", rustix::fs::major(device), rustix::fs::minor(device));
    let locks = fs::read_to_string("/proc/locks").ok()?;
    // 1: FLOCK  ADVISORY  WRITE 1234 00:2f:5678 0 EOF
    let of_file = |line: &str| {
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        (words.get(1) == Some(&"FLOCK") && words.get(5) == Some(&&*file)).then(|| words[4].parse())
    };
    locks.lines().find_map(of_file)?.ok().filter(|&pid| pid != 0)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::{Duration, Instant};

    use super::FileLock;

    #[test]
    fn one_holder_at_a_time() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("lock");
        let held =
            FileLock::take(&path, Instant::now()).expect("a lock file").expect("a free lock");
        assert!(
            FileLock::take(&path, Instant::now() + Duration::from_millis(20))
                .expect("a lock file")
                .is_none()
        );
        drop(held);
        assert!(FileLock::take(&path, Instant::now()).expect("a lock file").is_some());
    }

    #[test]
    fn a_directory_has_one_lock_with_and_without_its_file() {
        let made = tempfile::tempdir().expect("a directory");
        let take = || FileLock::take_in(made.path(), "lock", Instant::now()).expect("a lock");
        // As by a path where the file could not be made.
        let directory = File::open(made.path()).expect("a directory");
        directory.lock().expect("a free lock");
        assert!(take().is_none());
        drop(directory);
        let held = take();
        assert!(held.is_some() && take().is_none());
        std::fs::remove_file(made.path().join("lock")).expect("a file");
        assert!(take().is_none(), "the file is another one now");
        drop(held);
        assert!(take().is_some());
    }
}
