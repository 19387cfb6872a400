//! The vault's id: a random number in a file that travels with the vault.
//!
//! Two vaults can have the same path, one after the other: a file system is not mounted, a directory
//! is emptied or replaced. Their ids differ.

use std::fmt;
use std::io;
use std::path::PathBuf;

use fluvio_secret_system::help::{Help, Helpful};
use fluvio_secret_system::io_error::io_error_text;
use rustix::rand::{GetRandomFlags, getrandom};

use crate::durable_directory::{DurableDirectory, ReadError};
use crate::whole_file::PreparedFile;

pub(crate) const ID_FILE: &str = ".vault-id";
/// 32 digits and a line end. A checkout can make the line end longer.
const ID_BYTES: u64 = 34;

/// Distinguishes a vault from every other: 128 random bits, as 32 lowercase hexadecimal digits.
///
/// It is not a secret. Because it travels with the vault, another person may have chosen it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct VaultId(u128);

/// Why the id is not known.
#[derive(Debug, thiserror::Error)]
pub enum IdError {
    #[error("invalid vault ID in {path}: it is not 32 lowercase hexadecimal digits", path = .path.display())]
    Bad { path: PathBuf },
    #[error("cannot read the vault ID in {path}: {source}", path = .path.display())]
    Read { path: PathBuf, source: ReadError },
    #[error("cannot write the vault ID to {path}: {}", io_error_text(.source), path = .path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl Helpful for IdError {
    fn help(&self) -> Option<Help> {
        match self {
            Self::Bad { .. } | Self::Read { .. } => Some(Help::advice("restore the file")),
            Self::Write { .. } => None,
        }
    }
}

impl VaultId {
    pub(crate) fn generate() -> io::Result<Self> {
        let mut bits = [0; 16];
        getrandom(&mut bits, GetRandomFlags::empty())?;
        Ok(Self(u128::from_ne_bytes(bits)))
    }

    /// Reads the id in a file; `None` if the file does not exist.
    pub(crate) fn read(directory: &DurableDirectory, name: &str) -> Result<Option<Self>, IdError> {
        let path = || directory.path_of(name);
        let bytes = match directory.read(name, ID_BYTES) {
            Ok(bytes) => bytes,
            Err(ReadError::Missing) => return Ok(None),
            Err(ReadError::Large) => return Err(IdError::Bad { path: path() }),
            Err(source) => return Err(IdError::Read { path: path(), source }),
        };
        let text = std::str::from_utf8(&bytes).ok();
        let line = text.map(|text| text.trim_end_matches(['\r', '\n']));
        let id = line.and_then(Self::parse);
        id.map(Some).ok_or_else(|| IdError::Bad { path: path() })
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.as_bytes().iter().all(is_digit) {
            return None;
        }
        u128::from_str_radix(text, 16).ok().map(Self)
    }
}

impl fmt::Display for VaultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The id of the vault in this directory. A vault that has none gets one.
pub(crate) fn of_vault(directory: &DurableDirectory) -> Result<VaultId, IdError> {
    if let Some(id) = VaultId::read(directory, ID_FILE)? {
        return Ok(id);
    }
    let make = || {
        let id = VaultId::generate()?;
        let text = format!("{id}\n");
        PreparedFile::write(directory, ID_FILE, text.as_bytes(), None)?.commit_new()?;
        Ok(id)
    };
    make().map_err(|source| IdError::Write { path: directory.path_of(ID_FILE), source })
}

/// Gives a directory this id, durably, if it has none. Opening it fails if it is another vault.
pub(crate) fn adopt(directory: &DurableDirectory, id: VaultId) -> Result<(), IdError> {
    match VaultId::read(directory, ID_FILE)? {
        Some(_) => Ok(()),
        None => replace(directory, id),
    }
}

/// Gives a directory this id, durably, in place of the one that it has.
pub(crate) fn replace(directory: &DurableDirectory, id: VaultId) -> Result<(), IdError> {
    if VaultId::read(directory, ID_FILE)? == Some(id) {
        return Ok(());
    }
    let text = format!("{id}\n");
    let written = PreparedFile::write(directory, ID_FILE, text.as_bytes(), None);
    let written = written.and_then(PreparedFile::commit);
    written.map_err(|source| IdError::Write { path: directory.path_of(ID_FILE), source })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::{ID_FILE, IdError, VaultId, of_vault};
    use crate::durable_directory::DurableDirectory;

    fn directory() -> (tempfile::TempDir, DurableDirectory) {
        let guard = tempfile::tempdir().expect("a directory");
        let directory = DurableDirectory::at(guard.path().to_owned());
        (guard, directory)
    }

    #[test]
    fn a_vault_keeps_the_id_that_it_got() {
        let (_guard, directory) = directory();
        let id = of_vault(&directory).expect("an id");
        assert_eq!(of_vault(&directory).expect("the same id"), id);
        let text = fs::read_to_string(directory.path_of(ID_FILE)).expect("a file");
        assert_eq!(text, format!("{id}\n"));
        assert_eq!(text.len(), 33);
        assert_eq!(VaultId::parse(text.trim_end()), Some(id));
        assert_ne!(VaultId::generate().expect("an id"), id);
    }

    #[test]
    fn a_checkout_may_change_the_line_end_but_nothing_else() {
        let (_guard, directory) = directory();
        let digits = "00112233445566778899aabbccddeeff";
        for text in [digits.to_owned(), format!("{digits}\n"), format!("{digits}\r\n")] {
            fs::write(directory.path_of(ID_FILE), text).expect("written");
            assert_eq!(of_vault(&directory).expect("an id").to_string(), digits);
        }
        let bad = [
            String::new(),
            "\n".to_owned(),
            digits[1..].to_owned(),
            format!("{digits}0"),
            format!(" {digits}"),
            format!("{digits} "),
            digits.to_uppercase(),
            format!("+{}", &digits[1..]),
            format!("{digits}\n{digits}\n"),
            "0".repeat(1 << 20),
            "\u{661}".repeat(16),
        ];
        for text in bad {
            fs::write(directory.path_of(ID_FILE), &text).expect("written");
            let error = of_vault(&directory).expect_err("refused");
            assert!(matches!(error, IdError::Bad { .. }), "{error}");
            assert_eq!(fs::read_to_string(directory.path_of(ID_FILE)).expect("left"), text);
        }
    }

    #[test]
    fn only_a_regular_file_holds_an_id() {
        let (_guard, directory) = directory();
        let elsewhere = directory.path_of("elsewhere");
        fs::write(&elsewhere, format!("{}\n", VaultId::generate().expect("an id")))
            .expect("a file");
        symlink(&elsewhere, directory.path_of(ID_FILE)).expect("a link");
        assert!(matches!(of_vault(&directory), Err(IdError::Read { .. })));
        fs::remove_file(directory.path_of(ID_FILE)).expect("removed");
        fs::create_dir(directory.path_of(ID_FILE)).expect("a directory");
        assert!(matches!(of_vault(&directory), Err(IdError::Read { .. })));
    }
}
