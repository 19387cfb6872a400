//! Files that are written whole and durably, or not at all.
//!
//! A write is: a temporary file in the same folder → write → fsync → rename → fsync of the folder.
//! A failed fsync is a failed write and is not tried again: the kernel may have marked the pages
//! clean (fsync(2)).

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, FileTimes, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fluvio_secret_protocol::regular::{self, Links};
use tempfile::{Builder, NamedTempFile, TempPath};

use crate::cause::cause;

/// How the names of temporary files begin; the vault's `.gitignore` names it too.
pub(crate) const TEMPORARY: &str = ".tmp-";

/// A folder whose files are replaced whole.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

/// A file that is written under a temporary name, and maybe not on the disk; it is removed when this
/// is dropped.
#[must_use]
#[derive(Debug)]
pub(crate) struct Written {
    file: NamedTempFile,
    folder: PathBuf,
    target: PathBuf,
}

/// A file that is on the disk under a temporary name; without [`Prepared::commit`] it is removed.
#[must_use]
#[derive(Debug)]
pub(crate) struct Prepared {
    temporary: TempPath,
    folder: PathBuf,
    target: PathBuf,
}

/// A file as it was when it was looked at: device, inode and size, owner and mode, and its date.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Stamp([u64; 3], [u32; 2], SystemTime);

