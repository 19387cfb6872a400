//! Reads the audit log: the file before it, the file, and what is added to it.
//!
//! The daemon writes whole lines, and puts a full file aside as `audit.log.1`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use fluvio_secret_protocol::audit::{Line, put_aside};
use fluvio_secret_protocol::regular::{self, Links};
use jiff::Timestamp;

/// The log, read from its beginning on.
pub(crate) struct AuditLog {
    path: PathBuf,
    /// The file that is read, unless there is none yet.
    open: Option<BufReader<File>>,
    /// The beginning of a line whose end is not there yet.
    begun: String,
}

/// A line: as it stands there, and what it says.
pub(crate) struct Entry {
    pub(crate) text: String,
    pub(crate) line: Line,
    pub(crate) time: Timestamp,
}

impl AuditLog {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path, open: None, begun: String::new() }
    }

    /// All lines there are, oldest first; then this gives what is new.
    pub(crate) fn read(&mut self, mut each: impl FnMut(Entry)) -> io::Result<()> {
        if self.open.is_none() {
            // In this order: one that is put aside in between is not overlooked, but the same file.
            let now = open(&self.path)?;
            let before = open(&put_aside(&self.path))?;
            if let Some(before) = before
                && !is_same(&before, now.as_ref())?
            {
                read_lines(&mut BufReader::new(before), &mut String::new(), &mut each)?;
            }
            self.open = now.map(BufReader::new);
        }
        loop {
            let Some(file) = &mut self.open else { return Ok(()) };
            read_lines(file, &mut self.begun, &mut each)?;
            // One that was put aside has been read to its end: the daemon writes to the next.
            match fs::metadata(&self.path) {
                Ok(now) if now.ino() == file.get_ref().metadata()?.ino() => return Ok(()),
                Ok(_) => {
                    read_lines(file, &mut self.begun, &mut each)?;
                    self.open = open(&self.path)?.map(BufReader::new);
                    self.begun.clear();
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

fn open(path: &Path) -> io::Result<Option<File>> {
    // The daemon writes to nothing else either.
    match regular::open(OpenOptions::new().read(true), path, Links::Refuse) {
        Ok((file, _)) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_same(one: &File, other: Option<&File>) -> io::Result<bool> {
    other.map_or(Ok(false), |other| Ok(one.metadata()?.ino() == other.metadata()?.ino()))
}

/// Reads to the end of the file. A line that cannot be read is none: a power cut may have left it.
fn read_lines(
    file: &mut impl BufRead,
    begun: &mut String,
    each: &mut impl FnMut(Entry),
) -> io::Result<()> {
    loop {
        let mut bytes = Vec::new();
        if file.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(());
        }
        *begun += &String::from_utf8_lossy(&bytes);
        if begun.ends_with('\n') {
            let text = std::mem::take(begun);
            each_entry(text.trim_end(), each);
        }
    }
}

fn each_entry(text: &str, each: &mut impl FnMut(Entry)) {
    let Ok(line) = serde_json::from_str::<Line>(text) else { return };
    let Ok(time) = line.time.parse() else { return };
    each(Entry { text: text.to_owned(), line, time });
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::AuditLog;

    fn line(name: &str) -> String {
        format!(r#"{{"time":"2026-11-24T01:02:03.004Z","event":"set","pid":7,"names":["{name}"]}}"#)
            + "\n"
    }

    #[test]
    fn what_is_no_file_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.log");
        for name in ["audit.log", "audit.log.1"] {
            let fifo = folder.path().join(name);
            mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).expect("a FIFO");
            assert!(AuditLog::at(path.clone()).read(|_| ()).is_err(), "{name}");
            fs::remove_file(fifo).expect("removed");
        }
    }

    #[test]
    fn it_is_read_in_order_and_then_goes_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.log");
        let mut log = AuditLog::at(path.clone());
        let mut read = || {
            let mut names = String::new();
            log.read(|entry| names += entry.line.names[0].as_str()).expect("a log");
            names
        };
        assert_eq!(read(), "", "there is none yet");
        fs::write(folder.path().join("audit.log.1"), line("A")).expect("a file");
        fs::write(&path, line("B") + "no line\n" + &line("C")).expect("a file");
        assert_eq!(read(), "ABC");
        assert_eq!(read(), "");
        let mut file = fs::File::options().append(true).open(&path).expect("the file");
        let (begin, end) = (line("D"), line("D").split_off(9));
        file.write_all(&begin.as_bytes()[..9]).expect("half a line");
        assert_eq!(read(), "");
        file.write_all(end.as_bytes()).expect("the rest");
        assert_eq!(read(), "D");
        // Put aside, with one more line than was read.
        file.write_all(line("E").as_bytes()).expect("a line");
        fs::rename(&path, folder.path().join("audit.log.1")).expect("put aside");
        fs::write(&path, line("F")).expect("a file");
        assert_eq!(read(), "EF");
    }
}
