//! The identity, which decrypts the vault, and its passphrase.

use serde::{Deserialize, Serialize};

use super::member::Reencrypted;
use crate::parts::announced;
use crate::{Secret, limits};

/// Describe the identity.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct GetKey;

/// What is known of the identity; never the identity itself.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its file.
    pub identity: String,
    /// Its public part; `None` without an identity, or if this machine never decrypted it.
    pub recipient: Option<String>,
    /// Whether it has a passphrase; `None` without an identity.
    pub passphrase: Option<bool>,
    /// Whether there is no identity, although the vault has secrets that need one.
    pub lost: bool,
    /// The retired keys in the file; empty while the vault is locked.
    pub retired: Vec<RetiredKey>,
}

/// A key that was replaced, and decrypts what was encrypted before.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RetiredKey {
    /// Its public part.
    pub recipient: String,
    /// When it was replaced, as the file has it.
    pub date: Option<String>,
}

/// Forget the key that decrypts the vault, until it is unlocked.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Lock;

/// The key is forgotten.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Locked;

/// Set, change or remove the identity's passphrase.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Passphrase {
    /// The passphrase that the identity has, at most [`limits::PASSPHRASE_BYTES`].
    #[serde(rename = "has_old", with = "announced")]
    pub old: Option<Secret>,
    /// The one that it gets; `None` for no passphrase.
    #[serde(rename = "has_new", with = "announced")]
    pub new: Option<Secret>,
}

/// Remove the retired keys, if everything can be decrypted without them.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Retire {
    /// The identity's passphrase, if it has one; at most [`limits::PASSPHRASE_BYTES`].
    #[serde(rename = "has_passphrase", with = "announced")]
    pub passphrase: Option<Secret>,
}

/// Make a new identity, and re-encrypt all secrets to it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// Whether the earlier versions of all secrets are removed instead.
    pub drop_history: bool,
    /// The identity's passphrase, if it has one; at most [`limits::PASSPHRASE_BYTES`]. The new identity
    /// gets it too.
    #[serde(rename = "has_passphrase", with = "announced")]
    pub passphrase: Option<Secret>,
}

/// Decrypt the identity with its passphrase, and keep the key for a while.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Unlock {
    /// How many seconds to keep it; `None` for the user's setting.
    pub seconds: Option<u64>,
    /// The passphrase, at most [`limits::PASSPHRASE_BYTES`].
    #[serde(skip)]
    pub passphrase: Secret,
}

/// The daemon has the key that decrypts the vault.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Unlocked {
    /// Until when, in seconds since 1970 (UTC); `None` if the vault never locks by itself.
    pub until: Option<i64>,
}

/// Replace the identity by one that exists already.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UseIdentity {
    /// An identity file's bytes, at most [`limits::IDENTITY_BYTES`].
    #[serde(skip)]
    pub identity: Secret,
    /// The passphrase of the passed identity, or else of the current one; at most
    /// [`limits::PASSPHRASE_BYTES`]. The new identity gets it too.
    #[serde(rename = "has_passphrase", with = "announced")]
    pub passphrase: Option<Secret>,
}

messages! {
    GetKey = "key" => Key, Reads;
    Key = "key";
    Lock = "lock" => Locked, Locks, needs_vault: false;
    Locked = "locked";
    Passphrase = "passphrase" [old: limits::PASSPHRASE_BYTES, new: limits::PASSPHRASE_BYTES]
        => Key, Keys;
    Retire = "retire" [passphrase: limits::PASSPHRASE_BYTES] => Key, Writes;
    Rotate = "rotate" [passphrase: limits::PASSPHRASE_BYTES] => Reencrypted, Writes;
    Unlock = "unlock" [passphrase: limits::PASSPHRASE_BYTES] => Unlocked, Keys;
    Unlocked = "unlocked";
    UseIdentity = "use-identity"
        [identity: limits::IDENTITY_BYTES, passphrase: limits::PASSPHRASE_BYTES]
        => Reencrypted, Writes;
}
