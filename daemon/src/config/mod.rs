//! Which secrets a connector's configuration references.
//!
//! * [`budget`]: counts what a parse would hold, before anything is parsed
//! * [`references`](mod@references): the names, as a connector would ask for them
//!
//! This is the only place that knows `serde_yaml`, the parser that connectors use.

mod budget;
mod references;

pub(crate) use references::{References, references};

use fluvio_secret_protocol::{BadName, limits};

/// Why a configuration cannot be read as a connector would read it. Says places (line and column, or
/// the keys that lead there), never a scalar: the parser's own messages quote what they found.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("{path} in the configuration: {why}")]
    BadName { path: String, why: BadName },
    #[error("the configuration's `meta.secrets` is not a list of `- name: NAME`")]
    BadSecrets,
    #[error(
        "the configuration unfolds to more than {} bytes (aliases count as often as they are used)",
        budget::BYTES
    )]
    Budget,
    #[error("the configuration has more than {most} brackets open at once", most = budget::BRACKETS)]
    Deep,
    #[error("the configuration references {0} secrets, and {most} are the most", most = limits::GRANT_NAMES)]
    Many(usize),
    #[error("the configuration is not UTF-8")]
    NotUtf8,
    #[error(
        "the configuration is not YAML that a connector reads, at line {line}, column {column}"
    )]
    NotYaml { line: usize, column: usize },
}

impl ConfigError {
    /// Keeps the place of the parser's error and drops its text.
    fn not_yaml(error: &serde_yaml::Error) -> Self {
        let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
        Self::NotYaml { line, column }
    }
}
