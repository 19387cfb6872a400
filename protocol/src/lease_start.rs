//! How the connector of a lease was started: kept in the lease's directory, so that it can be started again.
//!
//! The launcher writes it, and the command line reads it. The environment is not kept: it may have secrets.

use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::lease::START;

/// A command line of `cdk` that started a connector.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StartCommand {
    /// The connector's name, whole: `cdk` stops a connector only by that.
    pub connector: String,
    /// The directory in which it was typed.
    pub directory: PathBuf,
    /// The configuration, as it was typed.
    pub config: PathBuf,
    /// Its arguments, with those that are ours.
    pub args: Vec<OsString>,
}

impl StartCommand {
    /// Whether it starts the same connector again. The connector may have another name then.
    #[must_use]
    pub fn is_same_line(&self, other: &Self) -> bool {
        let line = |Self { connector: _, directory, config, args }: &Self| {
            (directory.clone(), config.clone(), args.clone())
        };
        line(self) == line(other)
    }

    /// Keeps it in a lease's directory.
    ///
    /// # Errors
    ///
    /// Those of open(2) and write(2), and [`io::ErrorKind::InvalidInput`] for a name with a NUL byte, which no
    /// command line can have.
    pub fn write(&self, lease: &Path) -> io::Result<()> {
        if self.connector.contains('\0') {
            let why = "the name of the connector has a NUL byte";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let mut text = Vec::new();
        let words = [self.connector.as_ref(), self.directory.as_os_str(), self.config.as_os_str()];
        for word in words.into_iter().chain(self.args.iter().map(OsString::as_os_str)) {
            text.extend_from_slice(word.as_bytes());
            // No argument and no path has this byte.
            text.push(0);
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o400);
        options.open(lease.join(START))?.write_all(&text)
    }

    /// Reads it from a lease's directory.
    ///
    /// # Errors
    ///
    /// Those of open(2) and read(2), and [`io::ErrorKind::InvalidData`] for another file.
    pub fn read(lease: &Path) -> io::Result<Self> {
        let text = fs::read(lease.join(START))?;
        let text = text.strip_suffix(&[0]).ok_or(io::ErrorKind::InvalidData)?;
        let mut words = text.split(|&byte| byte == 0).map(OsStr::from_bytes);
        let mut word = || words.next().ok_or(io::ErrorKind::InvalidData);
        let connector = word()?.to_str().ok_or(io::ErrorKind::InvalidData)?.to_owned();
        let (directory, config) = (PathBuf::from(word()?), PathBuf::from(word()?));
        let args = words.map(|word| OsString::from_vec(word.as_bytes().to_vec())).collect();
        Ok(Self { connector, directory, config, args })
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;
    use std::io::ErrorKind;
    use std::os::unix::ffi::OsStringExt;
    use std::os::unix::fs::PermissionsExt;

    use super::StartCommand;
    use crate::lease::START;

    #[test]
    fn a_command_line_is_kept_byte_for_byte() {
        let lease = tempfile::tempdir().expect("a directory");
        let args = ["deploy", "start", "", "-c", "a b.yaml"].map(OsString::from);
        let odd = OsString::from_vec(b"\xff\n".to_vec());
        let start = StartCommand {
            connector: "two\nlines".into(),
            directory: "/home/ada".into(),
            config: "a b.yaml".into(),
            args: args.into_iter().chain([odd]).collect(),
        };
        let nul = StartCommand { connector: "a\0b".into(), ..start.clone() };
        assert_eq!(
            nul.write(lease.path()).map_err(|error| error.kind()),
            Err(ErrorKind::InvalidInput)
        );
        assert!(nul.is_same_line(&start), "it was renamed");
        assert!(!StartCommand { config: "c.yaml".into(), ..start.clone() }.is_same_line(&start));
        start.write(lease.path()).expect("written");
        assert_eq!(StartCommand::read(lease.path()).expect("a command line"), start);
        let file = lease.path().join(START);
        assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o400);
        assert!(start.write(lease.path()).is_err(), "it is there");
        fs::remove_file(&file).expect("removed");
        fs::write(&file, "/home/ada").expect("another file");
        assert!(StartCommand::read(lease.path()).is_err());
    }
}
