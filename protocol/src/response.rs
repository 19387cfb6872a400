use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::check::Checked;
use crate::frame::{FrameError, Limits, Message};
use crate::{InjectMode, Refusal, Secret, SecretName};

/// What the daemon answers.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    /// How many secrets there are, and what was granted last.
    Activity(Activity),
    /// What is found in a configuration: asked for, or the reason why nothing was granted.
    Checked(Checked),
    /// The secret is removed, durably.
    Deleted,
    /// Those of the secrets that cannot be opened.
    Examined(Examined),
    /// The values of exactly the referenced secrets.
    Granted(Granted),
    /// What each name had before.
    Imported(Imported),
    /// What is known of the identity.
    Key(Key),
    /// The lease is removed.
    LeaseEnded,
    /// The lease is made.
    Leased(Leased),
    /// One lease, or that there is none (more); the last one says so.
    Leases(Leases),
    /// One page of the list; the last one says so.
    Listed(Listed),
    /// The key that opens the vault is forgotten.
    Locked,
    /// To whom secrets are sealed.
    Recipients(Recipients),
    /// The request was understood and not carried out.
    Refused(Refusal),
    /// The vault is sealed anew, durably.
    Resealed(Resealed),
    /// How far it is with that; more follows.
    Resealing(Resealing),
    /// An earlier version is the present one, durably.
    Restored(Restored),
    /// How the daemon is.
    Status(Status),
    /// The daemon ends; it has ended when it closes the connection.
    Stopping,
    /// The value is kept, durably.
    Stored(Stored),
    /// Secrets that are subscribed to: first all of them, then those that changed.
    Subscribed(Subscribed),
    /// The daemon has the key that opens the vault.
    Unlocked(Unlocked),
    /// The versions of a secret.
    Versions(Versions),
    /// The answer takes longer; the daemon lives.
    Working,
}

/// How many secrets there are, and what was granted last.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Activity {
    /// How many secrets the vault has; `None` if its disk does not answer.
    pub secrets: Option<usize>,
    /// The last grants that this daemon made, newest first; at most [`crate::limits::LISTED_GRANTS`].
    pub grants: Vec<ListedGrant>,
}

/// A grant, as far as its client says what it was for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListedGrant {
    /// When it was made, in seconds since 1970 (UTC).
    pub at: i64,
    /// The process that asked for it, and then became the connector.
    pub pid: i32,
    /// The program; cut to [`crate::limits::LISTED_LABEL_BYTES`], as the configuration's path is.
    pub program: String,
    /// The configuration's path.
    pub config: String,
    /// How many secrets it gave.
    pub secrets: usize,
    /// Whether that process still runs; `None` where that cannot be known.
    pub running: Option<bool>,
}

/// Those of the secrets that cannot be opened.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Examined {
    /// In the order in which they were asked for.
    pub damaged: Vec<Damaged>,
}

/// A secret that cannot be opened.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Damaged {
    /// Its name.
    pub name: SecretName,
    /// Why, for people.
    pub why: String,
}

/// What each name of an import had before.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Imported {
    /// In the order of the names.
    pub found: Vec<Found>,
    /// The identity's file, when this was the first use and the identity was made for it.
    pub new_identity: Option<String>,
    /// Running connectors that hold a value that was replaced; at most
    /// [`crate::limits::LISTED_GRANTS`].
    pub holders: Vec<ListedGrant>,
    /// Leases that are held and have such a value; at most [`crate::limits::LISTED_GRANTS`].
    pub leases: Vec<HeldLease>,
}

/// What the vault had under a name.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// Nothing.
    Nothing,
    /// Another value, or one that cannot be opened.
    Other,
    /// The same value.
    Same,
}

/// What is known of the identity; never the identity itself.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its file.
    pub identity: String,
    /// Its public part; `None` when there is none yet, or it is behind a passphrase and was never
    /// known.
    pub recipient: Option<String>,
    /// Whether it has a passphrase; `None` when there is no identity.
    pub passphrase: Option<bool>,
    /// Whether there is no identity, although the vault has secrets that need one.
    pub lost: bool,
}

