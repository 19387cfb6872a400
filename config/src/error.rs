//! Why a configuration can't be read, as an error for programs and as findings for people.

use fluvio_secret_protocol::check::Finding;
use fluvio_secret_protocol::{BadName, limits};

use crate::finding;
use crate::path::Path;
use crate::source_map::Location;
use crate::yaml::{self, YamlError};

/// Why a configuration can't be read as a connector reads it. It names places, never a scalar: the
/// parser's own messages quote what they found.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// A secret's name that Fluvio refuses.
    #[error("{path} in the configuration: {why}")]
    BadName {
        /// The keys above it.
        path: String,
        /// What Fluvio refuses about it.
        why: BadName,
    },
    /// `meta.secrets` has another form.
    #[error("the configuration's `meta.secrets` is not a list of `- name: NAME`")]
    BadSecrets,
    /// It would take too much memory.
    #[error(
        "the configuration expands to more than {} bytes (each use of an alias counts)",
        yaml::UNFOLDED_BYTES
    )]
    Budget,
    /// It would take too much time.
    #[error("the configuration has more than {most} nested brackets", most = yaml::OPEN_BRACKETS)]
    Deep,
    /// It references more secrets than a grant has.
    #[error("the configuration references {0} secrets, and the maximum is {most}", most = limits::GRANT_NAMES)]
    Many(usize),
    /// Invalid UTF-8.
    #[error("the configuration is not UTF-8")]
    NotUtf8,
    /// Invalid YAML.
    #[error(
        "connectors cannot read this YAML, at line {line}, column {column} of the configuration"
    )]
    NotYaml {
        /// The line, beginning with 1.
        line: usize,
        /// The column in that line, beginning with 1.
        column: usize,
    },
}

impl ConfigError {
    /// A bad name at these keys, which are cut where they would fill the screen.
    pub(crate) fn bad_name(path: &Path, why: BadName) -> Self {
        const PATH_CHARS: usize = 120;
        let path = path.to_string();
        let path = match path.char_indices().rev().nth(PATH_CHARS) {
            Some((at, _)) => format!("`\u{2026}{}`", &path[at..]),
            None => format!("`{path}`"),
        };
        Self::BadName { path, why }
    }

    /// The finding that this error is, where no parser has to explain it.
    pub(crate) fn finding(&self, place: Location) -> Finding {
        let (code, text, remedy) = match self {
            Self::BadName { why, .. } => (
                "bad-name",
                format!("this is not the name of a secret: {why}"),
                "use only letters, digits and _, here and where you set the secret",
            ),
            Self::BadSecrets => (
                "bad-secrets",
                "`meta.secrets` is not a list of names, and the connector refuses the file"
                    .to_owned(),
                "write each secret as `- name: NAME` below `secrets:`",
            ),
            Self::Budget | Self::Deep => {
                ("too-large", self.to_string(), "use fewer aliases and brackets")
            }
            Self::Many(_) => ("too-many", self.to_string(), "reference fewer secrets"),
            Self::NotUtf8 => (
                "not-utf-8",
                "the file is not UTF-8, so connectors cannot read it".to_owned(),
                "save it as UTF-8",
            ),
            Self::NotYaml { .. } => (
                "no-yaml",
                "connectors cannot read this YAML".to_owned(),
                "check this line and the one before it: indentation, quotes, colons",
            ),
        };
        finding::error(code, place, text, remedy)
    }
}

impl From<&YamlError> for ConfigError {
    fn from(error: &YamlError) -> Self {
        match error {
            YamlError::Budget => Self::Budget,
            YamlError::Deep => Self::Deep,
            YamlError::Syntax(error) => {
                let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
                Self::NotYaml { line, column }
            }
        }
    }
}

/// A configuration without references, because it can't be read.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) error: ConfigError,
    /// What is wrong, at least one.
    pub(crate) findings: Vec<Finding>,
}

impl Unreadable {
    /// An error that no parser has to explain.
    pub(crate) fn at(place: Location, error: ConfigError) -> Self {
        let findings = vec![error.finding(place)];
        Self { error, findings }
    }
}
