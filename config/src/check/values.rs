//! The values of the secrets that a configuration references: whether they are there, and whether
//! anything can carry them to the connector.

use std::fmt;

use fluvio_secret_protocol::check::{
    BY_ENVIRONMENT, DAMAGED_SECRET, Finding, LARGE_VALUES, MISSING_SECRET, OLDER_SECRET,
    PERSONAL_SECRET, UNFIT_VALUE,
};
use fluvio_secret_protocol::fit::{self, Unfit};
use fluvio_secret_protocol::{Secret, SecretName, limits};
use zeroize::Zeroizing;

use crate::finding::{about, error, warning};
use crate::parsed::Parsed;
use crate::source_map::Location;

/// The values of the secrets, as far as they may be checked.
#[derive(Clone, Copy)]
pub enum Values<'a> {
    /// Values are not checked.
    NotAsked,
    /// What a vault has.
    Of(&'a dyn KnownSecrets),
}

impl fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::NotAsked) { "NotAsked" } else { "Of(..)" })
    }
}

/// What a vault has. A function is one whose secrets this machine may set.
pub trait KnownSecrets {
    /// What is known of a secret.
    fn known(&self, name: &SecretName) -> KnownSecret;

    /// The machines on which a secret can be set. Only a finding needs this.
    fn setter(&self) -> Setter {
        Setter::default()
    }
}

impl<F: Fn(&SecretName) -> KnownSecret> KnownSecrets for F {
    fn known(&self, name: &SecretName) -> KnownSecret {
        self(name)
    }
}

/// The machines on which a secret of a vault can be set, for the next steps.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Setter {
    /// This machine, with this option that names the vault, which begins with a space if it is not empty.
    ThisMachine(String),
    /// Other members of the vault.
    Others,
}

impl Default for Setter {
    fn default() -> Self {
        Self::ThisMachine(String::new())
    }
}

impl Setter {
    /// The next step about a secret of this name, like `set it`, and the command for it, like `set`.
    #[must_use]
    pub fn advice(&self, step: &str, command: &str, name: impl fmt::Display) -> String {
        match self {
            Self::ThisMachine(option) => {
                format!("{step} with: fluvio-secret {command} {name}{option}")
            }
            Self::Others => format!("{step} on a machine that may change the vault"),
        }
    }
}

/// What is known of a secret's value.
#[derive(Debug)]
pub enum KnownSecret {
    /// It is there, and can't be read now, for this reason.
    Closed(String),
    /// It is there, and its file is damaged, for this reason.
    Damaged(String),
    /// It is there, and its record is not accepted, for this reason. The next step follows, if it is another one than to
    /// set it again.
    NotAccepted(String, Option<String>),
    /// It is deleted, and the history has an earlier version.
    Deleted,
    /// It is there, and not encrypted for this machine's key. The next step follows.
    ForOthers(String),
    /// It cannot be there: this machine waits to be admitted. The next step follows.
    NotAdmitted(String),
    /// It is missing. The name of another secret may be meant.
    Missing(Option<SecretName>),
    /// It is this, and this machine has seen a later change of it.
    Older(Secret),
    /// It is missing here, and the personal vault has it.
    OnlyPersonal,
    /// It is this, of the personal vault, because the vault does not have it.
    Personal(Secret),
    /// It is this.
    Value(Secret),
}

/// A value that can be part of a text.
pub(super) type TextValue = (SecretName, Zeroizing<String>);

/// What the vault has for a configuration, and what is wrong with it.
#[derive(Default)]
pub(super) struct Carried {
    pub(super) findings: Vec<Finding>,
    /// Why values were not checked, if they were not.
    pub(super) unchecked: Option<String>,
    /// The values, if all are known and UTF-8.
    pub(super) texts: Option<Vec<TextValue>>,
}

/// Reads the values, and finds those that are missing or can't reach the connector.
pub(super) fn find(document: &Parsed<'_>, values: Values<'_>) -> Carried {
    let mut carried = Carried::default();
    let Values::Of(secrets) = values else { return carried };
    let mut texts = Some(Vec::new());
    let mut together = Together::default();
    for name in &document.references.names {
        let text = carried.value_of(document, name, secrets).and_then(|value| {
            carried.findings.extend(together.add(document, name, &value, secrets));
            text_of(&value).filter(|_| together.bytes <= limits::GRANT_BYTES)
        });
        texts = texts.zip(text).map(|(mut texts, text)| {
            texts.push((name.clone(), text));
            texts
        });
    }
    carried.findings.extend(together.findings());
    carried.texts = texts;
    carried
}

