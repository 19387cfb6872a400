//! The values of secrets as a file, while a process holds the lease.

use serde::{Deserialize, Serialize};

use super::call::{Call, Paged, Worker};
use super::check::Checked;
use super::grant::Grant;
use crate::{SecretName, limits};

/// Write the values of the secrets that a configuration references to a file in memory.
///
/// The file exists while the connection does, or a process holds the lease.
#[derive(Debug, Deserialize, Serialize)]
pub struct CreateLease(pub Grant);

/// A lease was created if there was anything to lease.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Leased {
    /// The connector's name, as the configuration has it.
    pub connector: Option<String>,
    /// `None` if the configuration references no secret.
    pub lease: Option<Lease>,
    /// As in [`Granted`](crate::Granted).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Where a lease is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// Its id.
    pub id: String,
    /// The secrets file's path.
    pub secrets: String,
    /// The FIFO's path. A process that has its write end open holds the lease, which the daemon checks
    /// after the connection has ended.
    pub hold: String,
}

/// Remove a lease, even if it is held.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EndLease {
    /// Its id, at most [`limits::LEASE_ID_BYTES`].
    pub id: String,
}

/// The lease is removed.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct LeaseEnded;

/// List all leases, the oldest first.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct ListLeases;

/// One lease of all.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Leases {
    /// `None` if there is no lease.
    pub lease: Option<ListedLease>,
    /// Whether another one follows.
    pub more: bool,
}

/// A lease, as its client described it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListedLease {
    /// Its id.
    pub id: String,
    /// When it was created, in seconds since 1970 (UTC).
    pub since: i64,
    /// The connector's name, as the configuration has it; cut like the configuration's path.
    pub connector: Option<String>,
    /// The configuration's path, cut to [`limits::LISTED_LABEL_BYTES`].
    pub config: String,
    /// Its secrets.
    pub names: Vec<SecretName>,
    /// The FIFO's path: a process that has it open holds the lease.
    pub hold: String,
    /// Places in `names`: the connector has an earlier value of these, and only a restart helps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<usize>,
    /// Places in `names`: the connector was started with an earlier value of these, and the secrets file has the
    /// current one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub updated: Vec<usize>,
    /// The directory of the vault with the secrets; `None` for the personal one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<String>,
}

/// A lease that has an earlier value of a secret.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HeldLease {
    /// The lease's id.
    pub id: String,
    /// The end of the connector's name, if that is known.
    pub connector: Option<String>,
    /// The end of the configuration's path.
    pub config: String,
    /// Whether its secrets file has the current values, which the connector may read again or not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub updated: bool,
}

messages! {
    CreateLease = "lease" [0.config: limits::CONFIG_BYTES] where |lease| lease.0.is_within_limits()
        => Result<Leased, Checked>, Reads;
    EndLease = "end-lease" where |end| end.id.len() <= limits::LEASE_ID_BYTES
        => LeaseEnded, Memory, needs_vault: false;
    LeaseEnded = "lease-ended";
    Leased = "leased";
    Leases = "leases", last if |leases| !leases.more;
    ListLeases = "leases";
}

impl Call for ListLeases {
    type Answer = Leases;
    const WORKER: Worker = Worker::Memory;
    const NEEDS_VAULT: bool = false;

    fn is_repeatable(&self) -> bool {
        true
    }
}

impl Paged for Leases {
    type Item = ListedLease;

    fn into_items(self) -> Vec<ListedLease> {
        self.lease.into_iter().collect()
    }
}
