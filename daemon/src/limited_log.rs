//! A file of lines that does not grow for ever.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use fluvio_secret_protocol::audit::put_aside;
use fluvio_secret_protocol::regular::{self, Links};

/// Bytes after which a log is put aside as `NAME.1`, in place of the one before.
const MOST_BYTES: u64 = 1 << 20;

/// Whether a line must have reached the disk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reach {
    Disk,
    System,
}

/// A log file. It is opened for each line: so a file that was removed or put aside by somebody else
/// is made anew, and never written to unseen.
#[derive(Debug)]
pub(crate) struct LimitedLog {
    path: PathBuf,
    writer: Mutex<()>,
}

impl LimitedLog {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, writer: Mutex::new(()) }
    }

    /// Appends a line whole, or nothing.
    ///
    /// # Errors
    ///
    /// Those of the file system. The file is then as it was, or, when only its name could not be made
    /// durable, has the line.
    pub(crate) fn append(&self, line: &[u8], reach: Reach) -> io::Result<()> {
        // The mutex guards no data, so a panic of its holder has broken nothing.
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut file, mut length) = self.open()?;
        if length > 0 && length + line.len() as u64 > MOST_BYTES {
            fs::rename(&self.path, put_aside(&self.path))?;
            (file, length) = self.open()?;
        }
        let written = file.write_all(line).and_then(|()| match reach {
            Reach::Disk => file.sync_data(),
            Reach::System => Ok(()),
        });
        if let Err(error) = written {
            // Half a line would spoil the next one.
            file.set_len(length)?;
            return Err(error);
        }
        // Its name must last too, also for the lines that come after this one.
        if length == 0 { self.sync_folder() } else { Ok(()) }
    }

    fn open(&self) -> io::Result<(File, u64)> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        let (file, found) = regular::open(&options, &self.path, Links::Refuse)?;
        Ok((file, found.len()))
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{LimitedLog, MOST_BYTES, Reach, put_aside};

    #[test]
    fn a_full_log_is_put_aside_and_the_line_is_in_the_new_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let log = LimitedLog::new(path.clone());
        let most = usize::try_from(MOST_BYTES).expect("a usize");
        log.append(&vec![b'x'; most - 1], Reach::System).expect("room");
        log.append(b"y", Reach::System).expect("room for one byte");
        assert_eq!(fs::metadata(&path).expect("a log").len(), MOST_BYTES);
        log.append(b"z\n", Reach::Disk).expect("a new log");
        assert_eq!(fs::read(&path).expect("a log"), b"z\n");
        let aside = fs::metadata(put_aside(&path)).expect("the old log");
        assert_eq!(aside.len(), MOST_BYTES);
    }

    #[test]
    fn a_removed_log_is_made_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let log = LimitedLog::new(path.clone());
        log.append(b"a\n", Reach::System).expect("a log");
        fs::remove_file(&path).expect("it is there");
        log.append(b"b\n", Reach::System).expect("a log");
        assert_eq!(fs::read(&path).expect("a log"), b"b\n");
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .expect("a FIFO");
        assert!(LimitedLog::new(path).append(b"a\n", Reach::System).is_err());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/null", &link).expect("a link");
        assert!(LimitedLog::new(link).append(b"a\n", Reach::System).is_err());
    }
}
