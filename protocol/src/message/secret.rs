//! Secrets and their history.

use serde::{Deserialize, Serialize};

use super::call::{Call, Paged, Worker};
use super::lease::HeldLease;
use super::status::ListedGrant;
use crate::parts::named;
use crate::{Secret, SecretName, limits};

/// Set a value.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// The name.
    pub name: SecretName,
    /// The value, at most [`limits::VALUE_BYTES`].
    #[serde(skip)]
    pub value: Secret,
}

/// The value is set.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// When it was set, in seconds since 1970 (UTC).
    pub set_at: i64,
    /// The identity's file, if this was the first use and created the identity.
    pub new_identity: Option<String>,
    /// Running connectors that have the earlier value; at most [`limits::LISTED_GRANTS`].
    pub holders: Vec<ListedGrant>,
    /// Leases that are held and have the earlier value; at most [`limits::LISTED_GRANTS`].
    pub leases: Vec<HeldLease>,
}

/// Set many values. A name that has its value already is left as it is.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// At most [`limits::GRANT_NAMES`], each name once. The values have at most [`limits::GRANT_BYTES`]
    /// together.
    #[serde(rename = "names", with = "named")]
    pub secrets: Vec<(SecretName, Secret)>,
    /// Whether to replace other values, or to refuse the import.
    pub overwrite: bool,
    /// Whether only to report what each name has.
    pub dry_run: bool,
}

/// What each name of an import had before.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Imported {
    /// In the order of the names.
    pub found: Vec<Found>,
    /// The identity's file, if this was the first use and created the identity.
    pub new_identity: Option<String>,
    /// Running connectors that have a replaced value; at most [`limits::LISTED_GRANTS`].
    pub holders: Vec<ListedGrant>,
    /// Leases that are held and have such a value; at most [`limits::LISTED_GRANTS`].
    pub leases: Vec<HeldLease>,
}

/// What the vault had under a name.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// Nothing.
    Nothing,
    /// Another value, or one that cannot be decrypted.
    Other,
    /// The same value.
    Same,
}

/// Set a new secret to the value of another one.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CopySecret {
    /// The secret with the value.
    pub name: SecretName,
    /// The new name, which no secret and no deleted secret has.
    pub new_name: SecretName,
}

/// The new secret is set, durably.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Copied;

/// Delete a secret.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Delete {
    /// The name.
    pub name: SecretName,
    /// Whether its history is removed too, permanently.
    pub purge: bool,
}

/// The secret is deleted, durably.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Deleted;

/// Find the secrets that cannot be decrypted, without returning values.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Examine {
    /// The secrets to decrypt, at most [`limits::EXAMINED_NAMES`].
    pub names: Vec<SecretName>,
}

/// Those of the secrets that cannot be decrypted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Examined {
    /// In the order of the request.
    pub damaged: Vec<Damaged>,
}

/// A secret that cannot be decrypted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Damaged {
    /// Its name.
    pub name: SecretName,
    /// Why, for people.
    pub why: String,
    /// Whether it is encrypted for other recipients only. There is nothing to repair then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub for_others: bool,
}

/// List the versions of a secret.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// The name.
    pub name: SecretName,
}

/// The versions of a secret.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    /// When the current one was set, in seconds since 1970 (UTC); `None` if the secret is deleted.
    pub present: Option<i64>,
    /// The earlier ones, newest first; at most [`limits::HISTORY_VERSIONS`].
    pub earlier: Vec<Version>,
}

/// An earlier version of a secret.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Its number: a higher one is newer.
    pub version: u64,
    /// When it was set, in seconds since 1970 (UTC).
    pub set_at: i64,
}

/// List the names and dates of all secrets.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct List;

/// List the deleted secrets that can be restored.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct ListDeleted;

/// One page of a list, in alphabetical order.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// At most [`limits::PAGE_NAMES`].
    pub secrets: Vec<ListedSecret>,
    /// Whether another page follows.
    pub more: bool,
}

/// Everything about a secret but its value.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListedSecret {
    /// Its name.
    pub name: SecretName,
    /// When it was last set, in seconds since 1970 (UTC). For a deleted one, when its newest version was set.
    pub set_at: i64,
    /// Whether this machine has seen a later change of it: an older file took its place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub older: bool,
}

/// Give a secret another name, with its history.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RenameSecret {
    /// The name.
    pub name: SecretName,
    /// The new name, which no secret and no deleted secret has.
    pub new_name: SecretName,
}

/// The secret has its new name, durably.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Renamed {
    /// The number of earlier versions that cannot be decrypted, and keep the old name.
    pub left: usize,
    /// Running connectors that were given the secret by its old name; at most [`limits::LISTED_GRANTS`].
    pub holders: Vec<ListedGrant>,
    /// Leases that are held and have it by its old name; at most [`limits::LISTED_GRANTS`].
    pub leases: Vec<HeldLease>,
}

/// Restore an earlier version of a secret.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Restore {
    /// The name.
    pub name: SecretName,
    /// The version; `None` for the newest in the history.
    pub version: Option<u64>,
}

/// An earlier version is the current one, durably.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Restored {
    /// Its number in the history.
    pub version: u64,
    /// When it had been set, in seconds since 1970 (UTC).
    pub set_at: i64,
    /// Running connectors that have the replaced value; at most [`limits::LISTED_GRANTS`].
    pub holders: Vec<ListedGrant>,
    /// Leases that are held and have it; at most [`limits::LISTED_GRANTS`].
    pub leases: Vec<HeldLease>,
}

messages! {
    Copied = "copied";
    CopySecret = "copy" => Copied, Writes;
    Delete = "delete" => Deleted, Writes;
    Deleted = "deleted";
    Examine = "examine" where |examine| examine.names.len() <= limits::EXAMINED_NAMES
        => Examined, Reads;
    Examined = "examined";
    History = "history" => Versions, Reads;
    Import = "import" [secrets: limits::VALUE_BYTES];
    Imported = "imported";
    List = "list" => Listed, Reads;
    ListDeleted = "list-deleted" => Listed, Reads;
    Listed = "listed", last if |listed| !listed.more;
    RenameSecret = "rename" => Renamed, Writes;
    Renamed = "renamed";
    Restore = "restore" => Restored, Writes;
    Restored = "restored";
    Set = "set" [value: limits::VALUE_BYTES] => Stored, Writes;
    Stored = "stored";
    Versions = "versions";
}

impl Call for Import {
    type Answer = Imported;
    const WORKER: Worker = Worker::Writes;

    fn worker(&self) -> Worker {
        if self.dry_run { Worker::Reads } else { Self::WORKER }
    }

    fn is_answered_by(&self, imported: &Imported) -> bool {
        imported.found.len() == self.secrets.len()
    }
}

impl Paged for Listed {
    type Item = ListedSecret;

    fn into_items(self) -> Vec<ListedSecret> {
        self.secrets
    }
}
