use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::frame::{FrameError, Limits, Message};
use crate::{Refusal, Secret, SecretName, limits};

/// What the daemon answers.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    /// The secret is removed, durably.
    Deleted,
    /// The values of exactly the referenced secrets.
    Granted(Granted),
    /// One page of the list; the last one says so.
    Listed(Listed),
    /// The request was understood and not carried out.
    Refused(Refusal),
    /// How the daemon is.
    Status(Status),
    /// The daemon ends; it has ended when it closes the connection.
    Stopping,
    /// The value is kept, durably.
    Stored(Stored),
    /// The answer takes longer; the daemon lives.
    Working,
}

/// The values of exactly the referenced secrets.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Granted {
    /// The names, in alphabetical order.
    pub names: Vec<SecretName>,
    /// The value of each name, in the same order. They travel as the frame's parts.
    #[serde(skip)]
    pub values: Vec<Secret>,
}

/// One page of the list, in alphabetical order.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// At most [`limits::PAGE_NAMES`].
    pub secrets: Vec<ListedSecret>,
    /// Whether another page follows.
    pub more: bool,
}

/// What may be known of a secret by anyone who may ask: everything but its value.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListedSecret {
    /// Its name.
    pub name: SecretName,
    /// When it was last set, in seconds since 1970 (UTC).
    pub set_at: i64,
}

/// How the daemon is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// The daemon's release, like `0.1.0`.
    pub release: String,
    /// Its process id.
    pub pid: u32,
    /// Since when it serves, in seconds since 1970 (UTC).
    pub since: i64,
    /// The vault's folder.
    pub vault: String,
    /// The identity's file.
    pub identity: String,
    /// Whether the identity is behind a passphrase.
    pub locked: bool,
}

/// The value is kept.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// When it was set, in seconds since 1970 (UTC).
    pub set_at: i64,
    /// The identity's file, when this was the first use and the identity was made for it.
    pub new_identity: Option<String>,
}

impl Response {
    /// Whether no further frame answers the same request.
    #[must_use]
    pub fn is_last(&self) -> bool {
        !matches!(self, Self::Working | Self::Listed(Listed { more: true, .. }))
    }
}

impl Message for Response {
    fn limits(&self) -> Limits {
        match self {
            Self::Granted(granted) => Limits {
                parts: granted.names.len().min(limits::GRANT_NAMES),
                part: limits::VALUE_BYTES,
                total: limits::GRANT_BYTES,
            },
            _ => Limits::NONE,
        }
    }

    fn parts(&self) -> Vec<&[u8]> {
        match self {
            Self::Granted(granted) => granted.values.iter().map(Secret::expose).collect(),
            _ => Vec::new(),
        }
    }

    fn take_parts(&mut self, parts: Vec<Zeroizing<Vec<u8>>>) -> Result<(), FrameError> {
        match self {
            Self::Granted(granted) if granted.names.len() == parts.len() => {
                granted.values = parts.into_iter().map(Secret::new).collect();
                Ok(())
            }
            Self::Granted(_) => Err(FrameError::Parts),
            _ => Ok(()),
        }
    }
}
