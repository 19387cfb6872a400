//! Why a configuration can't be parsed, as a refusal for programs and as a finding for people.

use crate::ConfigError;
use crate::path::Place;

/// What is wrong, where, and what fixes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fault {
    pub(crate) error: ConfigError,
    pub(crate) place: Place,
    pub(crate) code: &'static str,
    pub(crate) text: String,
    pub(crate) remedy: String,
}

impl Fault {
    /// The fault that an error is, when no parser has to explain it.
    pub(crate) fn of(error: &ConfigError, place: Place) -> Self {
        let (code, text, remedy) = match error {
            ConfigError::BadName { why, .. } => (
                "bad-name",
                format!("this is no name of a secret: {why}"),
                "use letters, digits and _ only, here and where the secret is set",
            ),
            ConfigError::BadSecrets => (
                "bad-secrets",
                "`meta.secrets` is not a list of names, and the connector refuses the file"
                    .to_owned(),
                "write each secret as `- name: NAME` below `secrets:`",
            ),
            ConfigError::Budget | ConfigError::Deep => {
                ("too-large", error.to_string(), "write out less, with fewer aliases and brackets")
            }
            ConfigError::Many(_) => ("too-many", error.to_string(), "reference fewer secrets"),
            ConfigError::NotUtf8 => (
                "not-utf-8",
                "the file is not UTF-8, and connectors read nothing else".to_owned(),
                "save it as UTF-8",
            ),
            ConfigError::NotYaml { .. } => (
                "no-yaml",
                "connectors can't read this YAML".to_owned(),
                "check this line and the one before it: indentation, quotes, colons",
            ),
        };
        Self { error: error.clone(), place, code, text, remedy: remedy.to_owned() }
    }
}
