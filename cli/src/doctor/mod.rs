//! What is right here and what is not, and the command that mends it.
//!
//! * [`programs`]: our programs, Fluvio's, and who stands in front of whom
//! * [`modes`]: whose the folders are
//! * [`writing`]: whether files can be made there
//! * [`git`]: whether git tracks a key
//! * [`daemon`]: the settings, and the daemon
//! * [`vault`]: the secrets, and the identity
//! * [`history`]: their earlier versions
//! * [`memory`]: where values are in memory, and what may take them from there
//! * [`units`]: what systemd starts
//! * [`project`]: files with secrets in plain text
//! * [`machine`]: the machine that is looked at, which in tests is another one
//! * [`report`](mod@report): the text for the report of a bug
//!
//! A look changes nothing, apart from a file that `writing` makes and removes at once. It judges facts that it is given or reads below the root of a
//! [`machine::Machine`]. So tests make each message appear.

mod daemon;
mod git;
mod history;
mod machine;
mod memory;
mod modes;
mod programs;
mod project;
mod report;
mod units;
mod vault;
mod writing;

use std::path::Path;

use fluvio_secret_protocol::{GetStatus, connect_or_start};
use fluvio_secret_system::places::Places;
use fluvio_secret_system::printable;
use serde::Serialize;

pub(crate) use self::machine::Machine;
pub(crate) use self::report::report;

/// What is looked at, in this order.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Look {
    /// The three programs, and their releases.
    Programs,
    /// Fluvio's `cdk`.
    Cdk,
    /// Our link in front of it.
    Shim,
    /// Fluvio's `fluvio`.
    Fluvio,
    /// Whether `fluvio` shows us.
    Extension,
    /// Owners and modes of the folders and the identity.
    Modes,
    /// Whether files can be made in the directories.
    Writing,
    /// Whether git tracks a key, or would add one.
    Git,
    /// The settings file.
    Settings,
    /// The socket, and who serves it.
    Daemon,
    /// The secrets.
    Vault,
    /// Their earlier versions.
    History,
    /// The key that opens them.
    Identity,
    /// Whom secrets are sealed to.
    Recipients,
    /// A file system in memory for leases.
    Leases,
    /// What becomes of leases at the last logout.
    Logout,
    /// How much memory may be locked.
    Memory,
    /// Where memory is swapped to.
    Swap,
    /// Units of systemd.
    Units,
    /// Files with secrets in plain text.
    Project,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Condition {
    Right,
    /// It may be meant so.
    Note,
    Wrong,
}

/// What a look found.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Found {
    pub(crate) look: Look,
    #[serde(rename = "state")]
    pub(crate) condition: Condition,
    pub(crate) text: String,
    /// The command that mends it, where one does.
    pub(crate) mend: Option<String>,
}

impl Look {
    /// Its word, which `-O json` has too.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Programs => "programs",
            Self::Cdk => "cdk",
            Self::Shim => "shim",
            Self::Fluvio => "fluvio",
            Self::Extension => "extension",
            Self::Modes => "modes",
            Self::Writing => "writing",
            Self::Git => "git",
            Self::Settings => "settings",
            Self::Daemon => "daemon",
            Self::Vault => "vault",
            Self::History => "history",
            Self::Identity => "identity",
            Self::Recipients => "recipients",
            Self::Leases => "leases",
            Self::Logout => "logout",
            Self::Memory => "memory",
            Self::Swap => "swap",
            Self::Units => "units",
            Self::Project => "project",
        }
    }

    fn right(self, text: impl Into<String>) -> Found {
        self.found(Condition::Right, text.into())
    }

    fn note(self, text: impl Into<String>) -> Found {
        self.found(Condition::Note, text.into())
    }

    fn wrong(self, text: impl Into<String>) -> Found {
        self.found(Condition::Wrong, text.into())
    }

    fn found(self, condition: Condition, text: String) -> Found {
        Found { look: self, condition, text, mend: None }
    }

    /// An error is wrong; the command at its end, as our errors have it, is what mends it.
    fn wrong_by(self, error: &dyn std::error::Error) -> Found {
        let text = error.to_string();
        let ending = text
            .rsplit_once(" with: ")
            .and_then(|(said, command)| Some((said.rsplit_once("; ")?.0, command)));
        match ending {
            Some((said, command)) => self.wrong(said).mended_by(command),
            None => self.wrong(text),
        }
    }
}

impl Condition {
    /// Its word, which `-O json` has too.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Note => "note",
            Self::Wrong => "wrong",
        }
    }
}

impl Found {
    fn mended_by(self, command: impl Into<String>) -> Self {
        Self { mend: Some(command.into()), ..self }
    }

    /// What is told to people. Paths of others may be in it, and it goes to a terminal.
    pub(crate) fn line(&self) -> String {
        let line = match &self.mend {
            Some(mend) => format!("{}; mend it with: {mend}", self.text),
            None => self.text.clone(),
        };
        printable::line(&line)
    }
}

/// Looks at everything. Starts a daemon when none runs: whether one can be is the question.
pub(crate) fn look(machine: &Machine, places: &Places) -> Vec<Found> {
    let mut found = programs::look(machine, places);
    found.extend(modes::look(machine, places));
    let connected = connect_or_start(&places.state)
        .and_then(|mut client| Ok((client.call(GetStatus)?, client)));
    let status = connected.as_ref().ok().map(|(status, _)| status.clone());
    // A daemon that has started has made its directories.
    found.extend(writing::look(machine, places));
    found.extend(git::look(machine, places));
    found.extend(daemon::settings(places, status.as_ref()));
    found.extend(daemon::daemon(connected.as_ref().map(|(status, _)| status), places));
    if let Ok((status, mut client)) = connected {
        found.extend(vault::look(&mut client, &status));
        found.extend(history::look(places, Path::new(&status.vault)));
    }
    found.extend(memory::look(machine, status.map(|status| status.pid)));
    found.extend(units::look(machine));
    found.extend(project::look(machine));
    found
}

#[cfg(test)]
mod tests {
    use super::{Condition, Look};

    #[test]
    fn the_command_at_the_end_of_an_error_is_what_mends_it() {
        let of = |text: &str| {
            let found = Look::Daemon.wrong_by(&std::io::Error::other(text.to_owned()));
            assert_eq!(found.condition, Condition::Wrong);
            (found.text.clone(), found.mend)
        };
        let (text, mend) = of("others may use /x (mode 0755); mend it with: chmod 0700 '/x'");
        assert_eq!(text, "others may use /x (mode 0755)");
        assert_eq!(mend.as_deref(), Some("chmod 0700 '/x'"));
        assert_eq!(of("it hangs; end it").1, None);
        assert_eq!(of("it begins with: nothing").0, "it begins with: nothing");
    }
}
