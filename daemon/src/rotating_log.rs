//! A file of lines that does not grow for ever.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fluvio_secret_protocol::audit::put_aside;
use fluvio_secret_system::regular::{self, Links};

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
    writer: Mutex<Writer>,
}

/// What is counted while lines are written, one after the other.
#[derive(Debug, Default)]
struct Writer {
    /// How many files were made.
    made: u64,
    /// How many of them have a name that outlasts a power cut.
    named: u64,
}

/// A line that was written, and is maybe not on the disk.
struct Line {
    file: File,
    /// Where it begins and ends.
    begin: u64,
    end: u64,
    /// The number of its file, when that has a name that may not last.
    unnamed: Option<u64>,
}

impl LimitedLog {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, writer: Mutex::default() }
    }

    /// Appends a line whole, or nothing. Nobody waits for the disk but who wants the line there, or
    /// makes the file.
    ///
    /// # Errors
    ///
    /// Those of the file system. The file is then as it was; or, when the line is there and could not
    /// be made durable, it has the line all the same if others have come after it.
    pub(crate) fn append(&self, line: &[u8], reach: Reach) -> io::Result<()> {
        let line = self.write(line)?;
        if reach == Reach::Disk
            && let Err(error) = line.file.sync_data()
        {
            self.take_back(&line)?;
            return Err(error);
        }
        match line.unnamed {
            // Its name must last too, also for the lines that come after the first one.
            Some(number) if reach == Reach::Disk || line.begin == 0 => self.sync_name(number),
            _ => Ok(()),
        }
    }

    fn write(&self, line: &[u8]) -> io::Result<Line> {
        let mut writer = self.writer();
        let (mut file, mut begin) = self.open()?;
        if begin > 0 && begin + line.len() as u64 > MOST_BYTES {
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
        Ok(Line { file, begin, end: begin + line.len() as u64, unnamed })
    }

    /// Takes the line away again, when it is the last one.
    fn take_back(&self, line: &Line) -> io::Result<()> {
        let _writer = self.writer();
        if line.file.metadata()?.len() == line.end { line.file.set_len(line.begin) } else { Ok(()) }
    }

    fn sync_name(&self, number: u64) -> io::Result<()> {
        self.path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())?;
        let mut writer = self.writer();
        writer.named = writer.named.max(number);
        Ok(())
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // Its counts are of what is done, so a panic of its holder has broken nothing.
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
    fn a_line_is_taken_back_unless_others_have_come_after_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let log = LimitedLog::new(path.clone());
        let lines = [b"a\n", b"b\n"].map(|line| log.write(line).expect("written"));
        log.take_back(&lines[0]).expect("left");
        assert_eq!(fs::read(&path).expect("a log"), b"a\nb\n");
        log.take_back(&lines[1]).expect("taken");
        assert_eq!(fs::read(&path).expect("a log"), b"a\n");
    }

    #[test]
    fn a_name_is_synced_by_each_line_for_the_disk_until_it_is_durable() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = LimitedLog::new(folder.path().join("log"));
        let first = log.write(b"a\n").expect("written");
        assert_eq!(log.write(b"b\n").expect("written").unnamed, first.unnamed);
        log.sync_name(first.unnamed.expect("a new file")).expect("synced");
        assert_eq!(log.write(b"c\n").expect("written").unnamed, None);
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
