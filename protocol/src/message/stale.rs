//! Running connectors that may have an earlier value of a secret.

use serde::{Deserialize, Serialize};

use super::lease::HeldLease;
use super::status::ListedGrant;
use crate::{SecretName, limits};

/// Report the running connectors that may have an earlier value of a secret.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GetStale {
    /// The secrets, at most [`limits::GRANT_NAMES`]; all if this is empty.
    pub names: Vec<SecretName>,
}

/// These connectors, without those that restart because of the change.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Stale {
    /// Running processes, newest first; at most [`limits::LISTED_GRANTS`].
    pub holders: Vec<ListedGrant>,
    /// Leases that are held, newest first; at most [`limits::LISTED_GRANTS`].
    pub leases: Vec<HeldLease>,
}

messages! {
    GetStale = "stale" where |stale| stale.names.len() <= limits::GRANT_NAMES => Stale, Reads;
    Stale = "stale";
}
