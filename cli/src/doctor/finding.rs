//! What a check of `doctor` finds.

use fluvio_secret_protocol::{ClientError, SecretName};
use fluvio_secret_system::printable;
use serde::Serialize;

use crate::format;

use super::fix::{Fix, cause_and_fix, names_in};

/// The most faults of a kind that have a line of their own.
pub(super) const MOST_FINDINGS: usize = 16;

/// The checks, in the order in which they are printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DoctorCheck {
    Programs,
    Cdk,
    /// Our link that wraps it.
    Shim,
    Fluvio,
    Extension,
    Modes,
    Writing,
    /// Whether git tracks a key, or would add one.
    Git,
    Settings,
    Daemon,
    Vault,
    History,
    Identity,
    Recipients,
    /// A file system in memory for leases.
    Leases,
    /// What happens to leases at the last logout.
    Logout,
    Memory,
    Swap,
    Units,
    /// Files with secrets in plain text.
    Project,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Condition {
    Ok,
    /// It may be intended.
    Warning,
    Error,
}

/// One line of `doctor`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Diagnosis {
    pub(crate) check: DoctorCheck,
    #[serde(rename = "state")]
    pub(crate) condition: Condition,
    pub(crate) text: String,
    pub(crate) fix: Option<Fix>,
    /// The secrets that the line names. A report leaves them out.
    #[serde(skip)]
    pub(crate) names: Vec<SecretName>,
}

impl DoctorCheck {
    /// Its word, as in JSON.
    pub(crate) fn word(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    pub(super) fn ok(self, text: impl Into<String>) -> Diagnosis {
        self.found(Condition::Ok, text.into())
    }

    pub(super) fn warning(self, text: impl Into<String>) -> Diagnosis {
        self.found(Condition::Warning, text.into())
    }

    pub(super) fn error(self, text: impl Into<String>) -> Diagnosis {
        self.found(Condition::Error, text.into())
    }

    /// An error of the daemon, or on the way to it.
    pub(super) fn failed(self, error: &ClientError) -> Diagnosis {
        let (cause, fix) = cause_and_fix(error);
        // Elsewhere a word in backticks is not the name of a secret.
        let names = if self == Self::Vault { names_in(&error.to_string()) } else { Vec::new() };
        Diagnosis { fix, ..self.error(cause).naming(names) }
    }

    fn found(self, condition: Condition, text: String) -> Diagnosis {
        Diagnosis { check: self, condition, text, fix: None, names: Vec::new() }
    }
}

impl Condition {
    /// Its word, as in JSON.
    pub(crate) fn word(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

impl Diagnosis {
    pub(super) fn fixed_by(self, fix: Fix) -> Self {
        Self { fix: Some(fix), ..self }
    }

    pub(super) fn naming(mut self, names: impl IntoIterator<Item = SecretName>) -> Self {
        self.names.extend(names);
        self
    }

    pub(super) fn command(&self) -> Option<&str> {
        self.fix.as_ref().map(Fix::as_str)
    }

    /// The line. It goes to a terminal, and may have paths of other users in it.
    pub(crate) fn line(&self) -> String {
        let text = format::shorten(&self.text);
        let line = match self.command() {
            Some(fix) => format!("{text}; fix it with: {fix}"),
            None => text,
        };
        printable::line(&line)
    }
}
