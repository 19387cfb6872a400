//! A file of lines that does not grow forever.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fluvio_secret_protocol::audit::put_aside;
use fluvio_secret_system::regular::{self, Links};

/// The size at which a log is put aside as `NAME.1`, in place of the one before.
const LOG_BYTES: u64 = 1 << 20;

/// Whether a line must have reached the disk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reach {
    Disk,
    System,
}

/// A log file. It is opened for each line, so a file that you removed or moved is made again.
#[derive(Debug)]
pub(crate) struct RotatingLog {
    path: PathBuf,
    writer: Mutex<Writer>,
}

/// What the writer of a line counts.
#[derive(Debug, Default)]
struct Writer {
    /// The number of files that were made.
    made: u64,
    /// The number of those whose name outlasts a power cut.
    named: u64,
}

/// A line that was written, and may not be on the disk yet.
struct WrittenLine {
    file: File,
    begin: u64,
    end: u64,
    /// The number of its file, if the name of that may not outlast a power cut.
    unnamed: Option<u64>,
}

impl RotatingLog {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, writer: Mutex::default() }
    }

    /// Appends a line whole, or nothing. Waits for the disk only if the line must reach it, or if it is the
    /// first one in its file.
    ///
    /// # Errors
    ///
    /// Those of the file system. A line that could not be made durable stays if others came after it.
    pub(crate) fn append(&self, line: &[u8], reach: Reach) -> io::Result<()> {
        let line = self.write(line)?;
        if reach == Reach::Disk
            && let Err(error) = line.file.sync_data()
        {
            self.take_back(&line)?;
            return Err(error);
        }
        match line.unnamed {
            // Without the name of the file, no line in it lasts.
            Some(number) if reach == Reach::Disk || line.begin == 0 => self.sync_name(number),
            _ => Ok(()),
        }
    }

    fn write(&self, line: &[u8]) -> io::Result<WrittenLine> {
        let mut writer = self.writer();
        let (mut file, mut begin) = self.open()?;
        if begin > 0 && begin + line.len() as u64 > LOG_BYTES {
            fs::rename(&self.path, put_aside(&self.path))?;
            (file, begin) = self.open()?;
        }
        if let Err(error) = file.write_all(line) {
            // Half a line would spoil the next one.
            file.set_len(begin)?;
            return Err(error);
        }
        writer.made += u64::from(begin == 0);
        let unnamed = (writer.named < writer.made).then_some(writer.made);
        Ok(WrittenLine { file, begin, end: begin + line.len() as u64, unnamed })
    }

    /// Removes the line if it is the last one.
    fn take_back(&self, line: &WrittenLine) -> io::Result<()> {
        let _writer = self.writer();
        if line.file.metadata()?.len() == line.end { line.file.set_len(line.begin) } else { Ok(()) }
    }

    fn sync_name(&self, number: u64) -> io::Result<()> {
        self.path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())?;
        let mut writer = self.writer();
        writer.named = writer.named.max(number);
        Ok(())
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // Both counts are of finished work, so a panic of a writer has broken nothing.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> io::Result<(File, u64)> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        let (file, found) = regular::open(&options, &self.path, Links::Refuse)?;
        Ok((file, found.len()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{LOG_BYTES, Reach, RotatingLog, put_aside};

    #[test]
    fn a_full_log_is_put_aside_and_the_line_is_in_the_new_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("log");
        let log = RotatingLog::new(path.clone());
        let most = usize::try_from(LOG_BYTES).expect("a usize");
        log.append(&vec![b'x'; most - 1], Reach::System).expect("room");
        log.append(b"y", Reach::System).expect("room for one byte");
        assert_eq!(fs::metadata(&path).expect("a log").len(), LOG_BYTES);
        log.append(b"z\n", Reach::Disk).expect("a new log");
        assert_eq!(fs::read(&path).expect("a log"), b"z\n");
        let aside = fs::metadata(put_aside(&path)).expect("the old log");
        assert_eq!(aside.len(), LOG_BYTES);
    }

    #[test]
    fn a_removed_log_is_made_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("log");
        let log = RotatingLog::new(path.clone());
        log.append(b"a\n", Reach::System).expect("a log");
        fs::remove_file(&path).expect("it is there");
        log.append(b"b\n", Reach::System).expect("a log");
        assert_eq!(fs::read(&path).expect("a log"), b"b\n");
    }

    #[test]
    fn a_line_is_taken_back_unless_others_have_come_after_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("log");
        let log = RotatingLog::new(path.clone());
        let lines = [b"a\n", b"b\n"].map(|line| log.write(line).expect("written"));
        log.take_back(&lines[0]).expect("left");
        assert_eq!(fs::read(&path).expect("a log"), b"a\nb\n");
        log.take_back(&lines[1]).expect("taken");
        assert_eq!(fs::read(&path).expect("a log"), b"a\n");
    }

    #[test]
    fn a_name_is_synced_by_each_line_for_the_disk_until_it_is_durable() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = RotatingLog::new(directory.path().join("log"));
        let first = log.write(b"a\n").expect("written");
        assert_eq!(log.write(b"b\n").expect("written").unnamed, first.unnamed);
        log.sync_name(first.unnamed.expect("a new file")).expect("synced");
        assert_eq!(log.write(b"c\n").expect("written").unnamed, None);
    }

    #[test]
    fn only_a_regular_file_is_written() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("log");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .expect("a FIFO");
        assert!(RotatingLog::new(path).append(b"a\n", Reach::System).is_err());
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("/dev/null", &link).expect("a link");
        assert!(RotatingLog::new(link).append(b"a\n", Reach::System).is_err());
    }
}
