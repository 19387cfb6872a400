//! The values of secrets as a file, while a process holds the lease.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::call::{Call, Paged, Worker};
use super::check::Checked;
use super::grant::Grant;
use crate::frame::{FrameError, Message, PartLimits, Parts};
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
}

without_parts! {
    LeaseEnded = "lease-ended";
    Leased = "leased";
    ListLeases = "leases";
}

impl Parts for CreateLease {
    fn limits(&self) -> PartLimits {
        self.0.limits()
    }

    fn parts(&self) -> Vec<&[u8]> {
        self.0.parts()
    }

    fn take_parts(&mut self, parts: Vec<Zeroizing<Vec<u8>>>) -> Result<(), FrameError> {
        self.0.take_parts(parts)
    }
}

impl Message for CreateLease {
    const NAME: &'static str = "lease";
}

impl Call for CreateLease {
    type Answer = Result<Leased, Checked>;
    const WORKER: Worker = Worker::Reads;
}

impl Parts for EndLease {
    fn take_parts(&mut self, _: Vec<Zeroizing<Vec<u8>>>) -> Result<(), FrameError> {
        if self.id.len() > limits::LEASE_ID_BYTES { Err(FrameError::Large) } else { Ok(()) }
    }
}

impl Message for EndLease {
    const NAME: &'static str = "end-lease";
}

impl Call for EndLease {
    type Answer = LeaseEnded;
    const WORKER: Worker = Worker::Memory;
    const NEEDS_VAULT: bool = false;
}

impl Call for ListLeases {
    type Answer = Leases;
    const WORKER: Worker = Worker::Memory;
    const NEEDS_VAULT: bool = false;

    fn is_repeatable(&self) -> bool {
        true
    }
}

impl Parts for Leases {}

impl Message for Leases {
    const NAME: &'static str = "leases";

    fn is_last(&self) -> bool {
        !self.more
    }
}

impl Paged for Leases {
    type Item = ListedLease;

    fn into_items(self) -> Vec<ListedLease> {
        self.lease.into_iter().collect()
    }
}
