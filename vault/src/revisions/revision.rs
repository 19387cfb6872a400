//! What orders the records of a secret.

use fluvio_secret_protocol::RecordKind;
use jiff::Timestamp;

use crate::members::content_hash::ContentHash;
use crate::members::signed_text::LARGEST_NUMBER;
use crate::members::signing_key::KeyFingerprint;

/// The largest counter that a change follows. Only a hostile member makes a larger one, which would be the last of its
/// secret. It counts for nothing but its own record.
pub(crate) const LARGEST_COUNTER: u64 = 1 << 52;

/// Reads the word for a kind, which is also that of documents.
pub(crate) fn kind_of(word: &str) -> Option<RecordKind> {
    let kinds = [RecordKind::Value, RecordKind::Deleted, RecordKind::Purged];
    kinds.into_iter().find(|kind| word_of(*kind) == word)
}

/// The word for a kind.
pub(crate) fn word_of(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Value => "value",
        RecordKind::Deleted => "deleted",
        RecordKind::Purged => "purged",
    }
}

/// Where a record stands among all records of its secret. The greatest one is current.
///
/// The first four fields are the change itself. The same change may have several files: an admin signs and encrypts
/// it again for each new list of members.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Revision {
    /// One more than the highest that the machine knew of the secret.
    pub counter: u64,
    /// Who made the change, even if an admin has signed it again. Decides between changes that were made at the
    /// same time.
    pub author: KeyFingerprint,
    /// When the change was made, in whole seconds. Machines with a copied key may have the same counter.
    pub set_at: Timestamp,
    /// What the change does.
    pub kind: RecordKind,
    /// The version of the list of members that the file was signed for.
    pub members: u64,
    /// The hash of the encrypted file.
    pub file: ContentHash,
}

impl Revision {
    /// Whether both are files of one change.
    #[must_use]
    pub fn is_same_change(&self, other: &Self) -> bool {
        self.change() == other.change()
    }

    pub(crate) fn change(&self) -> (u64, KeyFingerprint, Timestamp, RecordKind) {
        (self.counter, self.author, self.set_at, self.kind)
    }
}

/// The counter of a change, from the highest one that is known. `None` after the largest number, which only a
/// hostile member can reach.
#[must_use]
pub fn next_counter(highest: Option<&Revision>) -> Option<u64> {
    let next = highest.map_or(0, |highest| highest.counter).checked_add(1)?;
    (next <= LARGEST_NUMBER).then_some(next)
}
