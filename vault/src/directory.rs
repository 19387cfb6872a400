//! Files that are written whole and durably, or not at all.
//!
//! A write is: a temporary file in the same folder → write → fsync → rename → fsync of the folder.
//! A failed fsync is a failed write and is not tried again: the kernel may have marked the pages
//! clean (fsync(2)).
//!
//! A directory inside another one is opened once, by its name alone and never through a link. Its
//! files are then reached relative to that descriptor. So a link that takes its place later changes
//! nothing.

use std::ffi::OsStr;
use std::fs::{self, File, FileTimes, Metadata};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

use fluvio_secret_system::io_error::io_error_text;

/// How the names of temporary files begin; the vault's `.gitignore` names it too.
pub(crate) const TEMPORARY: &str = ".tmp-";

/// A folder whose files are replaced whole.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    /// `None` for a directory that is looked up at each use.
    held: Option<Arc<OwnedFd>>,
}

/// A file under a temporary name; it is removed when this is dropped.
#[derive(Debug)]
struct Temporary {
    folder: Folder,
    /// Empty when the file has another name.
    name: String,
}

/// A file that is written under a temporary name, and maybe not on the disk; it is removed when this
/// is dropped.
#[must_use]
#[derive(Debug)]
pub struct Written {
    file: File,
    temporary: Temporary,
    target: String,
}

/// A file that is on the disk under a temporary name; without [`Prepared::commit`] it is removed.
#[must_use]
#[derive(Debug)]
pub struct Prepared {
    temporary: Temporary,
    target: String,
}

/// A file as it was when it was looked at: device, inode and size, owner and mode, and its date.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stamp([u64; 3], [u32; 2], SystemTime);

impl Folder {
    /// The folder at this path, whichever it is when it is used.
    pub fn at(path: PathBuf) -> Self {
        Self { path, held: None }
    }