/// A lease is made, when there was anything to lease.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Leased {
    /// The connector's name, as the configuration has it.
    pub connector: Option<String>,
    /// `None` when the configuration references no secret.
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
    /// The FIFO's path. Who has its write end open holds the lease; the daemon looks at it from when
    /// the connection on which the lease was made has ended.
    pub hold: String,
}

/// One lease of all.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Leases {
    /// `None` when there is none at all.
    pub lease: Option<ListedLease>,
    /// Whether another one follows.
    pub more: bool,
}

/// A lease, as far as its client says what it was for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListedLease {
    /// Its id.
    pub id: String,
    /// Since when it is there, in seconds since 1970 (UTC).
    pub since: i64,
    /// The connector's name, as the configuration has it; cut as the configuration's path is.
    pub connector: Option<String>,
    /// The configuration's path; cut to [`crate::limits::LISTED_LABEL_BYTES`].
    pub config: String,
    /// The secrets in it.
    pub names: Vec<SecretName>,
    /// The FIFO's path: who has it open holds the lease.
    pub hold: String,
}

/// An earlier version is the present one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Restored {
    /// The version that it was in the history.
    pub version: u64,
    /// When it had been set, in seconds since 1970 (UTC).
    pub set_at: i64,
    /// Running connectors that hold what it replaced; at most [`crate::limits::LISTED_GRANTS`].
    pub holders: Vec<ListedGrant>,
    /// Leases that are held and have it; at most [`crate::limits::LISTED_GRANTS`].
    pub leases: Vec<HeldLease>,
}

/// To whom secrets are sealed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Recipients {
    /// Those of the vault in its order, and then those that only this machine has accepted; at most
    /// twice [`crate::limits::RECIPIENTS`].
    pub recipients: Vec<ListedRecipient>,
    /// The file of the vault's list, whether or not it is there.
    pub file: String,
    /// What was begun and is not finished.
    pub unfinished: Option<Unfinished>,
}

/// A key that secrets are sealed to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListedRecipient {
    /// The public key.
    pub recipient: String,
    /// Whose it is, as far as somebody said so.
    pub note: Option<String>,
    /// Whether it is this machine's own.
    pub own: bool,
    /// Whether the vault's list has it.
    pub listed: bool,
    /// Whether this machine has accepted it.
    pub accepted: bool,
}

/// A change that was begun and not finished. All secrets can be opened meanwhile.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unfinished {
    /// There are two identities.
    Identity,
    /// Not all secrets are sealed to all recipients.
    Recipients,
}

/// The vault is sealed anew.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Resealed {
    /// How many secrets were.
    pub secrets: usize,
    /// How many earlier versions were.
    pub versions: usize,
    /// How many recipients they are sealed to.
    pub recipients: usize,
    /// The secrets of which something could not be opened, and was left as it is; at most
    /// [`crate::limits::LEFT_NAMES`].
    pub left: Vec<SecretName>,
    /// The identity's file.
    pub identity: String,
    /// The identity's public key.
    pub own: String,
    /// The file that the identity before is kept in; `None` when the identity is the same.
    pub kept: Option<String>,
    /// What had been begun before, and is finished now, too.
    pub finished: Option<Unfinished>,
}

/// How far it is with sealing the vault anew.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Resealing {
    /// So many secrets are done.
    pub done: usize,
    /// Of so many.
    pub all: usize,
}

/// The versions of a secret.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    /// When the present one was set, in seconds since 1970 (UTC); `None` when the secret is deleted.
    pub present: Option<i64>,
    /// The earlier ones, newest first; at most [`crate::limits::HISTORY_VERSIONS`].
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

/// The values of exactly the referenced secrets.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Granted {
    /// The connector's name, as the configuration has it; `None` also when that has more than
    /// [`crate::limits::LABEL_BYTES`], with which no connector can be started.
    pub connector: Option<String>,
    /// Which way the values go when the client was told none: the user's setting.
    pub inject: InjectMode,
    /// The names, in alphabetical order.
    pub names: Vec<SecretName>,
    /// The value of each name, in the same order. They travel as the frame's parts.
    #[serde(skip)]
    pub values: Vec<Secret>,
}