impl Carried {
    /// The value of a secret, or what is wrong with it.
    fn value_of(
        &mut self,
        document: &Parsed<'_>,
        name: &SecretName,
        secrets: &dyn KnownSecrets,
    ) -> Option<Secret> {
        let place = || document.place_of(name);
        let set = |step: &str| secrets.setter().advice(step, "set", name);
        match secrets.known(name) {
            KnownSecret::Value(value) => Some(value),
            KnownSecret::Personal(value) => {
                let text = format!(
                    "`{name}` is of your personal vault, because the project's does not have it"
                );
                let remedy = set("set it for the project");
                self.findings.push(about(name, warning(PERSONAL_SECRET, place(), text, remedy)));
                Some(value)
            }
            KnownSecret::Older(value) => {
                let text = format!(
                    "the value of `{name}` is older than the last one that this machine has seen"
                );
                let remedy =
                    set("if that was not intended, get the newest files of the vault, or set it");
                self.findings.push(about(name, warning(OLDER_SECRET, place(), text, remedy)));
                Some(value)
            }
            KnownSecret::Closed(why) => {
                self.unchecked.get_or_insert(why);
                None
            }
            known => {
                let (code, text, remedy) = absence(name, known, &secrets.setter())?;
                self.findings.push(about(name, error(code, place(), text, remedy)));
                None
            }
        }
    }
}

/// Why a secret has no value, and the next step; `None` if it has one.
fn absence(
    name: &SecretName,
    known: KnownSecret,
    setter: &Setter,
) -> Option<(&'static str, String, String)> {
    let set = |step: &str| setter.advice(step, "set", name);
    Some(match known {
        KnownSecret::Damaged(why) => {
            let text = format!("the file of the secret `{name}` is damaged: {why}");
            (DAMAGED_SECRET, text, set("set it again"))
        }
        KnownSecret::NotAccepted(why, next) => {
            let text = format!("the secret `{name}` is not accepted: {why}");
            (DAMAGED_SECRET, text, next.unwrap_or_else(|| set("set it again")))
        }
        KnownSecret::ForOthers(next) => {
            let text = format!("the secret `{name}` is not encrypted for this machine's key");
            (DAMAGED_SECRET, text, next)
        }
        KnownSecret::NotAdmitted(next) => {
            let text =
                format!("the secret `{name}` is not here: this machine waits to be admitted");
            (MISSING_SECRET, text, next)
        }
        KnownSecret::Deleted => {
            let text = format!("the secret `{name}` was deleted");
            (MISSING_SECRET, text, setter.advice("restore it", "restore", name))
        }
        KnownSecret::Missing(Some(like)) => {
            let text = format!("the secret `{name}` is not in the vault, but `{like}` is");
            (MISSING_SECRET, text, set("correct the name, or set it"))
        }
        KnownSecret::Missing(None) => {
            let text = format!("the secret `{name}` is not in the vault");
            (MISSING_SECRET, text, set("set it"))
        }
        KnownSecret::OnlyPersonal => {
            let text =
                format!("only your personal vault has the secret `{name}`, and not the project's");
            (MISSING_SECRET, text, set("set it for the project, too,"))
        }
        KnownSecret::Value(_)
        | KnownSecret::Personal(_)
        | KnownSecret::Older(_)
        | KnownSecret::Closed(_) => return None,
    })
}

fn text_of(value: &Secret) -> Option<Zeroizing<String>> {
    let text = std::str::from_utf8(value.expose()).ok()?;
    Some(Zeroizing::new(text.to_owned()))
}

/// All values go the same way, and in one answer.
#[derive(Default)]
struct Together {
    bytes: usize,
    /// One that a secrets file cannot carry.
    not_by_file: Option<SecretName>,
    not_by_environment: Vec<(SecretName, Location, Unfit)>,
}

impl Together {
    /// Adds a value. One that neither a secrets file nor the environment carries reaches no connector.
    fn add(
        &mut self,
        document: &Parsed<'_>,
        name: &SecretName,
        value: &Secret,
        secrets: &dyn KnownSecrets,
    ) -> Option<Finding> {
        self.bytes += value.len();
        // Only a finding needs the place: each start of a connector comes by here.
        let place = || document.place_of(name);
        let found = match (fit::by_file(value), fit::by_environment(name, value)) {
            (Ok(()), Ok(())) => return None,
            (Ok(()), Err(why)) => {
                self.not_by_environment.push((name.clone(), place(), why));
                return None;
            }
            (Err(by_file), Ok(())) => {
                self.not_by_file.get_or_insert_with(|| name.clone());
                let text = format!(
                    "a secrets file cannot hold `{name}` ({by_file}), so `run` uses environment variables"
                );
                warning(BY_ENVIRONMENT, place(), text, "for cdk, add: --inject env")
            }
            (Err(by_file), Err(by_environment)) => {
                let text = format!(
                    "`{name}` cannot be in a secrets file ({by_file}) or an environment variable ({by_environment})"
                );
                let remedy = secrets.setter().advice("set another value", "set", name);
                error(UNFIT_VALUE, place(), text, remedy)
            }
        };
        Some(about(name, found))
    }

    fn findings(self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(other) = &self.not_by_file {
            findings.extend(self.not_by_environment.iter().map(|(name, place, why)| {
                let text = format!(
                    "a secrets file cannot hold `{other}`, and `{name}` cannot be an environment variable ({why})"
                );
                about(name, error(UNFIT_VALUE, *place, text, "set one of the two to another value"))
            }));
        }
        if self.bytes > limits::GRANT_BYTES {
            // Their size is not part of the message: it would reveal something about the values.
            let text = format!("the secrets have more than {} bytes in total", limits::GRANT_BYTES);
            findings.push(error(
                LARGE_VALUES,
                Location::START,
                text,
                "reference fewer secrets, or smaller ones",
            ));
        }
        findings
    }
}
