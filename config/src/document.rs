//! A configuration: what it references, and what would keep a connector from starting with it.

use fluvio_secret_protocol::check::Checked;

use crate::check::{Values, check};
use crate::error::{ConfigError, Unreadable};
use crate::finding::limited;
use crate::parsed::Parsed;
use crate::references::References;
use crate::source_map::Location;

/// A configuration that is parsed once, whatever you ask of it.
#[derive(Debug)]
pub struct Document<'a>(Result<Parsed<'a>, Unreadable>);

impl<'a> Document<'a> {
    /// Reads the raw text, as a connector does first.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Self {
        Self(match std::str::from_utf8(bytes) {
            Ok(text) => Parsed::of(text),
            Err(error) => {
                let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
                let place = Location::of_bytes(&before, before.len(), before.len());
                Err(Unreadable::at(place, ConfigError::NotUtf8))
            }
        })
    }

    /// What it references.
    ///
    /// # Errors
    ///
    /// What keeps a connector from reading the file, or us from reading it safely.
    pub fn references(&self) -> Result<&References, &ConfigError> {
        match &self.0 {
            Ok(parsed) => Ok(&parsed.references),
            Err(unreadable) => Err(&unreadable.error),
        }
    }

    /// Everything that keeps a connector from starting with it.
    #[must_use]
    pub fn check(&self, values: Values<'_>) -> Checked {
        let mut checked = match &self.0 {
            Ok(parsed) => check(parsed, values),
            Err(Unreadable { findings, .. }) => {
                Checked { findings: findings.clone(), ..Checked::default() }
            }
        };
        checked.findings = limited(checked.findings);
        checked
    }
}
