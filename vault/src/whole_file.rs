//! Files that are written whole and durably, or not at all.
//!
//! A write is: a temporary file in the same directory → write → fsync → rename → fsync of the
//! directory. A failed fsync is a failed write and is not tried again: the kernel may have marked the
//! pages clean (fsync(2)).

use std::fs::{File, FileTimes};
use std::io::{self, Write};
use std::time::SystemTime;

use fluvio_secret_system::file_id::Inode;
use fluvio_secret_system::helpers::DISK_HELPERS;
use fluvio_secret_system::parallel::DISK_THREADS;
use rustix::rand::{GetRandomFlags, getrandom};

use crate::durable_directory::{DurableDirectory, TEMPORARY};

/// A file that is written under a temporary name, and maybe not on the disk.
#[must_use]
#[derive(Debug)]
pub(crate) struct WrittenFile {
    file: File,
    prepared: PreparedFile,
}

/// A file that is on the disk under a temporary name. Without [`PreparedFile::commit`] it is removed.
#[must_use]
#[derive(Debug)]
pub(crate) struct PreparedFile {
    directory: DurableDirectory,
    /// Empty once the file has its own name.
    temporary: String,
    target: String,
}

impl WrittenFile {
    /// Writes a file under a temporary name, with this date, without waiting for the disk.
    pub(crate) fn write(
        directory: &DurableDirectory,
        target: &str,
        bytes: &[u8],
        date: Option<SystemTime>,
    ) -> io::Result<Self> {
        let mut random = [0; 16];
        getrandom(&mut random, GetRandomFlags::empty())?;
        let temporary = format!("{TEMPORARY}{:032x}", u128::from_ne_bytes(random));
        let mut file = directory.create(&temporary)?;
        let target = target.to_owned();
        let prepared = PreparedFile { directory: directory.clone(), temporary, target };
        file.write_all(bytes)?;
        if let Some(date) = date {
            file.set_times(FileTimes::new().set_modified(date))?;
        }
        Ok(Self { file, prepared })
    }

    pub(crate) fn sync(self) -> io::Result<PreparedFile> {
        self.file.sync_all()?;
        Ok(self.prepared)
    }

    /// Which file it is.
    pub(crate) fn inode(&self) -> io::Result<Inode> {
        Ok(Inode::from(&self.file.metadata()?))
    }

    /// Waits until all of these are on the disk.
    pub(crate) fn sync_all(files: Vec<Self>) -> Vec<io::Result<PreparedFile>> {
        DISK_HELPERS.share(DISK_THREADS - 1, files, |files| files.work(Self::sync))
    }

    /// Gives the file its name at once. A power cut may leave an empty one: only for what can be lost.
    pub(crate) fn rename_unsynced(self) -> io::Result<()> {
        let directory = self.prepared.directory.clone();
        self.prepared.rename_into(&directory)
    }
}

impl PreparedFile {
    pub(crate) fn write(
        directory: &DurableDirectory,
        target: &str,
        bytes: &[u8],
        date: Option<SystemTime>,
    ) -> io::Result<Self> {
        WrittenFile::write(directory, target, bytes, date)?.sync()
    }

    /// Gives the file its name, durably.
    ///
    /// # Errors
    ///
    /// After a failed rename(2) nothing has changed. After a failed fsync(2) of the directory, it is
    /// unknown which of both files a power cut would leave.
    pub(crate) fn commit(self) -> io::Result<()> {
        let directory = self.directory.clone();
        self.rename_into(&directory)?;
        directory.sync()
    }

    /// Gives the file its name in a directory of the same file system. [`DurableDirectory::sync`] makes
    /// that durable.
    pub(crate) fn rename_into(mut self, directory: &DurableDirectory) -> io::Result<()> {
        self.directory.rename_to(&self.temporary, directory, &self.target)?;
        self.temporary.clear();
        Ok(())
    }

    /// As [`PreparedFile::commit`], but never in place of a file that is there. A file whose name may
    /// not survive a power cut is removed again.
    pub(crate) fn commit_new(mut self) -> io::Result<()> {
        self.directory.rename_new(&self.temporary, &self.target)?;
        self.temporary.clear();
        self.directory.sync().inspect_err(|_| drop(self.directory.remove(&self.target)))
    }
}

impl Drop for PreparedFile {
    fn drop(&mut self) {
        if !self.temporary.is_empty() {
            // The next start removes what is left.
            let _ = self.directory.remove(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;
    use std::time::{Duration, SystemTime};

    use super::PreparedFile;
    use crate::durable_directory::DurableDirectory;

    fn write(directory: &DurableDirectory, bytes: &[u8], date: Option<SystemTime>) -> PreparedFile {
        PreparedFile::write(directory, "a", bytes, date).expect("written")
    }

    #[test]
    fn a_write_that_is_not_committed_leaves_nothing() {
        let guard = tempfile::tempdir().expect("a directory");
        let directory = DurableDirectory::at(guard.path().to_owned());
        drop(write(&directory, b"one", None));
        assert_eq!(fs::read_dir(guard.path()).expect("a directory").count(), 0);
        write(&directory, b"one", None).commit().expect("committed");
        drop(write(&directory, b"two", None));
        assert_eq!(directory.read("a", 9).expect("read"), b"one");
        assert!(write(&directory, b"two", None).commit_new().is_err(), "it is there");
        assert_eq!(directory.read("a", 9).expect("read"), b"one");
        assert_eq!(fs::read_dir(guard.path()).expect("a directory").count(), 1);
    }

    #[test]
    fn a_file_has_the_date_and_the_mode_it_was_given() {
        let guard = tempfile::tempdir().expect("a directory");
        let directory = DurableDirectory::at(guard.path().to_owned());
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_670_677_620);
        write(&directory, b"", Some(date)).commit().expect("committed");
        assert_eq!(directory.date("a").expect("a date"), Some(date));
        assert_eq!(fs::metadata(directory.path_of("a")).expect("a file").mode() & 0o777, 0o600);
        assert_eq!(directory.date("b").expect("no file"), None);
    }
}