    /// The directory of this name in this one. A link is not followed.
    pub fn open(&self, name: &str) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        let (base, at) = self.base(name);
        let held = rustix::fs::openat(base, &at, flags, Mode::empty()).map_err(|error| {
            // The system names both "not a directory", or a link "too many levels".
            match (error, self.kind(name)) {
                (Errno::NOTDIR | Errno::LOOP, Ok(Some(FileType::Symlink))) => {
                    self.no_directory(name, "a symbolic link")
                }
                (Errno::NOTDIR | Errno::LOOP, _) => self.no_directory(name, "not a directory"),
                (error, _) => error.into(),
            }
        })?;
        Ok(Self { path: self.path.join(name), held: Some(Arc::new(held)) })
    }

    fn no_directory(&self, name: &str, what: &str) -> io::Error {
        let path = self.path_of(name);
        let text = format!("{} is {what}; move it away", path.display());
        io::Error::new(io::ErrorKind::NotADirectory, text)
    }

    /// The same, made when it is not there.
    pub fn make(&self, name: &str) -> io::Result<Self> {
        let (base, at) = self.base(name);
        match rustix::fs::mkdirat(base, &at, Mode::RWXU) {
            Err(error) if error != Errno::EXIST => Err(error.into()),
            _ => self.open(name),
        }
    }

    /// What a system call gets for a name in this directory.
    fn base(&self, name: &str) -> (BorrowedFd<'_>, PathBuf) {
        match &self.held {
            Some(held) => (held.as_fd(), PathBuf::from(name)),
            None => (CWD, self.path.join(name)),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file under a temporary name, durably, dated as told.
    pub fn prepare(
        &self,
        name: &str,
        bytes: &[u8],
        date: Option<SystemTime>,
    ) -> io::Result<Prepared> {
        self.write(name, bytes, date)?.sync()
    }

    /// Writes a file under a temporary name, dated as told, without waiting for the disk.
    pub fn write(&self, name: &str, bytes: &[u8], date: Option<SystemTime>) -> io::Result<Written> {
        let mut random = [0; 16];
        getrandom(&mut random, GetRandomFlags::empty())?;
        let temporary = format!("{TEMPORARY}{:032x}", u128::from_ne_bytes(random));
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
        let (base, at) = self.base(&temporary);
        let mut file = File::from(rustix::fs::openat(base, &at, flags, Mode::RUSR | Mode::WUSR)?);
        let temporary = Temporary { folder: self.clone(), name: temporary };
        file.write_all(bytes)?;
        if let Some(date) = date {
            file.set_times(FileTimes::new().set_modified(date))?;
        }
        Ok(Written { file, temporary, target: name.to_owned() })
    }

    /// Reads a file whole when it is a regular file of at most `most` bytes. Symbolic links are not
    /// followed, and a FIFO or a device is not waited for.
    pub fn read(&self, name: &str, most: u64) -> Result<Vec<u8>, ReadError> {
        self.read_found(name, most).map(|(bytes, _)| bytes)
    }

    /// The same, and what it was that was read.
    pub fn read_found(&self, name: &str, most: u64) -> Result<(Vec<u8>, Metadata), ReadError> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::RDONLY | OFlags::CLOEXEC;
        let (base, at) = self.base(name);
        let opened = rustix::fs::openat(base, &at, flags, Mode::empty());
        let file = opened.map(File::from).map_err(|error| match error {
            Errno::NOENT => ReadError::Missing,
            // A link that is not followed, a socket.
            Errno::LOOP | Errno::NXIO => ReadError::NoFile,
            error => ReadError::Io(error.into()),
        })?;
        let found = file.metadata().map_err(ReadError::Io)?;
        if !found.is_file() {
            return Err(ReadError::NoFile);
        }
        if found.len() > most {
            return Err(ReadError::Large);
        }
        Ok((read_at_most(&file, found.len(), most)?, found))
    }

    /// What is there under a name, without following a link; `None` when nothing is.
    fn stat(&self, name: &str) -> io::Result<Option<Stat>> {
        let (base, at) = self.base(name);
        match rustix::fs::statat(base, &at, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What kind of thing is there under a name; `None` when nothing is.
    pub fn kind(&self, name: &str) -> io::Result<Option<FileType>> {
        Ok(self.stat(name)?.map(|found| FileType::from_raw_mode(found.st_mode)))
    }

    /// The date of a file; `None` when it is not there.
    pub fn date(&self, name: &str) -> io::Result<Option<SystemTime>> {
        Ok(self.stat(name)?.map(|found| date_of(&found)))
    }

    /// Whether something of this name is there, whatever it is.
    pub fn has(&self, name: &str) -> io::Result<bool> {
        self.stat(name).map(|found| found.is_some())
    }

    /// The names of what is in the folder, as far as they are UTF-8; others are not ours.
    pub fn names(&self) -> io::Result<impl Iterator<Item = io::Result<String>> + use<>> {
        let entries = match &self.held {
            Some(held) => Dir::read_from(held)?,
            None => Dir::new(self.opened()?)?,
        };
        Ok(entries.filter_map(|entry| match entry {
            Ok(entry) => {
                let name = entry.file_name().to_str().ok()?;
                (name != "." && name != "..").then(|| Ok(name.to_owned()))
            }
            Err(error) => Some(Err(error.into())),
        }))
    }

    /// Gives a file a second name in another folder of the same file system.
    pub fn link(&self, name: &str, other: &Self, other_name: &str) -> io::Result<()> {
        // link(2) says EPERM of a folder, which would send people to look at permissions.
        if self.kind(name)? == Some(FileType::Directory) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let ((from, name), (to, other_name)) = (self.base(name), other.base(other_name));
        Ok(rustix::fs::linkat(from, &name, to, &other_name, AtFlags::empty())?)
    }

    /// Whether a name here and one in another folder are the same file, or a copy of it that kept
    /// its date.
    pub fn is_same(
        &self,
        name: &str,
        other: &Self,
        other_name: &str,
        most: u64,
    ) -> io::Result<bool> {
        let (Some(one), Some(another)) = (self.stat(name)?, other.stat(other_name)?) else {
            return Ok(false);
        };
        if (one.st_dev, one.st_ino) == (another.st_dev, another.st_ino) {
            return Ok(true);
        }
        if one.st_size != another.st_size || date_of(&one) != date_of(&another) {
            return Ok(false);
        }
        match (self.read(name, most), other.read(other_name, most)) {
            (Ok(one), Ok(another)) => Ok(one == another),
            (Err(ReadError::Io(error)), _) | (_, Err(ReadError::Io(error))) => Err(error),
            _ => Ok(false),
        }
    }

    /// What tells a file from one that is later put in its place; `None` when it is not there.
    pub fn stamp(&self, name: &str) -> io::Result<Option<Stamp>> {
        Ok(self.stat(name)?.map(|found| {
            let file = [found.st_dev, found.st_ino, found.st_size.unsigned_abs()];
            Stamp(file, [found.st_uid, found.st_mode], date_of(&found))
        }))
    }

    /// Puts a file in the place of another one; that is durable after [`Folder::sync`].
    pub fn rename(&self, name: &str, other: &str) -> io::Result<()> {
        self.rename_to(name, self, other)
    }

    /// Moves a file or a directory to another directory of the same file system.
    pub fn rename_to(&self, name: &str, other: &Self, other_name: &str) -> io::Result<()> {
        let ((from, name), (to, other_name)) = (self.base(name), other.base(other_name));
        Ok(rustix::fs::renameat(from, &name, to, &other_name)?)
    }

    /// Removes a file; that is durable after [`Folder::sync`].
    pub fn remove(&self, name: &str) -> io::Result<()> {
        let (base, at) = self.base(name);
        Ok(rustix::fs::unlinkat(base, &at, AtFlags::empty())?)
    }

    /// Removes a folder in this one when it is empty, and is content when it is not or is not there.
    pub fn remove_empty(&self, name: &str) -> io::Result<()> {
        let (base, at) = self.base(name);
        match rustix::fs::unlinkat(base, &at, AtFlags::REMOVEDIR) {
            Err(error) if !matches!(error, Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => {
                Err(error.into())
            }
            _ => Ok(()),
        }
    }

    /// Makes the folder's names durable.
    pub fn sync(&self) -> io::Result<()> {
        match &self.held {
            Some(held) => Ok(rustix::fs::fsync(held)?),
            None => Ok(rustix::fs::fsync(self.opened()?)?),
        }
    }

    fn opened(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(CWD, &self.path, flags, Mode::empty())?)
    }

    /// Removes what writers left that were killed. Only for who holds the vault's lock.
    pub fn remove_temporary(&self) -> io::Result<()> {
        for name in self.names()? {
            let name = name?;
            // Writers leave nothing but files; what else is called so is somebody's own.
            if name.starts_with(TEMPORARY) && self.kind(&name)? == Some(FileType::RegularFile) {
                self.remove(&name)?;
            }
        }
        Ok(())
    }
}

impl Temporary {
    /// Gives the file this name, here or in another directory of the same file system.
    fn rename(mut self, folder: &Folder, target: &str) -> io::Result<()> {
        self.folder.rename_to(&self.name, folder, target)?;
        self.name.clear();
        Ok(())
    }

    /// The same in its own directory, but never in place of a file that is there.
    fn rename_new(mut self, target: &str) -> io::Result<()> {
        let ((base, from), (_, to)) = (self.folder.base(&self.name), self.folder.base(target));
        match rustix::fs::renameat_with(base, &from, base, &to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS) => {}
            renamed => {
                renamed?;
                self.name.clear();
                return Ok(());
            }
        }
        // The file system does not know that flag. A second name is never put in place of another.
        match self.folder.link(&self.name, &self.folder, target) {
            Err(error) if has_no_links(&error) => {}
            linked => return linked,
        }
        if self.folder.has(target)? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let folder = self.folder.clone();
        self.rename(&folder, target)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            // The next start removes what is left.
            let _ = self.folder.remove(&self.name);
        }
    }
}

