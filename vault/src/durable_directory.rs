//! A directory whose files are read whole and never through a link.
//!
//! A directory in another one is opened once, by its name alone. Its files are then reached relative
//! to that descriptor, so a link that takes its place later changes nothing.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fluvio_secret_system::file_id::{FileId, Inode};
use fluvio_secret_system::io_error::io_error_text;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;

/// How the names of temporary files begin; the vault's `.gitignore` names it too.
pub(crate) const TEMPORARY: &str = ".tmp-";

#[derive(Clone, Debug)]
pub(crate) struct DurableDirectory {
    path: PathBuf,
    /// `None` for a directory that is looked up at each use.
    opened: Option<Arc<OwnedFd>>,
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{}", io_error_text(.0))]
    Io(#[source] io::Error),
    #[error("it is too large")]
    Large,
    #[error("it does not exist")]
    Missing,
    #[error("it is not a regular file")]
    NoFile,
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            _ => Self::Io(error),
        }
    }
}

impl DurableDirectory {
    /// The directory at this path, whichever it is when it is used.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path, opened: None }
    }

    /// The directory of a file.
    pub(crate) fn of(file: &Path) -> Self {
        Self::at(file.parent().unwrap_or(Path::new("/")).to_owned())
    }

    /// The directory of this name in this one. A link is not followed.
    pub(crate) fn open(&self, name: &str) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        let (base, at) = self.base(name);
        let opened = rustix::fs::openat(base, &at, flags, Mode::empty()).map_err(|error| {
            if !matches!(error, Errno::NOTDIR | Errno::LOOP) {
                return error.into();
            }
            // The error of the system does not tell a link from a file.
            let what = match self.kind(name) {
                Ok(Some(FileType::Symlink)) => "a symbolic link",
                _ => "not a directory",
            };
            let text = format!("{} is {what}", self.path_of(name).display());
            io::Error::new(io::ErrorKind::NotADirectory, text)
        })?;
        Ok(Self { path: self.path.join(name), opened: Some(Arc::new(opened)) })
    }

    /// The directory of this name in this one, made if it is not there.
    pub(crate) fn find_or_make(&self, name: &str) -> io::Result<Self> {
        match self.open(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => return found,
        }
        let (base, at) = self.base(name);
        match rustix::fs::mkdirat(base, &at, Mode::RWXU) {
            Err(error) if error != Errno::EXIST => Err(error.into()),
            _ => self.open(name),
        }
    }

    fn base(&self, name: &str) -> (BorrowedFd<'_>, PathBuf) {
        match &self.opened {
            Some(opened) => (opened.as_fd(), PathBuf::from(name)),
            None => (CWD, self.path.join(name)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Reads a file whole when it is a regular file of at most `most` bytes. Symbolic links are not
    /// followed, and a FIFO or a device is not waited for.
    pub(crate) fn read(&self, name: &str, most: u64) -> Result<Vec<u8>, ReadError> {
        self.read_with_metadata(name, most).map(|(bytes, _)| bytes)
    }

    pub(crate) fn read_with_metadata(
        &self,
        name: &str,
        most: u64,
    ) -> Result<(Vec<u8>, Metadata), ReadError> {
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

    /// The state of a file, without following a link; `None` when it is not there.
    fn stat(&self, name: &str) -> io::Result<Option<Stat>> {
        let (base, at) = self.base(name);
        match rustix::fs::statat(base, &at, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn kind(&self, name: &str) -> io::Result<Option<FileType>> {
        Ok(self.stat(name)?.map(|found| FileType::from_raw_mode(found.st_mode)))
    }

    pub(crate) fn date(&self, name: &str) -> io::Result<Option<SystemTime>> {
        Ok(self.stat(name)?.map(|found| date_of(&found)))
    }

    /// Whether something of this name is there, whatever it is.
    pub(crate) fn has(&self, name: &str) -> io::Result<bool> {
        self.stat(name).map(|found| found.is_some())
    }

    /// The names of all files. Names that are not UTF-8 are not ours.
    pub(crate) fn names(&self) -> io::Result<impl Iterator<Item = io::Result<String>> + use<>> {
        Ok(self.entries()?.map(|entry| entry.map(|(name, _)| name)))
    }

    /// The same, with what they are. A file system may not say it.
    pub(crate) fn entries(
        &self,
    ) -> io::Result<impl Iterator<Item = io::Result<(String, FileType)>> + use<>> {
        let entries = Dir::read_from(self.opened()?)?;
        Ok(entries.filter_map(|entry| match entry {
            Ok(entry) => {
                let name = entry.file_name().to_str().ok()?;
                (name != "." && name != "..").then(|| Ok((name.to_owned(), entry.file_type())))
            }
            Err(error) => Some(Err(error.into())),
        }))
    }

    /// Gives a file a second name in another directory of the same file system.
    pub(crate) fn link(&self, name: &str, other: &Self, other_name: &str) -> io::Result<()> {
        // For a directory link(2) fails with EPERM, which would point people at permissions.
        if self.kind(name)? == Some(FileType::Directory) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let ((from, name), (to, other_name)) = (self.base(name), other.base(other_name));
        Ok(rustix::fs::linkat(from, &name, to, &other_name, AtFlags::empty())?)
    }

    /// Whether a file here and one in another directory are the same, or a copy that kept its date.
    pub(crate) fn is_same(
        &self,
        name: &str,
        other: &Self,
        other_name: &str,
        most: u64,
    ) -> io::Result<bool> {
        let (Some(one), Some(another)) = (self.stat(name)?, other.stat(other_name)?) else {
            return Ok(false);
        };
        if Inode::from(&one) == Inode::from(&another) {
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

    pub(crate) fn file_id(&self, name: &str) -> io::Result<Option<FileId>> {
        Ok(self.stat(name)?.map(|found| FileId::from(&found)))
    }

    /// Creates a file, mode 0600, never in place of one that is there.
    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
        let (base, at) = self.base(name);
        Ok(File::from(rustix::fs::openat(base, &at, flags, Mode::RUSR | Mode::WUSR)?))
    }

    /// Appends to a file, which is made if it is missing, in one write and without waiting for the disk.
    pub(crate) fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let flags = OFlags::CREATE
            | OFlags::APPEND
            | OFlags::NOFOLLOW
            | OFlags::NONBLOCK
            | OFlags::WRONLY
            | OFlags::CLOEXEC;
        let (base, at) = self.base(name);
        let opened = rustix::fs::openat(base, &at, flags, Mode::RUSR | Mode::WUSR)?;
        File::from(opened).write_all(bytes)
    }

    pub(crate) fn rename_new(&self, name: &str, target: &str) -> io::Result<()> {
        let ((base, from), (_, to)) = (self.base(name), self.base(target));
        match rustix::fs::renameat_with(base, &from, base, &to, RenameFlags::NOREPLACE) {
            // The file system does not know that flag. A second name never replaces another file.
            Err(Errno::INVAL | Errno::NOSYS) => {}
            renamed => return Ok(renamed?),
        }
        match self.link(name, self, target) {
            Err(error) if has_no_links(&error) => {}
            linked => {
                linked?;
                // What is left is removed by the next start.
                let _ = self.remove(name);
                return Ok(());
            }
        }
        if self.has(target)? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.rename_to(name, self, target)
    }

    pub(crate) fn rename_to(&self, name: &str, other: &Self, other_name: &str) -> io::Result<()> {
        let ((from, name), (to, other_name)) = (self.base(name), other.base(other_name));
        Ok(rustix::fs::renameat(from, &name, to, &other_name)?)
    }

    /// Removes a file; that is durable after [`DurableDirectory::sync`].
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        let (base, at) = self.base(name);
        Ok(rustix::fs::unlinkat(base, &at, AtFlags::empty())?)
    }

    pub(crate) fn remove_if_there(&self, name: &str) -> io::Result<()> {
        match self.remove(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    pub(crate) fn remove_empty(&self, name: &str) -> io::Result<()> {
        let (base, at) = self.base(name);
        match rustix::fs::unlinkat(base, &at, AtFlags::REMOVEDIR) {
            Err(error) if !matches!(error, Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => {
                Err(error.into())
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(self.opened()?)?)
    }

    fn opened(&self) -> io::Result<Arc<OwnedFd>> {
        if let Some(opened) = &self.opened {
            return Ok(opened.clone());
        }
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        Ok(Arc::new(rustix::fs::openat(CWD, &self.path, flags, Mode::empty())?))
    }

    /// Removes what killed writers left. Only the holder of the vault's lock may call this.
    pub(crate) fn remove_temporary(&self) -> io::Result<()> {
        for name in self.names()? {
            let name = name?;
            // Writers leave only files with such a name. Anything else is the user's.
            if is_temporary(&name) && self.kind(&name)? == Some(FileType::RegularFile) {
                self.remove(&name)?;
            }
        }
        Ok(())
    }
}

/// Whether a name is that of a temporary file: 32 hexadecimal digits follow [`TEMPORARY`].
pub(crate) fn is_temporary(name: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let digits = name.strip_prefix(TEMPORARY);
    digits.is_some_and(|digits| digits.len() == 32 && digits.bytes().all(is_digit))
}

/// Reads what may have grown since its size was asked. What has not is read without a second
/// allocation, which would leave a copy behind: an identity is read here too.
pub(crate) fn read_at_most(file: &File, size: u64, most: u64) -> Result<Vec<u8>, ReadError> {
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

/// The date of a file. A file system may keep any number; an impossible date becomes the beginning of time.
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

pub(crate) fn file_name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or(path.as_os_str())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::{DurableDirectory, ReadError};

    fn directory() -> (tempfile::TempDir, DurableDirectory) {
        let guard = tempfile::tempdir().expect("a directory");
        let directory = DurableDirectory::at(guard.path().to_owned());
        (guard, directory)
    }

    #[test]
    fn what_is_no_regular_file_of_fitting_size_is_not_read() {
        let (_guard, directory) = directory();
        symlink("loop", directory.path_of("loop")).expect("a link");
        symlink("/dev/zero", directory.path_of("zero")).expect("a link");
        fs::create_dir(directory.path_of("directory")).expect("a directory");
        for name in ["loop", "zero", "directory"] {
            assert!(matches!(directory.read(name, 9), Err(ReadError::NoFile)), "{name}");
        }
        assert!(matches!(directory.read("none", 9), Err(ReadError::Missing)));
        fs::write(directory.path_of("ten"), [0; 10]).expect("a file");
        assert!(matches!(directory.read("ten", 9), Err(ReadError::Large)));
        assert_eq!(directory.read("ten", 10).expect("ten bytes").len(), 10);
    }

    #[test]
    fn what_killed_writers_left_is_removed_and_nothing_else() {
        let (guard, directory) = directory();
        let temporary = |digit: &str| format!(".tmp-{}", digit.repeat(32));
        let others = [".tmp-x1", ".tmp-", &temporary("F"), &format!("{}0", temporary("0"))];
        for name in [".gitignore", "A.age", &temporary("f")].iter().chain(&others) {
            fs::write(directory.path_of(name), "").expect("a file");
        }
        fs::create_dir(directory.path_of(&temporary("1"))).expect("a directory");
        directory.remove_temporary().expect("removed");
        assert_eq!(fs::read_dir(guard.path()).expect("a directory").count(), 7);
        assert!(!directory.has(&temporary("f")).expect("looked"));
    }
}
