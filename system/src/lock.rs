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
    _file: File,
}

impl FileLock {
    /// Takes the lock, and waits for its holder until `deadline`. `None` if it is still held then.
    ///
    /// # Errors
    ///
    /// Those of opening the file and of flock(2).
    pub fn take(path: &Path, deadline: Instant) -> io::Result<Option<Self>> {
        // The standard library opens files close-on-exec, so no program that we start keeps the lock.
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let (file, _) = regular::open(&options, path, Links::Refuse)?;
        Self::lock(file, deadline)
    }

    /// Takes the lock in a directory, in a file of this name. If the file system is read-only, the file may be
    /// missing. The directory itself is then locked.
    ///
    /// # Errors
    ///
    /// Those of [`FileLock::take`].
    pub fn take_in(directory: &Path, name: &str, deadline: Instant) -> io::Result<Option<Self>> {
        let path = directory.join(name);
        match Self::take(&path, deadline) {
            Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => {}
            taken => return taken,
        }
        let file = match regular::open(OpenOptions::new().read(true), &path, Links::Refuse) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => File::open(directory)?,
            opened => opened?.0,
        };
        Self::lock(file, deadline)
    }

    fn lock(file: File, deadline: Instant) -> io::Result<Option<Self>> {
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Some(Self { _file: file })),
                Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() >= deadline => {
                    return Ok(None);
                }
                // flock(2) has no time-out, and a thread that waits in it could not be stopped.
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(error) => return Err(error.into()),
            }
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
}
