//! The daemon itself: its state, its last grants, and how it stops.

use serde::{Deserialize, Serialize};

/// Report the number of secrets and the last grants.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct GetActivity;

/// The number of secrets and the last grants.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Activity {
    /// The number of secrets; `None` if the vault's disk does not answer.
    pub secrets: Option<usize>,
    /// The last grants of this daemon, newest first; at most [`crate::limits::LISTED_GRANTS`].
    pub grants: Vec<ListedGrant>,
}

/// A grant, as its client described it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListedGrant {
    /// When it was made, in seconds since 1970 (UTC).
    pub at: i64,
    /// The process that requested it, and then became the connector.
    pub pid: i32,
    /// The program, cut to [`crate::limits::LISTED_LABEL_BYTES`].
    pub program: String,
    /// The configuration's path, cut likewise.
    pub config: String,
    /// The number of secrets that it delivered.
    pub secrets: usize,
    /// Whether that process still runs; `None` if that cannot be known.
    pub running: Option<bool>,
    /// Whether it runs with an earlier value of a secret, as far as that is known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
    /// The directory of the vault with the secrets; `None` for the personal one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<String>,
}

/// Report the daemon's state.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct GetStatus;

/// The daemon's state.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// Whether the vault and the identity were checked for this. Otherwise their disk did not answer
    /// within a second, and this is the last known state.
    pub is_current: bool,
    /// The daemon's version, like `0.1.0`.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// When it started to serve, in seconds since 1970 (UTC).
    pub since: i64,
    /// The vault's directory.
    pub vault: String,
    /// The identity's file.
    pub identity: String,
    /// Whether you have to type a passphrase before a secret can be decrypted.
    pub locked: bool,
    /// When the vault locks by itself, in seconds since 1970 (UTC). `None` while it is locked, or if it
    /// never does.
    pub unlocked_until: Option<i64>,
    /// The user's settings that it was started with, as `fluvio-secretd --settings` prints them.
    pub settings: String,
    /// The file with the passphrase that the service manager passed to the daemon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// The part of [`Status`] that says what a slow request waits for. The shim knows only this part, which keeps it
/// small.
#[derive(Debug, Deserialize, Serialize)]
pub struct VaultStatus {
    /// As in [`Status`].
    pub is_current: bool,
    /// As in [`Status`].
    pub vault: String,
}

/// Finish the current requests, and stop. Understood in every version of the protocol.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Stop;

/// The daemon stops; it has stopped when it closes the connection.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Stopping;

messages! {
    Activity = "activity";
    GetActivity = "activity" => Activity, Checks;
    GetStatus = "status" => Status, Checks, needs_vault: false;
    Status = "status";
    Stop = "stop" => Stopping, Memory, needs_vault: false;
    Stopping = "stopping";
    VaultStatus = "status";
}
