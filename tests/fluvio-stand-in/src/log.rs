//! The directory that stands for a cluster: a directory for each topic, with its records in one file.
//!
//! A record is a line: its time in milliseconds, the length of its key or `-`, the key with the value after
//! it. A line without its end was never stored, and the next record replaces it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};

use crate::faults::{Faults, die};

/// What a stored record takes besides its key and value: the headers of its batch and its own.
const OVERHEAD: usize = 71;

pub(crate) struct Cluster {
    directory: PathBuf,
}

/// A record as a consumer gets it.
#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) offset: u64,
    pub(crate) time: Timestamp,
    pub(crate) key: Option<String>,
    pub(crate) value: String,
}

impl Record {
    /// What it takes in a topic.
    pub(crate) fn size(&self) -> usize {
        self.key.as_ref().map_or(0, String::len) + self.value.len() + OVERHEAD
    }
}

impl Cluster {
    pub(crate) fn open(directory: PathBuf) -> Result<Self, String> {
        let cluster = Self { directory };
        for path in [cluster.topics(), cluster.faults().directory()] {
            fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(cluster)
    }

    pub(crate) fn faults(&self) -> Faults {
        Faults::new(self.directory.join("faults"))
    }

    /// The directory with all topics.
    pub(crate) fn topics(&self) -> PathBuf {
        self.directory.join("topics")
    }

    /// The directory of a topic, which may not be there.
    pub(crate) fn topic(&self, name: &str) -> PathBuf {
        self.topics().join(name)
    }

    /// Waits until no other process changes anything.
    pub(crate) fn lock(&self) -> io::Result<File> {
        let path = self.directory.join("lock");
        let lock = OpenOptions::new().create(true).append(true).open(path)?;
        flock(&lock, FlockOperation::LockExclusive)?;
        Ok(lock)
    }

    /// Stores a record for other processes. `None` if the topic is gone.
    pub(crate) fn append(&self, topic: &str, key: Option<&str>, value: &str) -> Option<()> {
        let _lock = self.lock().ok()?;
        let path = self.topic(topic).join("records");
        let mut file = OpenOptions::new().read(true).write(true).open(path).ok()?;
        let end = end_of_records(&mut file).ok()?;
        file.set_len(end).ok()?;
        file.seek(SeekFrom::Start(end)).ok()?;
        let line = line(key, value);
        if self.faults().take("produce-die").is_some() {
            let _ = file.write_all(&line[..line.len() / 2]);
            die();
        }
        file.write_all(&line).ok()
    }
}

fn line(key: Option<&str>, value: &str) -> Vec<u8> {
    let time = Timestamp::now().as_millisecond();
    let length = key.map_or_else(|| "-".to_owned(), |key| key.len().to_string());
    format!("{time} {length} {}{value}\n", key.unwrap_or_default()).into_bytes()
}

/// Where the last whole line ends.
fn end_of_records(file: &mut File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut block = vec![0; 4096];
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        let length = usize::try_from(end - start).unwrap_or(block.len());
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut block[..length])?;
        if let Some(last) = block[..length].iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + last as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// A topic that is read from its beginning.
pub(crate) struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    /// The offset of the next record.
    next: u64,
}

impl Reader {
    /// `None` if there is no such topic.
    pub(crate) fn open(topic: &Path) -> Option<Self> {
        let path = topic.join("records");
        let file = BufReader::new(File::open(&path).ok()?);
        Some(Self { path, file, next: 0 })
    }

    /// Whether the topic is still the one that was opened.
    pub(crate) fn is_current(&self) -> bool {
        let opened = self.file.get_ref().metadata();
        let current = fs::metadata(&self.path);
        matches!((opened, current), (Ok(a), Ok(b)) if (a.dev(), a.ino()) == (b.dev(), b.ino()))
    }

    /// How many records there are from here on.
    pub(crate) fn count(mut self) -> u64 {
        let first = self.next;
        while self.next().is_some() {}
        self.next - first
    }

    /// The next record, if it is there.
    pub(crate) fn next(&mut self) -> Option<Record> {
        let mut line = Vec::new();
        let length = self.file.read_until(b'\n', &mut line).ok()?;
        if line.pop_if(|byte| *byte == b'\n').is_none() {
            // It is not whole yet, or never will be: another one may be in its place later.
            self.file.seek(SeekFrom::Current(-i64::try_from(length).ok()?)).ok()?;
            return None;
        }
        self.next += 1;
        parse(self.next - 1, &String::from_utf8(line).ok()?)
    }
}

fn parse(offset: u64, line: &str) -> Option<Record> {
    let mut words = line.splitn(3, ' ');
    let time = Timestamp::from_millisecond(words.next()?.parse().ok()?).ok()?;
    let length = words.next()?;
    let rest = words.next()?;
    let (key, value) = match length.parse() {
        Ok(length) => {
            let (key, value) = rest.split_at_checked(length)?;
            (Some(key.to_owned()), value)
        }
        Err(_) => (None, rest),
    };
    Some(Record { offset, time, key, value: value.to_owned() })
}
