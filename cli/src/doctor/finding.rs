//! What a check of `doctor` finds.

use fluvio_secret_protocol::{ClientError, SecretName};
use fluvio_secret_system::help::{Help, Helpful};
use fluvio_secret_system::printable;
use serde::Serialize;

use crate::format;

use super::fix::{Fix, names_in};

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
    Members,
    /// The vaults of projects.
    Vaults,
    /// The replication of vaults over topics.
    Sync,
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
    /// What you can do about it; what `fix` does, if it has one.
    pub(crate) advice: Option<String>,
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
        let cause = error.to_string();
        // Elsewhere a word in backticks is not the name of a secret.
        let names = if self == Self::Vault { names_in(&cause) } else { Vec::new() };
        let found = self.error(cause).naming(names);
        match error.help() {
            Some(help) => found.helped_by(help),
            None => found,
        }
    }

    fn found(self, condition: Condition, text: String) -> Diagnosis {
        Diagnosis { check: self, condition, text, advice: None, fix: None, names: Vec::new() }
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

    pub(super) fn advising(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }

    pub(super) fn helped_by(self, help: Help) -> Self {
        let fix = help.command.map(Fix::new);
        Self { fix, ..self.advising(help.advice) }
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
        printable::line(&format::shorten(&self.text))
    }

    /// The line below it, if there is something to do.
    pub(crate) fn help_line(&self) -> Option<String> {
        let line = match (self.advice.as_deref(), self.command()) {
            (None, None) => return None,
            (Some(advice), None) => format!("help: {advice}"),
            (advice, Some(fix)) => format!("help: {}: {fix}", advice.unwrap_or("fix it with")),
        };
        Some(printable::line(&line))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use fluvio_secret_protocol::{ClientError, Code, Refusal, StartError};
    use fluvio_secret_system::help::Helpful;
    use fluvio_secret_system::places::PlaceError;
    use fluvio_secret_system::private::PrivateError;

    use super::DoctorCheck;

    #[test]
    fn the_command_of_an_error_is_whole_whatever_a_path_in_it_is() {
        for path in ["/s", "/it's", "/a with: b", "/a\nhelp: chmod 0700 /", "/a with: 'b"] {
            let quoted = format!("'{}'", path.replace('\'', "'\\''"));
            let wide = PrivateError::Wide { path: PathBuf::from(path), mode: 0o755, wanted: 0o700 };
            let place = PlaceError::from(wide);
            let (reason, help) = (place.to_string(), place.help());
            let cause = format!("others may use {path} (mode 0755)");
            let command = format!("chmod 0700 {quoted}");
            let found = DoctorCheck::Daemon.failed(&ClientError::Place(place));
            assert_eq!((&found.text, found.command()), (&cause, Some(&*command)), "{path}");
            let failed = ClientError::Start(StartError::Failed { reason, help });
            let found = DoctorCheck::Daemon.failed(&failed);
            assert!(found.text.ends_with(&cause), "{path}: {}", found.text);
            assert_eq!(found.command(), Some(&*command), "{path}");
            let next = format!("remove it with: rm {quoted}");
            let refused = ClientError::Refused(Refusal::new(Code::Storage, "it is bad", next));
            let found = DoctorCheck::Daemon.failed(&refused);
            let help = format!("help: remove it with: rm {}", quoted.replace('\n', "\u{fffd}"));
            assert_eq!((&*found.text, found.help_line()), ("it is bad", Some(help)), "{path}");
        }
    }

    #[test]
    fn an_error_may_have_no_command() {
        for next in ["", "stop it"] {
            let error = ClientError::Refused(Refusal::new(Code::Storage, "it hangs", next));
            let found = DoctorCheck::Daemon.failed(&error);
            assert_eq!((&*found.text, found.command()), ("it hangs", None));
            assert_eq!(found.advice.as_deref(), Some(next).filter(|next| !next.is_empty()));
        }
    }
}