impl Written {
    /// Waits until the file is on the disk.
    pub fn sync(self) -> io::Result<Prepared> {
        let Self { file, temporary, target } = self;
        file.sync_all()?;
        Ok(Prepared { temporary, target })
    }
}

impl Prepared {
    /// Gives the file its name, durably.
    ///
    /// # Errors
    ///
    /// Those of rename(2), when nothing has changed, and of fsync(2) of the folder, when it is not
    /// known which of the two states a power cut would leave.
    pub fn commit(self) -> io::Result<()> {
        let folder = self.temporary.folder.clone();
        self.rename()?;
        folder.sync()
    }

    /// Gives the file its name; that is durable after [`Folder::sync`].
    pub fn rename(self) -> io::Result<()> {
        let folder = self.temporary.folder.clone();
        self.rename_into(&folder)
    }

    /// The same in another directory of the same file system.
    pub fn rename_into(self, folder: &Folder) -> io::Result<()> {
        let Self { temporary, target } = self;
        temporary.rename(folder, &target)
    }

    /// As [`Prepared::commit`], but never in place of a file that is there. So what may not last is
    /// taken back: nobody shall build on it.
    pub fn commit_new(self) -> io::Result<()> {
        let Self { temporary, target } = self;
        let folder = temporary.folder.clone();
        temporary.rename_new(&target)?;
        folder.sync().inspect_err(|_| drop(folder.remove(&target)))
    }
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{}", io_error_text(.0))]
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

/// Whether a file system says by this error that it cannot give a file a second name there: the other
/// directory is on another one, the file has too many names, or it has no hard links at all.
pub(crate) fn has_no_links(error: &io::Error) -> bool {
    let unsupported =
        [Errno::XDEV, Errno::PERM, Errno::MLINK, Errno::OPNOTSUPP, Errno::NOSYS, Errno::INVAL];
    Errno::from_io_error(error).is_some_and(|error| unsupported.contains(&error))
}

/// The date of a file. A file system may keep any number; what is no date is the beginning of time.
#[allow(clippy::useless_conversion, reason = "32-bit systems have other types")]
fn date_of(found: &Stat) -> SystemTime {
    let whole = Duration::from_secs(i64::from(found.st_mtime).unsigned_abs());
    let parts = Duration::from_nanos(found.st_mtime_nsec.into());
    let epoch = SystemTime::UNIX_EPOCH;
    let date = if found.st_mtime < 0 { epoch.checked_sub(whole) } else { epoch.checked_add(whole) };
    date.and_then(|date| date.checked_add(parts)).unwrap_or(epoch)
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
