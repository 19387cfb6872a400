//! A line of the audit log: the daemon writes it, and the command line reads it.
//!
//! docs/VAULT.md describes the file.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::SecretName;

/// Where a full log is put.
#[must_use]
pub fn put_aside(log: &Path) -> PathBuf {
    let mut name = log.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

/// What happened: one delivery, or one change. Written before it happens.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Line {
    /// When, in RFC 3339 with milliseconds, in UTC.
    pub time: String,
    /// What: `set`, `delete`, `purge`, `restore`, `rename`, `copy`, `grant`, `lease`, `update-lease`, `lock`,
    /// `unlock`, `passphrase`, `rotate`, `retire` or `use-identity`. About members and vaults: `add-member`,
    /// `admit-members`, `remove-member`, `merge-members`, `request-membership`, `take-document`, `join-topic`,
    /// `init-vault`, `trust-vault`, `move-vault` or `forget-vault`. One that a reader does not know is of a newer release.
    pub event: String,
    /// The process that asked for it.
    pub pid: i32,
    /// The program that it was for, if the client named it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub program: String,
    /// The configuration's path, if the client named it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub config: String,
    /// The names of the process that asked and of those that it descends from, for a delivery. Programs choose
    /// their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked_by: Vec<String>,
    /// The directory of the vault, if it is not the personal one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub vault: String,
    /// The recipients that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<String>,
    /// The secrets; of a `rename` or `copy` the old name and the new one.
    pub names: Vec<SecretName>,
}