impl Folder {
    /// The folder at this path, which is there.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// A folder in this one, made when it is not there.
    pub(crate) fn subfolder(&self, name: &str) -> io::Result<Self> {
        let path = self.path.join(name);
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(Self { path }),
        }
    }

    /// A folder in this one, which may not be there.
    pub(crate) fn at_name(&self, name: &str) -> Self {
        Self { path: self.path.join(name) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file under a temporary name, durably, dated as told.
    pub(crate) fn prepare(
        &self,
        name: &str,
        bytes: &[u8],
        date: Option<SystemTime>,
    ) -> io::Result<Prepared> {
        self.write(name, bytes, date)?.sync()
    }

    /// Writes a file under a temporary name, dated as told, without waiting for the disk.
    pub(crate) fn write(
        &self,
        name: &str,
        bytes: &[u8],
        date: Option<SystemTime>,
    ) -> io::Result<Written> {
        let mut file = Builder::new()
            .prefix(TEMPORARY)
            .permissions(Permissions::from_mode(0o600))
            .tempfile_in(&self.path)
            // The library's message has a random name in it, which says nothing to anyone.
            .map_err(|error| io::Error::from(error.kind()))?;
        // Not by the library's own `write_all`, for the same reason.
        file.as_file_mut().write_all(bytes)?;
        if let Some(date) = date {
            file.as_file().set_times(FileTimes::new().set_modified(date))?;
        }
        Ok(Written { file, folder: self.path.clone(), target: self.path_of(name) })
    }

    /// Reads a file whole when it is a regular file of at most `most` bytes. Symbolic links are not
    /// followed, and a FIFO or a device is not waited for.
    pub(crate) fn read(&self, name: &str, most: u64) -> Result<Vec<u8>, ReadError> {
        self.read_found(name, most).map(|(bytes, _)| bytes)
    }

    /// The same, and what it was that was read.
    pub(crate) fn read_found(
        &self,
        name: &str,
        most: u64,
    ) -> Result<(Vec<u8>, Metadata), ReadError> {
        let mut options = OpenOptions::new();
        options.read(true);
        let opened = regular::open(&options, &self.path_of(name), Links::Refuse);
        let (file, found) = opened.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ReadError::Missing,
            io::ErrorKind::InvalidInput => ReadError::NoFile,
            _ => ReadError::Io(error),
        })?;
        if found.len() > most {
            return Err(ReadError::Large);
        }
        Ok((read_at_most(&file, found.len(), most)?, found))
    }

    /// The date of a file; `None` when it is not there.
    pub(crate) fn date(&self, name: &str) -> io::Result<Option<SystemTime>> {
        match fs::symlink_metadata(self.path_of(name)) {
            Ok(found) => found.modified().map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether something of this name is there, whatever it is.
    pub(crate) fn has(&self, name: &str) -> io::Result<bool> {
        self.date(name).map(|date| date.is_some())
    }

    /// The names of what is in the folder, as far as they are UTF-8; others are not ours.
    pub(crate) fn names(&self) -> io::Result<impl Iterator<Item = io::Result<String>> + use<>> {
        let entries = fs::read_dir(&self.path)?;
        Ok(entries.filter_map(|entry| match entry {
            Ok(entry) => entry.file_name().into_string().ok().map(Ok),
            Err(error) => Some(Err(error)),
        }))
    }

    /// Gives a file a second name in another folder of the same file system.
    pub(crate) fn link(&self, name: &str, other: &Self, other_name: &str) -> io::Result<()> {
        // link(2) says EPERM of a folder, which would send people to look at permissions.
        if fs::symlink_metadata(self.path_of(name))?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        fs::hard_link(self.path_of(name), other.path_of(other_name))
    }

    /// Whether a name here and one in another folder are the same file.
    pub(crate) fn is_same(&self, name: &str, other: &Self, other_name: &str) -> io::Result<bool> {
        let id = |path: PathBuf| fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()));
        match (id(self.path_of(name)), id(other.path_of(other_name))) {
            (Ok(one), Ok(another)) => Ok(one == another),
            (Err(error), _) | (_, Err(error)) if error.kind() != io::ErrorKind::NotFound => {
                Err(error)
            }
            _ => Ok(false),
        }
    }

    /// What tells a file from one that is later put in its place; `None` when it is not there.
    pub(crate) fn stamp(&self, name: &str) -> io::Result<Option<Stamp>> {
        match fs::symlink_metadata(self.path_of(name)) {
            Ok(found) => {
                let file = [found.dev(), found.ino(), found.size()];
                Ok(Some(Stamp(file, [found.uid(), found.mode()], found.modified()?)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts a file in the place of another one; that is durable after [`Folder::sync`].
    pub(crate) fn rename(&self, name: &str, other: &str) -> io::Result<()> {
        fs::rename(self.path_of(name), self.path_of(other))
    }

    /// Removes a file; that is durable after [`Folder::sync`].
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path_of(name))
    }

    /// Removes a folder in this one when it is empty, and is content when it is not or is not there.
    pub(crate) fn remove_empty(&self, name: &str) -> io::Result<()> {
        match fs::remove_dir(self.path_of(name)) {
            Err(error)
                if !matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty
                ) =>
            {
                Err(error)
            }
            _ => Ok(()),
        }
    }

    /// Makes the folder's names durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    /// Removes what writers left that were killed. Only for who holds the vault's lock.
    pub(crate) fn remove_temporary(&self) -> io::Result<()> {
        for name in self.names()? {
            let name = name?;
            // Writers leave nothing but files; what else is called so is somebody's own.
            let is_file = || fs::symlink_metadata(self.path_of(&name)).map(|found| found.is_file());
            if name.starts_with(TEMPORARY) && is_file()? {
                self.remove(&name)?;
            }
        }
        Ok(())
    }
}

impl Written {
    /// Waits until the file is on the disk.
    pub(crate) fn sync(self) -> io::Result<Prepared> {
        let Self { file, folder, target } = self;
        file.as_file().sync_all()?;
        Ok(Prepared { temporary: file.into_temp_path(), folder, target })
    }
}

impl Prepared {
    /// Gives the file its name, durably.
    ///
    /// # Errors
    ///
    /// Those of rename(2), when nothing has changed, and of fsync(2) of the folder, when it is not
    /// known which of the two states a power cut would leave.
    pub(crate) fn commit(self) -> io::Result<()> {
        let folder = self.folder.clone();
        self.rename()?;
        File::open(&folder)?.sync_all()
    }

    /// Gives the file its name; that is durable after [`Folder::sync`].
    pub(crate) fn rename(self) -> io::Result<()> {
        self.temporary.persist(&self.target).map_err(|error| error.error)
    }

    /// As [`Prepared::commit`], but never in place of a file that is there. So what may not last is
    /// taken back: nobody shall build on it.
    pub(crate) fn commit_new(self) -> io::Result<()> {
        self.temporary.persist_noclobber(&self.target).map_err(|error| error.error)?;
        let synced = File::open(&self.folder).and_then(|folder| folder.sync_all());
        synced.inspect_err(|_| drop(fs::remove_file(&self.target)))
    }
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("{}", cause(.0))]
    Io(io::Error),
    #[error("it is larger than it may be")]
    Large,
    #[error("it is not there")]
    Missing,
    #[error("it is not a regular file, and has to be moved away")]
    NoFile,
}

