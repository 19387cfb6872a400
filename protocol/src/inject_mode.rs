use serde::{Deserialize, Serialize};

/// How secrets reach a connector.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum InjectMode {
    /// As a file if all values fit into one, else as environment variables.
    #[default]
    Auto,
    /// As one variable each.
    Env,
    /// As a file.
    File,
}

impl InjectMode {
    /// The mode that a word names.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "auto" => Some(Self::Auto),
            "env" => Some(Self::Env),
            "file" => Some(Self::File),
            _ => None,
        }
    }

    /// The word that names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Env => "env",
            Self::File => "file",
        }
    }
}
