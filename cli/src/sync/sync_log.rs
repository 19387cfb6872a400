//! What a process that no terminal shows has to report: a file of lines that does not grow forever.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use fluvio_secret_protocol::audit::put_aside;
use fluvio_secret_system::printable;
use fluvio_secret_system::private::FILE_MODE;
use fluvio_secret_system::regular::{self, Links};
use jiff::Timestamp;

use crate::{date, output};

/// The size at which the file is put aside, in place of the one before.
const SYNC_LOG_BYTES: u64 = 256 << 10;

/// Where a process reports.
#[derive(Debug)]
pub(crate) enum SyncLog {
    /// On standard error.
    Terminal,
    /// In a file, with the time and the vault.
    File { path: PathBuf, vault: String },
}

impl SyncLog {
    pub(crate) fn say(&self, text: &str) {
        match self {
            Self::Terminal => output::say(text),
            Self::File { path, vault } => {
                let time = date::precise(Timestamp::now());
                let text = printable::line(&text.replace('\n', "; "));
                // An error cannot be reported anywhere.
                let _ = append(path, &format!("{time} {vault}: {text}\n"));
            }
        }
    }
}

fn append(path: &Path, line: &str) -> io::Result<()> {
    let open = || {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(FILE_MODE);
        regular::open(&options, path, Links::Refuse)
    };
    let (mut file, found) = open()?;
    if found.len() > SYNC_LOG_BYTES {
        fs::rename(path, put_aside(path))?;
        (file, _) = open()?;
    }
    file.write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{SYNC_LOG_BYTES, SyncLog};

    #[test]
    fn each_report_is_a_line_and_a_full_file_is_put_aside() {
        let made = tempfile::tempdir().expect("a directory");
        let path = made.path().join("log");
        let log = SyncLog::File { path: path.clone(), vault: "personal".to_owned() };
        log.say("a\nhelp: b\u{1b}");
        let text = fs::read_to_string(&path).expect("a file");
        assert!(text.ends_with(" personal: a; help: b\u{fffd}\n"), "{text}");
        fs::write(&path, "x".repeat(1 + usize::try_from(SYNC_LOG_BYTES).expect("a size")))
            .expect("a file");
        log.say("c");
        assert_eq!(fs::read_to_string(&path).expect("a file").lines().count(), 1);
        assert!(made.path().join("log.1").exists());
    }
}
