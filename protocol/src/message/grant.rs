//! The values of the secrets that a configuration references.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::check::Checked;
use crate::parts::named;
use crate::{InjectMode, Secret, SecretName, limits};

/// Deliver the values of the secrets that a configuration references.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The configuration's path, for the audit log. The daemon never opens it.
    pub label: String,
    /// The program that gets the values, for the audit log.
    pub program: String,
    /// Whether to answer by `checked` if the connector would not start.
    pub check: bool,
    /// The identity's file that the client's environment names. A daemon that uses another one refuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The configuration's bytes, at most [`limits::CONFIG_BYTES`].
    #[serde(skip)]
    pub config: Zeroizing<Vec<u8>>,
}

/// The values of exactly the referenced secrets.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Granted {
    /// The connector's name, as the configuration has it. `None` also if it has more than
    /// [`limits::LABEL_BYTES`], with which no connector starts.
    pub connector: Option<String>,
    /// The user's setting, for a client that was not passed another mode.
    pub inject: InjectMode,
    /// The secrets, in alphabetical order of their names.
    #[serde(rename = "names", with = "named")]
    pub secrets: Vec<(SecretName, Secret)>,
    /// For people: which secrets the vault does not have, so that they are of the personal one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the configuration: people write values into them.
        let Self { label, program, check, .. } = self;
        let mut printed = f.debug_struct("Grant");
        printed.field("label", label).field("program", program).field("check", check).finish()
    }
}

messages! {
    Grant = "grant" [config: limits::CONFIG_BYTES]
        where |grant| {
            let labels = [&grant.label, &grant.program].into_iter().chain(&grant.identity);
            labels.map(String::len).all(|bytes| bytes <= limits::LABEL_BYTES)
        }
        => Result<Granted, Checked>, Reads;
    Granted = "granted" [secrets: limits::VALUE_BYTES];
}
