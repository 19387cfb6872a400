//! A file of lines of JSON, for a daemon that starts later. It may be lost: nothing waits for its disk, and no
//! error stops anything.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use fluvio_secret_system::private::FILE_MODE;
use fluvio_secret_system::regular::{self, Links};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// More than any such file has.
const JSON_LINES_BYTES: u64 = 16 << 20;

#[derive(Debug)]
pub(crate) struct JsonLines {
    path: PathBuf,
    /// Held while the file is written.
    writing: Mutex<()>,
}

impl JsonLines {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path, writing: Mutex::default() }
    }

    /// All lines but invalid ones: a daemon may have been killed while it wrote one.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Vec<T> {
        let opened = regular::open(OpenOptions::new().read(true), &self.path, Links::Refuse);
        let Ok((file, _)) = opened else { return Vec::new() };
        let lines = BufReader::new(file.take(JSON_LINES_BYTES)).split(b'\n').map_while(Result::ok);
        lines.filter_map(|line| serde_json::from_slice(&line).ok()).collect()
    }

    pub(crate) fn append(&self, line: &impl Serialize) {
        let _guard = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let appended = encode([line]).and_then(|line| {
            let mut options = OpenOptions::new();
            options.append(true).create(true).mode(FILE_MODE);
            regular::open(&options, &self.path, Links::Refuse)?.0.write_all(&line)
        });
        self.note(appended);
    }

    /// Replaces all lines. They are made while no other thread writes.
    pub(crate) fn rewrite<T: Serialize>(&self, lines: impl FnOnce() -> Vec<T>) {
        let _guard = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let new = self.path.with_extension("new");
        let rewritten = encode(lines()).and_then(|lines| {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(FILE_MODE);
            regular::open(&options, &new, Links::Refuse)?.0.write_all(&lines)?;
            fs::rename(&new, &self.path)
        });
        self.note(rewritten);
    }

    fn note(&self, written: io::Result<()>) {
        if let Err(error) = written {
            tracing::debug!("cannot write {}: {error}", self.path.display());
        }
    }
}

fn encode<T: Serialize>(lines: impl IntoIterator<Item = T>) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, &line)?;
        text.push(b'\n');
    }
    Ok(text)
}