/// One page of the list, in alphabetical order.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// At most [`crate::limits::PAGE_NAMES`].
    pub secrets: Vec<ListedSecret>,
    /// Whether another page follows.
    pub more: bool,
}

/// What may be known of a secret by anyone who may ask: everything but its value.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListedSecret {
    /// Its name.
    pub name: SecretName,
    /// When it was last set, in seconds since 1970 (UTC).
    pub set_at: i64,
}

/// How the daemon is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// Whether the vault and the identity were checked for this. If not, their disk did not answer within
    /// a second, and this is the last known state.
    pub is_current: bool,
    /// The daemon's release, like `0.1.0`.
    pub release: String,
    /// Its process id.
    pub pid: u32,
    /// Since when it serves, in seconds since 1970 (UTC).
    pub since: i64,
    /// The vault's folder.
    pub vault: String,
    /// The identity's file.
    pub identity: String,
    /// Whether the key is behind a passphrase that has to be given.
    pub locked: bool,
    /// Until when it was given, in seconds since 1970 (UTC); `None` while locked, and when nothing
    /// locks the vault by itself.
    pub unlocked_until: Option<i64>,
    /// The user's settings that it was started with, as `fluvio-secretd --settings` prints them.
    pub settings: String,
}

/// The value is kept.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// When it was set, in seconds since 1970 (UTC).
    pub set_at: i64,
    /// The identity's file, when this was the first use and the identity was made for it.
    pub new_identity: Option<String>,
    /// Running connectors that hold the earlier value; at most [`crate::limits::LISTED_GRANTS`].
    pub holders: Vec<ListedGrant>,
    /// Leases that are held and have the earlier value; at most [`crate::limits::LISTED_GRANTS`].
    pub leases: Vec<HeldLease>,
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

/// Secrets that are subscribed to: first all of them, then those that changed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Subscribed {
    /// At most [`crate::limits::GRANT_NAMES`].
    pub secrets: Vec<SecretFingerprint>,
    /// Whether changes that others make to the vault's files are only looked for now and then,
    /// because the system does not tell them.
    pub polled: bool,
}

/// A secret, and what tells its sealed file from a later one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SecretFingerprint {
    /// Its name.
    pub name: SecretName,
    /// Another one for other sealed bytes, also from another daemon; `None` while there is no such
    /// secret. It is made of the sealed bytes alone, so it says nothing of the value.
    pub fingerprint: Option<u64>,
    /// Whether the value is known to be that of the fingerprint told before: it was set to the same again, or
    /// sealed anew.
    pub is_same: bool,
}

/// The daemon has the key that opens the vault.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Unlocked {
    /// Until when, in seconds since 1970 (UTC); `None` when nothing locks the vault by itself.
    pub until: Option<i64>,
}

impl Response {
    /// Whether no further frame answers the same request.
    #[must_use]
    pub fn is_last(&self) -> bool {
        !matches!(
            self,
            Self::Working
                | Self::Resealing(_)
                | Self::Subscribed(_)
                | Self::Listed(Listed { more: true, .. })
                | Self::Leases(Leases { more: true, .. })
        )
    }
}

impl Granted {
    pub(crate) fn limits(&self) -> Limits {
        Limits::values(self.names.len())
    }

    pub(crate) fn parts(&self) -> Vec<&[u8]> {
        self.values.iter().map(Secret::expose).collect()
    }

    pub(crate) fn take_parts(&mut self, parts: Vec<Zeroizing<Vec<u8>>>) -> Result<(), FrameError> {
        if self.names.len() != parts.len() {
            return Err(FrameError::Parts);
        }
        self.values = parts.into_iter().map(Secret::new).collect();
        Ok(())
    }
}

impl Message for Response {
    fn limits(&self) -> Limits {
        match self {
            Self::Granted(granted) => granted.limits(),
            _ => Limits::NONE,
        }
    }

    fn parts(&self) -> Vec<&[u8]> {
        match self {
            Self::Granted(granted) => granted.parts(),
            _ => Vec::new(),
        }
    }

    fn take_parts(&mut self, parts: Vec<Zeroizing<Vec<u8>>>) -> Result<(), FrameError> {
        match self {
            Self::Granted(granted) => granted.take_parts(parts),
            _ => Ok(()),
        }
    }
}
