//! Signed documents that machines exchange over a topic: records of secrets, lists of members, requests to join.

use serde::{Deserialize, Serialize};

use super::call::Paged;
use super::member::Role;
use super::record::RecordKind;
use crate::parts::Part;
use crate::{SecretName, limits};

/// List the documents that this vault has to publish.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListSyncDocuments {
    /// Only those of these secrets, at most [`limits::PAGE_NAMES`]; if this is empty, all documents.
    pub names: Vec<SecretName>,
}

/// Documents, on one page of several.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SyncDocuments {
    /// At most [`limits::PAGE_NAMES`].
    pub documents: Vec<ListedSyncDocument>,
    /// Whether another page follows.
    pub more: bool,
}

/// A document that a vault has.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListedSyncDocument {
    /// Where the vault has it.
    pub key: SyncDocumentKey,
    /// What [`TakenDocument::id`] is when the topic brings it back: the SHA-256 of its content, in hexadecimal digits.
    pub id: String,
    /// Whether it is older than a record of the secret that this machine has seen: an older file took its place. Also if the
    /// file is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub older: bool,
}

/// Where a vault has a document.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SyncDocumentKey {
    /// The current record of a secret, or a mark of its removal.
    Record {
        /// The secret.
        name: SecretName,
        /// What the record does.
        kind: RecordKind,
    },
    /// A list of members.
    Members {
        /// Its version.
        version: u64,
    },
    /// The request of this machine to join.
    Request,
}

/// Get a document as it is published: encrypted, unless it is already.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GetSyncDocument {
    /// Where the vault has it.
    pub key: SyncDocumentKey,
}

/// A document to publish.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SyncDocument {
    /// What [`TakenDocument::id`] is when the topic brings it back.
    pub id: String,
    /// At most [`limits::RECORD_BYTES`].
    #[serde(skip)]
    pub bytes: Part,
}

/// Sign how much of a topic this machine has taken into its vault.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeTopic {
    /// The topic, at most [`limits::TOPIC_BYTES`].
    pub topic: String,
    /// The number of its records.
    pub records: u64,
}

/// Sign that the vault is replicated over a topic. Only an admin does.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AnnounceTopic {
    /// The topic, at most [`limits::TOPIC_BYTES`].
    pub topic: String,
    /// The number of topics that the vault had, with this one.
    pub generation: u64,
}

/// Take a document of a topic into the vault, if a member has signed it and it is of use.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TakeDocument {
    /// As it was published, at most [`limits::RECORD_BYTES`].
    #[serde(skip)]
    pub bytes: Part,
}

/// The document was looked at, and what it changes is durable.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TakenDocument {
    /// The SHA-256 of its content, in hexadecimal digits.
    pub id: String,
    /// What was done with it.
    pub outcome: TakenOutcome,
}

/// What was done with a document.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TakenOutcome {
    /// A secret has changed, or has one more earlier value.
    Secret {
        /// The secret.
        name: SecretName,
    },
    /// There is another list of members, or another request to join.
    Members,
    /// The vault has it, or what replaces it.
    Known,
    /// A member has taken so much of a topic.
    Acknowledged {
        /// The fingerprint of the member.
        member: String,
        /// The topic.
        topic: String,
        /// The number of its records.
        records: u64,
        /// When that was, in seconds since 1970.
        at: i64,
    },
    /// An admin announces the topic of the vault.
    Announced {
        /// The topic.
        topic: String,
        /// The number of topics that the vault had, with this one.
        generation: u64,
    },
    /// It may be of use when a later list of members is here.
    Later,
    /// No key of this machine decrypts it.
    ForOthers,
    /// It is not accepted.
    Refused {
        /// Why, for people; at most [`limits::LABEL_BYTES`].
        reason: String,
    },
}

/// Report that documents have changed, whenever they do.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct FollowVault;

/// What has changed. The first answer has no change.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct VaultChanges {
    /// Secrets that may have changed, at most [`limits::PAGE_NAMES`].
    pub names: Vec<SecretName>,
    /// Whether any document may have changed, and not only those of these secrets.
    pub any: bool,
}

/// Make a vault on this machine that is replicated over a topic, and ask its admin to admit this machine.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct JoinTopic {
    /// The announcement of the admin whom the user trusts; at most [`limits::RECORD_BYTES`].
    #[serde(skip)]
    pub announcement: Part,
    /// The fingerprint of that admin, at most [`limits::FINGERPRINT_BYTES`].
    pub admin: String,
    /// The directory of the vault, an absolute path, at most [`limits::LABEL_BYTES`]; `None` for the personal vault, which
    /// must never have been used.
    pub path: Option<String>,
    /// What this machine wants to do. `None` for what it asks for or may do already, or else as a writer.
    pub role: Option<Role>,
    /// Whose it is; at most [`limits::NOTE_BYTES`]. `None` for user and host.
    pub note: Option<String>,
}

/// The vault is there, and its request is in it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TopicJoined {
    /// The id of the vault.
    pub id: String,
    /// Its directory.
    pub path: String,
    /// The fingerprint of this machine.
    pub fingerprint: String,
    /// Whether this machine is a member with this role already. Then there is no request.
    pub is_member: bool,
    /// The identity's file, if this was the first use and created the identity.
    pub new_identity: Option<String>,
}

messages! {
    AcknowledgeTopic = "acknowledge-topic"
        where |acknowledge| acknowledge.topic.len() <= limits::TOPIC_BYTES
        => SyncDocument, Reads;
    AnnounceTopic = "announce-topic" where |announce| announce.topic.len() <= limits::TOPIC_BYTES
        => SyncDocument, Reads;
    FollowVault = "follow-vault" => VaultChanges, Reads;
    GetSyncDocument = "get-sync-document" => SyncDocument, Reads;
    JoinTopic = "join-topic" [announcement: limits::RECORD_BYTES]
        where |join| join.admin.len() <= limits::FINGERPRINT_BYTES
            && join.path.as_ref().is_none_or(|path| path.len() <= limits::LABEL_BYTES)
            && join.note.as_ref().is_none_or(|note| note.len() <= limits::NOTE_BYTES)
        => TopicJoined, Writes, needs_vault: false;
    ListSyncDocuments = "list-sync-documents" where |list| list.names.len() <= limits::PAGE_NAMES
        => SyncDocuments, Reads;
    SyncDocument = "sync-document" [bytes: limits::RECORD_BYTES];
    SyncDocuments = "sync-documents", last if |documents| !documents.more;
    TakeDocument = "take-document" [bytes: limits::RECORD_BYTES] => TakenDocument, Writes;
    TakenDocument = "taken-document";
    TopicJoined = "topic-joined";
    VaultChanges = "vault-changes", last if |_| false;
}

impl Paged for SyncDocuments {
    type Item = ListedSyncDocument;

    fn into_items(self) -> Vec<Self::Item> {
        self.documents
    }
}
