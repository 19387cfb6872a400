//! A configuration: what it references, and what would keep a connector from starting with it.

use std::collections::BTreeSet;

use fluvio_secret_protocol::SecretName;
use fluvio_secret_protocol::check::Checked;

use crate::check::{Values, check};
use crate::error::{ConfigError, Unreadable};
use crate::finding::limited;
use crate::parsed::Parsed;
use crate::references::References;
use crate::source_map::Location;
use crate::template::Template;

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

    /// The names in all references, even in those that a fault of the file makes ineffective: a template without
    /// a declaration, or a declaration without `apiVersion`.
    ///
    /// # Errors
    ///
    /// As for [`references`](Self::references).
    pub fn mentions(&self) -> Result<BTreeSet<SecretName>, &ConfigError> {
        let parsed = self.0.as_ref().map_err(|unreadable| &unreadable.error)?;
        let references = parsed.listed.iter().chain(&parsed.by_map).map(|(name, _)| name);
        let templates = parsed.templates.iter().filter_map(Template::lookup);
        Ok(references.chain(templates).cloned().collect())
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

#[cfg(test)]
mod tests {
    use super::Document;

    #[test]
    fn a_reference_with_a_fault_is_mentioned() {
        let mentioned = |text: &str| -> Vec<_> {
            let document = Document::read(text.as_bytes());
            let names = document.mentions().expect("YAML");
            names.iter().map(ToString::to_string).collect()
        };
        let text = "\
meta: {name: c, secrets: [{name: B}, {name: A}]}
http: {x: {secret: {name: C}}, y: \"${{ secrets.D }}\", z: '${{ secrets[\"A\"] }}'}
";
        assert_eq!(mentioned(text), ["A", "B", "C", "D"]);
        let names = Document::read(text.as_bytes()).references().expect("YAML").names.clone();
        assert_eq!(names, ["C".parse().expect("a name")]);
        assert!(mentioned("a: secret\n").is_empty());
        assert!(Document::read(b"a: [").mentions().is_err());
    }
}
