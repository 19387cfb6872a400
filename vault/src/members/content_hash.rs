//! The SHA-256 of a file, which names exactly this file.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::members::hex;
use crate::members::text_form::impl_text_form;

/// The SHA-256 of bytes; 64 lowercase hexadecimal digits as text.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// The hash of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads the digits; `None` if they are not 64 lowercase hexadecimal ones.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        hex::decode(text.as_bytes()).map(Self)
    }

    /// Its first 16 bytes.
    pub(crate) fn beginning(&self) -> [u8; 16] {
        *self.0.first_chunk().expect("it has 32 bytes")
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

impl_text_form!(ContentHash);
