//! Changes of the secrets that a configuration references.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{SecretName, limits};

/// Report the secrets that a configuration references, and then each change of them.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    /// The configuration's bytes, at most [`limits::CONFIG_BYTES`].
    #[serde(skip)]
    pub config: Zeroizing<Vec<u8>>,
}

/// Subscribed secrets: first all of them, then those that changed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Subscribed {
    /// At most [`limits::GRANT_NAMES`].
    pub secrets: Vec<SecretFingerprint>,
    /// Whether changes by other programs are noticed by polling, because the system does not report
    /// them.
    pub polled: bool,
}

/// A secret, and a fingerprint that changes with its encrypted file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SecretFingerprint {
    /// Its name.
    pub name: SecretName,
    /// The hash of the encrypted bytes, the same from each daemon; `None` while the secret does not
    /// exist. It reveals nothing about the value.
    pub fingerprint: Option<u64>,
    /// Whether the value is known to be that of the last fingerprint: it was set to the same again, or
    /// re-encrypted.
    pub is_same: bool,
}

impl fmt::Debug for Subscribe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the configuration: people write values into them.
        f.debug_struct("Subscribe").finish_non_exhaustive()
    }
}

messages! {
    Subscribe = "subscribe" [config: limits::CONFIG_BYTES] => Subscribed, Reads;
    Subscribed = "subscribed", last if |_| false;
}
