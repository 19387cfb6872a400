//! The file of a machine's signing key, beside its identity.
//!
//! ```text
//! # a comment, in one line
//! the seed, 64 lowercase hexadecimal digits
//! ```
//!
//! It is not encrypted, because the machine also signs while the vault is locked.

use std::io;
use std::path::{Path, PathBuf};

use fluvio_secret_system::file_id::FileId;
use fluvio_secret_system::help::{Help, Helpful};
use fluvio_secret_system::io_error::io_error_text;
use fluvio_secret_system::places::PlaceError;
use fluvio_secret_system::private::{self, FILE_MODE};
use zeroize::Zeroizing;

use crate::durable_directory::{DurableDirectory, ReadError};
use crate::members::signing_key::SigningKey;
use crate::whole_file::PreparedFile;

const SIGNING_KEY_FILE: &str = "signing-key.txt";
const SIGNING_KEY_FILE_BYTES: u64 = 1 << 10;

/// Where the signing key of this machine is.
#[derive(Debug)]
pub struct SigningKeyFile {
    directory: DurableDirectory,
}

/// Why the signing key cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum SigningKeyError {
    #[error("invalid signing key in {path}: it is not a comment and a line of 64 lowercase hexadecimal digits", path = .path.display())]
    Bad { path: PathBuf },
    #[error(transparent)]
    Place(PlaceError),
    #[error("cannot read the signing key {path}: {source}", path = .path.display())]
    Read { path: PathBuf, source: ReadError },
    #[error("cannot write the signing key {path}: {}", io_error_text(.source), path = .path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl SigningKeyFile {
    /// The file in this directory, which is the one of the identity.
    #[must_use]
    pub fn in_directory(directory: &Path) -> Self {
        Self { directory: DurableDirectory::at(directory.to_owned()) }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.directory.path_of(SIGNING_KEY_FILE)
    }

    /// The id of the file, by which another one in its place is noticed.
    pub(crate) fn file_id(&self) -> Result<Option<FileId>, SigningKeyError> {
        let id = self.directory.file_id(SIGNING_KEY_FILE);
        let path = self.path();
        id.map_err(|source| SigningKeyError::Read { path, source: ReadError::Io(source) })
    }

    /// Reads the key; `None` if the file does not exist.
    pub fn read(&self) -> Result<Option<SigningKey>, SigningKeyError> {
        let read = self.directory.read_with_metadata(SIGNING_KEY_FILE, SIGNING_KEY_FILE_BYTES);
        let (bytes, found) = match read {
            Ok((bytes, found)) => (Zeroizing::new(bytes), found),
            Err(ReadError::Missing) => return Ok(None),
            Err(source) => return Err(SigningKeyError::Read { path: self.path(), source }),
        };
        let ours = rustix::process::geteuid().as_raw();
        private::check(&self.path(), &found, ours, FILE_MODE)
            .map_err(|error| SigningKeyError::Place(error.into()))?;
        parse(&bytes).map(Some).ok_or_else(|| SigningKeyError::Bad { path: self.path() })
    }

    /// Makes a key, durably. A file that is there is never replaced.
    pub fn make(&self) -> Result<SigningKey, SigningKeyError> {
        let make = || {
            let key = SigningKey::generate()?;
            let text = file_text(&key);
            PreparedFile::write(&self.directory, SIGNING_KEY_FILE, text.as_bytes(), None)?
                .commit_new()?;
            Ok(key)
        };
        make().map_err(|source| SigningKeyError::Write { path: self.path(), source })
    }
}

fn file_text(key: &SigningKey) -> Zeroizing<String> {
    let digits = key.to_digits();
    let comment = format!("# the signing key with the fingerprint {}", key.fingerprint());
    // In one place: a string that grows leaves copies.
    let mut text = Zeroizing::new(String::with_capacity(comment.len() + digits.len() + 2));
    [comment.as_str(), "\n", &digits, "\n"].iter().for_each(|part| text.push_str(part));
    text
}

fn parse(text: &[u8]) -> Option<SigningKey> {
    let end = text.iter().position(|&byte| byte == b'\n')?;
    let (comment, digits) = (&text[..end], &text[end + 1..]);
    let digits = digits.strip_suffix(b"\n").unwrap_or(digits);
    if comment.starts_with(b"#") { SigningKey::parse(digits) } else { None }
}

impl Helpful for SigningKeyError {
    fn help(&self) -> Option<Help> {
        match self {
            Self::Place(error) => error.help(),
            Self::Bad { .. } | Self::Read { .. } => Some(Help::advice("restore a copy of it")),
            Self::Write { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::{SigningKeyError, SigningKeyFile};

    fn file() -> (tempfile::TempDir, SigningKeyFile) {
        let guard = tempfile::tempdir().expect("a directory");
        let file = SigningKeyFile::in_directory(guard.path());
        (guard, file)
    }

    #[test]
    fn a_key_is_made_once_and_read_as_it_was_made() {
        let (guard, file) = file();
        assert!(file.read().expect("no file").is_none());
        let key = file.make().expect("a key");
        let text = fs::read_to_string(file.path()).expect("a file");
        assert_eq!(fs::metadata(file.path()).expect("a file").mode() & 0o777, 0o600);
        let lines: Vec<_> = text.lines().collect();
        let expected = format!("# the signing key with the fingerprint {}", key.fingerprint());
        assert_eq!(lines, [expected.as_str(), key.to_digits().as_str()]);
        let read = file.read().expect("read").expect("a key");
        assert_eq!(read.verification_key(), key.verification_key());
        assert!(matches!(file.make(), Err(SigningKeyError::Write { .. })), "it is there");
        assert_eq!(fs::read_to_string(file.path()).expect("the same file"), text);
        assert_eq!(fs::read_dir(guard.path()).expect("a directory").count(), 1);
    }

    #[test]
    fn other_content_is_refused_without_being_repeated() {
        let (_guard, file) = file();
        file.make().expect("a key");
        let text = fs::read_to_string(file.path()).expect("a file");
        let (comment, digits) = text.trim_end().split_once('\n').expect("two lines");
        let bad = [
            String::new(),
            format!("{digits}\n"),
            format!("{digits}\n{digits}\n"),
            format!("{comment}\n{}\n", digits.to_uppercase()),
            format!("{comment}\n{digits}\n\n"),
            format!("{comment}\n{}\n", &digits[1..]),
            format!("{comment}\n{comment}\n{digits}\n"),
            format!("{text}{text}"),
        ];
        for text in bad {
            fs::write(file.path(), &text).expect("written");
            let error = file.read().expect_err("refused");
            assert!(matches!(error, SigningKeyError::Bad { .. }), "{text}: {error}");
            assert!(!format!("{error} {error:?}").contains(&digits[1..]));
        }
        fs::write(file.path(), vec![b'#'; 2000]).expect("written");
        assert!(matches!(file.read(), Err(SigningKeyError::Read { .. })), "it is too large");
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let (guard, file) = file();
        file.make().expect("a key");
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o640)).expect("chmod");
        let error = file.read().expect_err("refused");
        assert!(matches!(error, SigningKeyError::Place(_)), "{error}");
        let elsewhere = guard.path().join("elsewhere");
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600)).expect("chmod");
        fs::rename(file.path(), &elsewhere).expect("moved");
        symlink(elsewhere, file.path()).expect("a link");
        assert!(matches!(file.read(), Err(SigningKeyError::Read { .. })));
    }
}