/// Reads what may have grown since its size was asked. What has not is read without a second
/// allocation, which would leave a copy behind: an identity is read here too.
fn read_at_most(file: &File, size: u64, most: u64) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 1);
    file.take(most + 1).read_to_end(&mut bytes).map_err(ReadError::Io)?;
    if bytes.len() as u64 > most { Err(ReadError::Large) } else { Ok(bytes) }
}

/// Whether something is at a path, be it a link that points nowhere.
pub(crate) fn exists(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The last part of a path, for messages.
pub(crate) fn file_name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or(path.as_os_str())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::time::{Duration, SystemTime};

    use super::{Folder, ReadError};

    fn folder() -> (tempfile::TempDir, Folder) {
        let guard = tempfile::tempdir().expect("a folder");
        let folder = Folder::at(guard.path().to_owned());
        (guard, folder)
    }

    #[test]
    fn a_write_that_is_not_committed_leaves_nothing() {
        let (guard, folder) = folder();
        drop(folder.prepare("a", b"one", None).expect("prepared"));
        assert_eq!(fs::read_dir(guard.path()).expect("a folder").count(), 0);
        folder.prepare("a", b"one", None).expect("prepared").commit().expect("committed");
        drop(folder.prepare("a", b"two", None).expect("prepared"));
        assert_eq!(folder.read("a", 9).expect("read"), b"one");
        assert_eq!(fs::read_dir(guard.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn a_file_has_the_date_and_the_mode_it_was_given() {
        let (_guard, folder) = folder();
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_670_677_620);
        folder.prepare("a", b"", Some(date)).expect("prepared").commit().expect("committed");
        assert_eq!(folder.date("a").expect("a date"), Some(date));
        assert_eq!(fs::metadata(folder.path_of("a")).expect("a file").mode() & 0o777, 0o600);
        assert_eq!(folder.date("b").expect("no file"), None);
    }

    #[test]
    fn what_is_no_regular_file_of_fitting_size_is_not_read() {
        let (_guard, folder) = folder();
        symlink("loop", folder.path_of("loop")).expect("a link");
        symlink("/dev/zero", folder.path_of("zero")).expect("a link");
        fs::create_dir(folder.path_of("folder")).expect("a folder");
        for name in ["loop", "zero", "folder"] {
            assert!(matches!(folder.read(name, 9), Err(ReadError::NoFile)), "{name}");
        }
        assert!(matches!(folder.read("none", 9), Err(ReadError::Missing)));
        fs::write(folder.path_of("ten"), [0; 10]).expect("a file");
        assert!(matches!(folder.read("ten", 9), Err(ReadError::Large)));
        assert_eq!(folder.read("ten", 10).expect("ten bytes").len(), 10);
    }

    #[test]
    fn what_killed_writers_left_is_removed_and_nothing_else() {
        let (guard, folder) = folder();
        for name in [".tmp-x1", ".gitignore", "A.age"] {
            fs::write(folder.path_of(name), "").expect("a file");
        }
        fs::create_dir(folder.path_of(".tmp-folder")).expect("a folder");
        folder.remove_temporary().expect("removed");
        assert_eq!(fs::read_dir(guard.path()).expect("a folder").count(), 3);
        assert!(!folder.has(".tmp-x1").expect("looked"));
    }
}
