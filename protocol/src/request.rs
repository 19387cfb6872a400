use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::frame::{FrameError, Limits, Message};
use crate::{Secret, SecretName, limits};

/// What a client asks of the daemon.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Remove a secret; what it was goes to the history.
    Delete(Delete),
    /// Give the values of the secrets that a configuration references.
    Grant(Grant),
    /// Tell the names and dates of all secrets, in pages.
    List,
    /// Keep a value under a name.
    Set(Set),
    /// Tell how the daemon is.
    Status,
    /// Finish what was begun, and end. Understood in every version of the protocol.
    Stop,
}

/// Remove a secret.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Delete {
    /// Which.
    pub name: SecretName,
}

/// Give the values of the secrets that a configuration references.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The configuration's path as the client was given it: for the audit log, never opened.
    pub label: String,
    /// The program that will get the values: for the audit log.
    pub program: String,
    /// The configuration's bytes, at most [`limits::CONFIG_BYTES`]. Travels as the frame's one part.
    #[serde(skip)]
    pub config: Zeroizing<Vec<u8>>,
}

/// Keep a value under a name.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// The name.
    pub name: SecretName,
    /// The value, at most [`limits::VALUE_BYTES`]. Travels as the frame's one part.
    #[serde(skip)]
    pub value: Secret,
}

impl Message for Request {
    const LIMITS: Limits =
        Limits { parts: 1, part: limits::VALUE_BYTES, total: limits::VALUE_BYTES };

    fn parts(&self) -> Vec<&[u8]> {
        match self {
            Self::Grant(grant) => vec![&grant.config],
            Self::Set(set) => vec![set.value.expose()],
            Self::Delete(_) | Self::List | Self::Status | Self::Stop => Vec::new(),
        }
    }

    fn take_parts(&mut self, parts: Vec<Zeroizing<Vec<u8>>>) -> Result<(), FrameError> {
        match self {
            Self::Grant(grant) => {
                let [config] = <[_; 1]>::try_from(parts).map_err(|_| FrameError::Parts)?;
                let labels = [&grant.label, &grant.program];
                if config.len() > limits::CONFIG_BYTES
                    || labels.iter().any(|label| label.len() > limits::LABEL_BYTES)
                {
                    return Err(FrameError::Large);
                }
                grant.config = config;
            }
            Self::Set(set) => {
                let [value] = <[_; 1]>::try_from(parts).map_err(|_| FrameError::Parts)?;
                set.value = Secret::new(value);
            }
            Self::Delete(_) | Self::List | Self::Status | Self::Stop if !parts.is_empty() => {
                return Err(FrameError::Parts);
            }
            Self::Delete(_) | Self::List | Self::Status | Self::Stop => {}
        }
        Ok(())
    }
}
