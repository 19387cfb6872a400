//! What a document of a topic is: recognized by decrypting and parsing it.

use std::error::Error;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::VaultError;
use crate::keys::encryption::{DecryptFailure, is_encrypted};
use crate::members::applicant::Applicant;
use crate::members::content_hash::ContentHash;
use crate::members::list::SignedList;
use crate::members::signed_text::BadDocument;
use crate::revisions::signed_record::SignedRecord;
use crate::sync::acknowledgement::Acknowledgement;
use crate::sync::announcement::Announcement;
use crate::vault::Vault;

/// A document that was parsed. Nothing but requests to join and announcements is verified.
#[derive(Debug)]
pub(crate) enum TopicDocument {
    Acknowledgement(Acknowledgement),
    Announcement(Announcement),
    Applicant(Applicant),
    /// No key of this machine decrypts it.
    ForOthers,
    List(SignedList),
    Record(SignedRecord),
    /// It is something else, for this reason.
    Unknown(String),
}

/// The fields by which documents of one format differ.
#[derive(Deserialize)]
struct DocumentShape {
    members: Option<IgnoredAny>,
    records: Option<IgnoredAny>,
    recipient: Option<IgnoredAny>,
    name: Option<IgnoredAny>,
    signer: Option<IgnoredAny>,
}

impl TopicDocument {
    /// Opens a document, and returns also its id: the hash of what does not change when it is encrypted again.
    ///
    /// # Errors
    ///
    /// [`VaultError::Locked`], and those of the identity.
    pub(crate) fn open(vault: &Vault, bytes: &[u8]) -> Result<(Self, ContentHash), VaultError> {
        let id = ContentHash::of(bytes);
        if !is_encrypted(bytes) {
            let document = Announcement::parse(bytes.to_vec());
            return Ok((document.map_or_else(Self::unknown, Self::Announcement), id));
        }
        let plain = match vault.keys().with(|keys| keys.decrypt(bytes))? {
            Ok(plain) => plain,
            Err(DecryptFailure::OtherIdentity) => return Ok((Self::ForOthers, id)),
            Err(error @ DecryptFailure::Damaged) => return Ok((Self::unknown(error), id)),
        };
        Ok(match Self::parse(&plain) {
            // The file itself travels, and is never encrypted again for the topic.
            document @ Self::Record(_) => (document, id),
            document => (document, ContentHash::of(&plain)),
        })
    }

    /// Parses decrypted bytes.
    fn parse(plain: &[u8]) -> Self {
        match SignedRecord::parse(plain) {
            Ok(record) => return Self::Record(record),
            Err(BadDocument::Older(_)) => {}
            Err(error) => return Self::unknown(error),
        }
        let head = plain.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let Ok(shape) = serde_json::from_slice::<DocumentShape>(head) else {
            return Self::unknown(BadDocument::Unreadable);
        };
        let plain = || plain.to_vec();
        if shape.signer.is_some() && shape.members.is_some() {
            SignedList::parse(plain()).map_or_else(Self::unknown, Self::List)
        } else if shape.records.is_some() {
            Acknowledgement::parse(&plain()).map_or_else(Self::unknown, Self::Acknowledgement)
        } else if shape.recipient.is_some() {
            Applicant::parse(plain()).map_or_else(Self::unknown, Self::Applicant)
        } else if shape.name.is_some() {
            Self::Unknown("it is not signed".to_owned())
        } else {
            Self::unknown(BadDocument::Unreadable)
        }
    }

    fn unknown<E: Error>(why: E) -> Self {
        Self::Unknown(why.to_string())
    }
}
