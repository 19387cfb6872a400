//! Why a configuration is refused without a look at what it says.

use fluvio_secret_protocol::{BadName, limits};

use crate::path::Path;
use crate::yaml;

/// Why a configuration cannot be read as a connector would read it. Says places (line and column, or
/// the keys that lead there), never a scalar: the parser's own messages quote what they found.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// A name that is none.
    #[error("{path} in the configuration: {why}")]
    BadName {
        /// The keys that lead to it.
        path: String,
        /// Why it is none.
        why: BadName,
    },
    /// `meta.secrets` has another form.
    #[error("the configuration's `meta.secrets` is not a list of `- name: NAME`")]
    BadSecrets,
    /// It would take too much memory.
    #[error(
        "the configuration unfolds to more than {} bytes (aliases count as often as they are used)",
        yaml::BYTES
    )]
    Budget,
    /// It would take too much time.
    #[error("the configuration has more than {most} brackets open at once", most = yaml::BRACKETS)]
    Deep,
    /// It references more secrets than a grant has.
    #[error("the configuration references {0} secrets, and {most} are the most", most = limits::GRANT_NAMES)]
    Many(usize),
    /// It is no text.
    #[error("the configuration is not UTF-8")]
    NotUtf8,
    /// It is no YAML.
    #[error(
        "the configuration is not YAML that a connector reads, at line {line}, column {column}"
    )]
    NotYaml {
        /// Where, beginning with 1.
        line: usize,
        /// Where in that line, beginning with 1.
        column: usize,
    },
}

impl ConfigError {
    /// Keeps the place of the parser's error and drops its text.
    pub(crate) fn not_yaml(error: &serde_yaml::Error) -> Self {
        let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
        Self::NotYaml { line, column }
    }

    /// A name that is none, at these keys, which are cut where they would fill the screen.
    pub(crate) fn bad_name(path: &Path, why: BadName) -> Self {
        const MOST: usize = 120;
        let path = path.to_string();
        let path = match path.char_indices().rev().nth(MOST) {
            Some((at, _)) => format!("`\u{2026}{}`", &path[at..]),
            None => format!("`{path}`"),
        };
        Self::BadName { path, why }
    }
}
