//! The public keys that secrets are encrypted to.

use serde::{Deserialize, Serialize};

use crate::{SecretName, limits};

/// Accept the vault's recipients on this machine.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptRecipients {
    /// Those that the user was shown, and no others; at most [`limits::RECIPIENTS`].
    pub recipients: Vec<String>,
}

/// Add a recipient and re-encrypt all secrets.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AddRecipient {
    /// The public key, at most [`limits::RECIPIENT_BYTES`].
    pub recipient: String,
    /// Whose it is; at most [`limits::NOTE_BYTES`].
    pub note: Option<String>,
}

/// List the recipients.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct GetRecipients;

/// The recipients.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Recipients {
    /// Those of the vault in its order, and then those that only this machine has accepted; at most
    /// twice [`limits::RECIPIENTS`].
    pub recipients: Vec<ListedRecipient>,
    /// The file of the vault's list, even if it does not exist.
    pub file: String,
    /// A change that was begun and not finished.
    pub unfinished: Option<Unfinished>,
}

/// A key that secrets are encrypted to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListedRecipient {
    /// The public key.
    pub recipient: String,
    /// Whose it is, if the list says it.
    pub note: Option<String>,
    /// Whether it is this machine's own.
    pub own: bool,
    /// Whether the vault's list has it.
    pub listed: bool,
    /// Whether this machine has accepted it.
    pub accepted: bool,
}

/// A change that was begun and not finished. All secrets can be decrypted all the same.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unfinished {
    /// There are two identities.
    Identity,
    /// Not all secrets are encrypted to all recipients.
    Recipients,
}

/// Remove a recipient and re-encrypt all secrets.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveRecipient {
    /// The public key, at most [`limits::RECIPIENT_BYTES`].
    pub recipient: String,
}

/// How many secrets are re-encrypted; more follows.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reencrypting {
    /// The number of secrets that are done.
    pub done: usize,
    /// The number of all secrets.
    pub all: usize,
}

/// The vault is re-encrypted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reencrypted {
    /// The number of re-encrypted secrets.
    pub secrets: usize,
    /// The number of re-encrypted earlier versions.
    pub versions: usize,
    /// The number of recipients.
    pub recipients: usize,
    /// The secrets with a file that could not be decrypted, and was left as it is; at most
    /// [`limits::LEFT_NAMES`].
    pub left: Vec<SecretName>,
    /// The identity's file.
    pub identity: String,
    /// The identity's public key.
    pub own: String,
    /// The file that keeps the identity before; `None` if the identity is the same.
    pub kept: Option<String>,
    /// A change that had been begun before, and is finished now.
    pub finished: Option<Unfinished>,
}

messages! {
    AcceptRecipients = "accept-recipients"
        where |accept| accept.recipients.len() <= limits::RECIPIENTS
            && accept.recipients.iter().all(|one| one.len() <= limits::RECIPIENT_BYTES)
        => Reencrypted, Writes;
    AddRecipient = "add-recipient"
        where |add| add.recipient.len() <= limits::RECIPIENT_BYTES
            && add.note.as_ref().is_none_or(|note| note.len() <= limits::NOTE_BYTES)
        => Reencrypted, Writes;
    GetRecipients = "recipients" => Recipients, Reads;
    Recipients = "recipients";
    Reencrypted = "reencrypted";
    Reencrypting = "reencrypting", last if |_| false;
    RemoveRecipient = "remove-recipient"
        where |remove| remove.recipient.len() <= limits::RECIPIENT_BYTES
        => Reencrypted, Writes;
}
