//! A file of lines that does not grow forever.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fluvio_secret_protocol::audit::put_aside;
use fluvio_secret_system::file_id::Inode;
use fluvio_secret_system::io_error::copy_of;
use fluvio_secret_system::regular::{self, Links};

/// The size at which a log is put aside as `NAME.1`, in place of the one before.
pub(crate) const LOG_BYTES: u64 = 1 << 20;

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
pub(crate) struct WrittenLine {
    file: File,
    inode: Inode,
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
        match reach {
            Reach::Disk => self.sync_file(&[line]),
            Reach::System if line.begin == 0 => self.sync_names(&[line]),
            Reach::System => Ok(()),
        }
    }

    /// Appends a line whole, or nothing, without waiting for the disk.
    pub(crate) fn write(&self, line: &[u8]) -> io::Result<WrittenLine> {
        let mut writer = self.writer();
        let (mut file, mut found) = self.open()?;
        if found.len() > 0 && found.len() + line.len() as u64 > LOG_BYTES {
            fs::rename(&self.path, put_aside(&self.path))?;
            (file, found) = self.open()?;
        }
        let begin = found.len();
        if let Err(error) = file.write_all(line) {
            // Half a line would spoil the next one.
            file.set_len(begin)?;
            return Err(error);
        }
        writer.made += u64::from(begin == 0);
        let unnamed = (writer.named < writer.made).then_some(writer.made);
        let inode = Inode::from(&found);
        Ok(WrittenLine { file, inode, begin, end: begin + line.len() as u64, unnamed })
    }

    /// Waits until these lines are on the disk, and returns what became of each. Those that could not be
    /// made durable stay if others came after them.
    pub(crate) fn sync(&self, lines: &[WrittenLine]) -> Vec<io::Result<()>> {
        let mut synced = Vec::with_capacity(lines.len());
        for of_one_file in lines.chunk_by(|one, next| one.inode == next.inode) {
            let outcome = self.sync_file(of_one_file);
            synced.extend(of_one_file.iter().map(|_| match &outcome {
                Ok(()) => Ok(()),
                Err(error) => Err(copy_of(error)),
            }));
        }
        synced
    }

    fn sync_file(&self, lines: &[WrittenLine]) -> io::Result<()> {
        let Some(last) = lines.last() else { return Ok(()) };
        if let Err(error) = last.file.sync_data() {
            lines.iter().rev().try_for_each(|line| self.take_back(line))?;
            return Err(error);
        }
        self.sync_names(lines)
    }

    /// Removes the line if it is the last one.
    fn take_back(&self, line: &WrittenLine) -> io::Result<()> {
        let _writer = self.writer();
        if line.file.metadata()?.len() == line.end { line.file.set_len(line.begin) } else { Ok(()) }
    }

    /// Without the name of its file, no line lasts.
    fn sync_names(&self, lines: &[WrittenLine]) -> io::Result<()> {
        let Some(number) = lines.iter().filter_map(|line| line.unnamed).max() else {
            return Ok(());
        };
        self.path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())?;
        let mut writer = self.writer();
        writer.named = writer.named.max(number);
        Ok(())
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // Both counts are of finished work, so a panic of a writer has broken nothing.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> io::Result<(File, Metadata)> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        regular::open(&options, &self.path, Links::Refuse)
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
        assert!(first.unnamed.is_some());
        assert_eq!(log.write(b"b\n").expect("written").unnamed, first.unnamed);
        log.sync_names(&[first]).expect("synced");
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
