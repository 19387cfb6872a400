//! An announcement: an admin says which topic a vault is replicated over, and how to ask for admission.
//!
//! ```text
//! {"format":1,"vault":"…","topic":"…","generation":1,"members":1,"recipient":"age1…","key":"…"}⏎the signature⏎
//! ```
//!
//! It is not encrypted, so that a machine that has nothing of the vault can read it. It is signed by the key in it.
//! Whether that is the key of an admin, only a list of members shows.

use serde::{Deserialize, Serialize};

use crate::id::VaultId;
use crate::keys::identity::Recipient;
use crate::members::signed_text::{
    BadDocument, LARGEST_NUMBER, SignedKind, SignedParts, document, head_line,
};
use crate::members::signing_key::{KeyFingerprint, SigningKey, VerificationKey};
use crate::sync::topic_name::TopicName;

/// The largest announcement.
pub const ANNOUNCEMENT_BYTES: usize = 4 << 10;

/// The format that is written, and the newest that is read.
const ANNOUNCEMENT_FORMAT: u32 = 1;

/// An announcement, signed by the key in it.
#[derive(Clone, Debug)]
pub struct Announcement {
    head: AnnouncementHead,
    topic: String,
    bytes: Vec<u8>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct AnnouncementHead {
    format: u32,
    vault: VaultId,
    topic: TopicName,
    generation: u64,
    members: u64,
    recipient: Recipient,
    key: VerificationKey,
}

impl Announcement {
    /// Parses the bytes of an announcement, which must be signed by the key in it.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, BadDocument> {
        if bytes.len() > ANNOUNCEMENT_BYTES {
            return Err(BadDocument::Unreadable);
        }
        let (head, parts) = SignedParts::read::<AnnouncementHead>(&bytes, ANNOUNCEMENT_FORMAT)?;
        parts.refuse_content()?;
        let (line, numbers) = (head_line(&head), 1..=LARGEST_NUMBER);
        let is_valid = numbers.contains(&head.generation)
            && numbers.contains(&head.members)
            && SignedKind::Announcement.is_signed(&head.key, &parts.signature, (&line, &[]));
        if is_valid { Ok(Self::of(head, bytes)) } else { Err(BadDocument::Unreadable) }
    }

    /// Announces a topic. `members` is the version of the newest list, in which the key is an admin's. Requests to join
    /// are encrypted to `recipient`.
    pub(crate) fn sign(
        vault: VaultId,
        (topic, generation): (TopicName, u64),
        members: u64,
        recipient: Recipient,
        key: &SigningKey,
    ) -> Self {
        let (format, generation) = (ANNOUNCEMENT_FORMAT, generation.clamp(1, LARGEST_NUMBER));
        let own = *key.verification_key();
        let head =
            AnnouncementHead { format, vault, topic, generation, members, recipient, key: own };
        let line = head_line(&head);
        let signature = SignedKind::Announcement.sign(key, (&line, &[]));
        Self::of(head, document(&line, &signature, &[]).to_vec())
    }

    fn of(head: AnnouncementHead, bytes: Vec<u8>) -> Self {
        let topic = head.topic.to_string();
        Self { head, topic, bytes }
    }

    /// The bytes that are published.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The vault.
    #[must_use]
    pub fn vault(&self) -> VaultId {
        self.head.vault
    }

    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The number of topics that the vault had, with this one.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.head.generation
    }

    /// The version of the list of members that was the newest one.
    #[must_use]
    pub fn members(&self) -> u64 {
        self.head.members
    }

    /// The fingerprint of the key that signed it.
    #[must_use]
    pub fn fingerprint(&self) -> KeyFingerprint {
        self.head.key.fingerprint()
    }

    /// The key that requests to join are encrypted to.
    #[must_use]
    pub fn recipient(&self) -> &Recipient {
        &self.head.recipient
    }
}
