//! Encrypted records that machines exchange.

use serde::{Deserialize, Serialize};

use crate::SecretName;
use crate::limits;
use crate::parts::Part;

/// What a record does to its secret.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordKind {
    /// It sets the secret to a value.
    Value,
    /// It deletes the secret. Earlier values stay in the history.
    Deleted,
    /// It deletes the secret, and all values up to it, wherever they are.
    Purged,
}

/// Find the one of two encrypted files that counts, which machines have changed apart. The value of the other one is
/// kept in the history.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MergeRecords {
    /// The secret of both.
    pub name: SecretName,
    /// What the records in both do.
    pub kind: RecordKind,
    /// The file of this machine; at most [`limits::RECORD_BYTES`].
    #[serde(skip)]
    pub ours: Part,
    /// The other file; at most [`limits::RECORD_BYTES`].
    #[serde(skip)]
    pub theirs: Part,
}

/// One of the files counts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MergedRecords {
    /// Whether it is the other one.
    pub theirs: bool,
    /// The version in the history that has the other value; `None` if both are the same change, or have no value.
    pub kept: Option<u64>,
}

messages! {
    MergeRecords = "merge-records" [ours: limits::RECORD_BYTES, theirs: limits::RECORD_BYTES]
        => MergedRecords, Writes;
    MergedRecords = "merged-records";
}
