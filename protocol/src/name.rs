use std::fmt;
use std::str::FromStr;

use fluvio_secret_system::hash::fnv_1a;
use serde::{Deserialize, Serialize};

use crate::limits;

/// A secret's name as Fluvio allows it: ASCII letters, digits and `_`, not starting with a digit,
/// 1 to 128 bytes.
///
/// A value of this type is a checked name, so it is also a safe file name and variable name.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String")]
pub struct SecretName(String);

impl SecretName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// One of 256 groups of names. The daemon has what it knows of a group in one place. So it is faster with many
    /// secrets if those of a group follow each other.
    #[must_use]
    pub fn group(&self) -> u8 {
        let [group, ..] = fnv_1a(self.0.as_bytes()).to_le_bytes();
        group
    }
}

/// Why a text is no secret's name. It does not repeat the text: who swaps `NAME` and `VALUE` on a
/// command line has typed a value there.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum BadName {
    #[error("character {0} of the secret's name is not an ASCII letter, a digit or _")]
    Character(usize),
    #[error("a secret's name cannot begin with a digit")]
    Digit,
    #[error("a secret's name cannot be empty")]
    Empty,
    #[error("a secret's name cannot be longer than {} bytes", limits::NAME_BYTES)]
    Long,
}

impl FromStr for SecretName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for SecretName {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, BadName> {
        let Some(first) = text.bytes().next() else { return Err(BadName::Empty) };
        if text.len() > limits::NAME_BYTES {
            return Err(BadName::Long);
        }
        if let Some(at) = text.bytes().position(|b| !b.is_ascii_alphanumeric() && b != b'_') {
            return Err(BadName::Character(at + 1));
        }
        if first.is_ascii_digit() {
            return Err(BadName::Digit);
        }
        Ok(Self(text))
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{BadName, SecretName};

    fn judge(text: &str) -> Result<(), BadName> {
        text.parse::<SecretName>().map(drop)
    }

    #[test]
    fn a_name_is_what_fluvio_allows_and_nothing_else() {
        for good in ["A", "_", "_9", "auth_header", "AUTH_HEADER2", &"x".repeat(128)] {
            assert_eq!(judge(good), Ok(()), "{good}");
        }
        assert_eq!(judge(""), Err(BadName::Empty));
        assert_eq!(judge("9A"), Err(BadName::Digit));
        assert_eq!(judge(&"x".repeat(129)), Err(BadName::Long));
        for (bad, at) in [("A-B", 2), ("A B", 2), ("../A", 1), ("A.age", 2), ("A\0", 2), ("Ä", 1)]
        {
            assert_eq!(judge(bad), Err(BadName::Character(at)), "{bad}");
        }
    }

    #[test]
    fn a_name_from_the_wire_is_checked_too() {
        assert!(serde_json::from_str::<SecretName>(r#""A""#).is_ok());
        assert!(serde_json::from_str::<SecretName>(r#""../A""#).is_err());
    }
}
