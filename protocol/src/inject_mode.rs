use serde::{Deserialize, Serialize};

/// Which way secrets go to a connector.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum InjectMode {
    /// As a file where all values fit into one, else by the environment.
    #[default]
    Auto,
    /// As one variable each.
    Env,
    /// As a file.
    File,
}

impl InjectMode {
    /// The way that a word names.
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
