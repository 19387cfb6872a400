//! A map of names to strings, in JSON or YAML. Anything else in it refuses the file.

use std::collections::BTreeSet;

use fluvio_secret_protocol::{Secret, SecretName, limits};

use super::bad_file::BadFile;
use super::content::SecretsFile;
use super::foreign::{self, Looks};

pub(super) const NOT_FLAT: Looks = (
    "it has a map or a list, but each secret has one string",
    "leave it out of the file, or write it as one string in quotes",
);
pub(super) const NO_MAP: Looks =
    ("it is not a map of names to values", "write one NAME and value for each secret");
pub(super) const NO_VALUE: Looks =
    ("it has no value", "leave it out of the file, or write \"\" for an empty value");
const REPEATED_KEY: Looks = ("an earlier entry has the same name", "remove one of the two entries");
const ENCRYPTED_MAP: Looks = (
    "its value is encrypted by sops",
    "decrypt it first: sops decrypt --output-type dotenv FILE | fluvio-secret import --format dotenv -",
);

/// Where in a file something is. Lines and columns begin with 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct TextPosition {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl TextPosition {
    pub(super) fn refused(self, (why, help): Looks) -> BadFile {
        BadFile::Entry { line: self.line, column: self.column, why, help }
    }
}

/// The entries of a file, as they are read.
#[derive(Default)]
pub(super) struct FlatMap {
    file: SecretsFile,
    names: BTreeSet<SecretName>,
    /// Lines whose key is not the name of a secret.
    bad: Vec<usize>,
}

impl FlatMap {
    /// Adds the entry at this position. Its value was written without quotes, as numbers are, or with them.
    pub(super) fn add(
        &mut self,
        at: TextPosition,
        name: &str,
        value: String,
        is_quoted: bool,
    ) -> Result<(), BadFile> {
        if foreign::encrypted(name, &value).is_some() {
            return Err(at.refused(ENCRYPTED_MAP));
        }
        let Ok(name) = name.parse::<SecretName>() else {
            self.bad.push(at.line);
            return Ok(());
        };
        if !self.names.insert(name.clone()) {
            return Err(at.refused(REPEATED_KEY));
        }
        if value.len() > limits::VALUE_BYTES {
            return Err(BadFile::Value(at.line));
        }
        if !is_quoted && is_typed(&value) {
            self.file.typed.push(at.line);
        }
        self.file.secrets.push((name, Secret::from(value.into_bytes())));
        Ok(())
    }

    pub(super) fn finish(self) -> Result<SecretsFile, BadFile> {
        if self.bad.is_empty() { Ok(self.file) } else { Err(BadFile::Keys(self.bad)) }
    }
}

/// Whether other programs read this as a number, true or false.
fn is_typed(value: &str) -> bool {
    let is_word = |word: &&str| value.eq_ignore_ascii_case(word);
    value.parse::<f64>().is_ok()
        || value.starts_with("0x")
        || value.starts_with("0o")
        || ["true", "false", "yes", "no", "on", "off"].iter().any(is_word)
}
