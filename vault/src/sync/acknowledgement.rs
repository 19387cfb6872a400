//! An acknowledgement: a member says how much of a topic it has taken into its vault.
//!
//! ```text
//! {"format":1,"vault":"…","topic":"…","records":8123,"members":1,"sent_at":"2026-11-23T22:50:00Z","member":"…"}⏎the signature⏎
//! ```

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::VaultId;
use crate::members::list::SignedList;
use crate::members::signed_text::{
    BadDocument, LARGEST_NUMBER, SignedKind, SignedParts, document, head_line,
};
use crate::members::signing_key::{KeyFingerprint, SIGNATURE_BYTES, SigningKey};
use crate::sync::topic_name::TopicName;

/// The format that is written, and the newest that is read.
const ACKNOWLEDGEMENT_FORMAT: u32 = 1;

/// An acknowledgement. Its signature is not verified: that takes the list of members.
#[derive(Clone, Debug)]
pub(crate) struct Acknowledgement {
    head: AcknowledgementHead,
    signature: [u8; SIGNATURE_BYTES],
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct AcknowledgementHead {
    format: u32,
    vault: VaultId,
    topic: TopicName,
    /// 0 for an empty topic.
    records: u64,
    members: u64,
    sent_at: Timestamp,
    member: KeyFingerprint,
}

/// Why an acknowledgement is not accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum AcknowledgementError {
    #[error("it is written for version {0} of the list of members, which is not here")]
    NewerMembers(u64),
    #[error("{0} is not a member of the vault")]
    NotMember(KeyFingerprint),
    #[error("it is of another vault")]
    OtherVault,
    #[error("its signature does not match")]
    Signature,
}

impl Acknowledgement {
    /// Parses decrypted bytes.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, BadDocument> {
        let (head, parts) =
            SignedParts::read::<AcknowledgementHead>(bytes, ACKNOWLEDGEMENT_FORMAT)?;
        parts.refuse_content()?;
        let is_valid = head.records <= LARGEST_NUMBER
            && (1..=LARGEST_NUMBER).contains(&head.members)
            && head.sent_at.subsec_nanosecond() == 0;
        match is_valid {
            true => Ok(Self { head, signature: parts.signature }),
            false => Err(BadDocument::Unreadable),
        }
    }

    /// The document of a member that has taken this number of records. Parts of a second are dropped.
    pub(crate) fn sign(
        members: &SignedList,
        topic: TopicName,
        records: u64,
        sent_at: Timestamp,
        key: &SigningKey,
    ) -> Vec<u8> {
        let head = AcknowledgementHead {
            format: ACKNOWLEDGEMENT_FORMAT,
            vault: members.vault(),
            topic,
            records: records.min(LARGEST_NUMBER),
            members: members.version(),
            sent_at: Timestamp::from_second(sent_at.as_second()).unwrap_or(sent_at),
            member: key.fingerprint(),
        };
        let line = head_line(&head);
        let signature = SignedKind::Acknowledgement.sign(key, (&line, &[]));
        document(&line, &signature, &[]).to_vec()
    }

    /// Verifies it by the newest list of members. Any member may sign it.
    pub(crate) fn verify(&self, members: &SignedList) -> Result<(), AcknowledgementError> {
        let head = &self.head;
        if head.vault != members.vault() {
            return Err(AcknowledgementError::OtherVault);
        }
        if head.members > members.version() {
            return Err(AcknowledgementError::NewerMembers(head.members));
        }
        let member = members.find(&head.member);
        let member = member.ok_or(AcknowledgementError::NotMember(head.member))?;
        let line = head_line(head);
        let is_signed = member.key().is_some_and(|key| {
            SignedKind::Acknowledgement.is_signed(key, &self.signature, (&line, &[]))
        });
        if is_signed { Ok(()) } else { Err(AcknowledgementError::Signature) }
    }

    /// The member that has signed it.
    pub(crate) fn member(&self) -> KeyFingerprint {
        self.head.member
    }

    /// The topic.
    pub(crate) fn topic(&self) -> &TopicName {
        &self.head.topic
    }

    /// The number of its records that were taken.
    pub(crate) fn records(&self) -> u64 {
        self.head.records
    }

    /// When it was signed.
    pub(crate) fn sent_at(&self) -> Timestamp {
        self.head.sent_at
    }
}
