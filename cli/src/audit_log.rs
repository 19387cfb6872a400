//! Reads the audit log: the file before it, the file, and what is added to it.
//!
//! The daemon writes whole lines, and puts a full file aside as `audit.log.1`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader};
use std::mem;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use fluvio_secret_protocol::audit::{Line, put_aside};
use fluvio_secret_system::file_id::Inode;
use fluvio_secret_system::regular::{self, Links};
use jiff::Timestamp;

/// More than a line of the daemon's has: the longest names of 256 secrets, a path and a program's name, with
/// an escape for each byte. A longer line is not the daemon's.
const LINE_BYTES: usize = 256 << 10;

pub(crate) struct AuditLog {
    path: PathBuf,
    /// The file that is read, once it exists.
    open: Option<BufReader<File>>,
    /// The beginning of a line whose end is not there yet.
    begun: Begun,
}

/// A line: as it stands there, and what it says.
pub(crate) struct Entry {
    pub(crate) text: String,
    pub(crate) line: Line,
    pub(crate) time: Timestamp,
}

impl AuditLog {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path, open: None, begun: Begun::default() }
    }

    /// Reads all lines, oldest first, and the next time the new ones. Stops early if `each` breaks.
    pub(crate) fn read(
        &mut self,
        mut each: impl FnMut(Entry) -> ControlFlow<()>,
    ) -> io::Result<()> {
        if self.open.is_none() {
            // In this order: one that is put aside in between is not overlooked, but the same file.
            let now = open(&self.path)?;
            let before = open(&put_aside(&self.path))?;
            if let Some(before) = before
                && !is_same(&before, now.as_ref())?
            {
                let mut begun = Begun::default();
                if read_lines(&mut BufReader::new(before), &mut begun, &mut each)?.is_break() {
                    return Ok(());
                }
            }
            self.open = now.map(BufReader::new);
        }
        loop {
            let Some(file) = &mut self.open else { return Ok(()) };
            if read_lines(file, &mut self.begun, &mut each)?.is_break() {
                return Ok(());
            }
            // One that was put aside has been read to its end: the daemon writes to the next.
            match fs::metadata(&self.path) {
                Ok(now) if Inode::from(&now) == inode_of(file.get_ref())? => return Ok(()),
                Ok(_) => {
                    if read_lines(file, &mut self.begun, &mut each)?.is_break() {
                        return Ok(());
                    }
                    self.open = open(&self.path)?.map(BufReader::new);
                    self.begun = Begun::default();
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
    other.map_or(Ok(false), |other| Ok(inode_of(one)? == inode_of(other)?))
}

fn inode_of(file: &File) -> io::Result<Inode> {
    Ok(Inode::from(&file.metadata()?))
}

#[derive(Default)]
struct Begun {
    bytes: Vec<u8>,
    /// It is longer than a line of the daemon's, so it is skipped to its end.
    is_long: bool,
}

/// Reads to the end of the file. A line that cannot be read is skipped: a power cut may have left it.
fn read_lines(
    file: &mut impl BufRead,
    begun: &mut Begun,
    each: &mut impl FnMut(Entry) -> ControlFlow<()>,
) -> io::Result<ControlFlow<()>> {
    loop {
        let read = file.fill_buf()?;
        if read.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let end = read.iter().position(|&byte| byte == b'\n');
        let piece = &read[..end.unwrap_or(read.len())];
        begun.is_long |= begun.bytes.len() + piece.len() > LINE_BYTES;
        if begun.is_long {
            begun.bytes.clear();
        } else {
            begun.bytes.extend_from_slice(piece);
        }
        let taken = piece.len() + usize::from(end.is_some());
        file.consume(taken);
        if end.is_none() {
            continue;
        }
        let whole = mem::take(begun);
        if let Some(entry) = entry(&String::from_utf8_lossy(&whole.bytes))
            && each(entry).is_break()
        {
            return Ok(ControlFlow::Break(()));
        }
    }
}

fn entry(text: &str) -> Option<Entry> {
    let text = text.trim_end();
    let line: Line = serde_json::from_str(text).ok()?;
    let time = line.time.parse().ok()?;
    Some(Entry { text: text.to_owned(), line, time })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{BufReader, Read, Write, repeat};
    use std::ops::ControlFlow;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::{AuditLog, Begun, LINE_BYTES, read_lines};

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
            assert!(
                AuditLog::at(path.clone()).read(|_| ControlFlow::Continue(())).is_err(),
                "{name}"
            );
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
            let read = log.read(|entry| {
                names += entry.line.names[0].as_str();
                ControlFlow::Continue(())
            });
            read.expect("a log");
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

    #[test]
    fn a_line_without_an_end_takes_no_memory_and_hides_no_other() {
        let endless = repeat(b'x').take(64 << 20);
        let after = "\n".to_owned() + &line("A");
        let mut file = BufReader::new(endless.chain(after.as_bytes()));
        let (mut begun, mut names) = (Begun::default(), Vec::new());
        let read = read_lines(&mut file, &mut begun, &mut |entry| {
            names.push(entry.line.names[0].to_string());
            ControlFlow::Continue(())
        });
        assert!(read.expect("read").is_continue() && names == ["A"], "{names:?}");
        let mut file = BufReader::new(repeat(b'x').take(4 * LINE_BYTES as u64));
        read_lines(&mut file, &mut begun, &mut |_| ControlFlow::Continue(()))
            .expect("read")
            .is_continue();
        assert!(begun.is_long && begun.bytes.capacity() <= 2 * LINE_BYTES);
    }

    #[test]
    fn reading_ends_when_no_more_is_wanted() {
        let text = line("A") + &line("B");
        let mut count = 0;
        let read = read_lines(&mut text.as_bytes(), &mut Begun::default(), &mut |_| {
            count += 1;
            ControlFlow::Break(())
        });
        assert!(read.expect("read").is_break() && count == 1);
    }
}
