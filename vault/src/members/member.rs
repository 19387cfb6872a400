//! A member: the keys of one machine, and what it may do.

use fluvio_secret_protocol::limits;
use serde::{Deserialize, Serialize};

use crate::keys::identity::Recipient;
use crate::members::signing_key::{KeyFingerprint, VerificationKey};
use crate::recipients::list::shown_note;

/// What a member may do. All members decrypt.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Changes the list of members, and writes secrets.
    Admin,
    /// Writes secrets.
    Writer,
    /// Only decrypts.
    Reader,
}

/// A machine that takes part in a vault.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    recipient: Recipient,
    key: VerificationKey,
    note: String,
    role: Role,
}

impl Role {
    /// Whether the records of such a member are accepted.
    #[must_use]
    pub fn may_write(self) -> bool {
        matches!(self, Self::Admin | Self::Writer)
    }
}

impl Member {
    /// A member. The note says whose it is, and is made one short line that is safe to print.
    #[must_use]
    pub fn new(recipient: Recipient, key: VerificationKey, note: &str, role: Role) -> Self {
        Self { recipient, key, note: shown_note(note), role }
    }

    /// The key that secrets are encrypted to for this member.
    #[must_use]
    pub fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    /// The key that verifies what this member has signed.
    #[must_use]
    pub fn key(&self) -> &VerificationKey {
        &self.key
    }

    /// Names the member in documents.
    #[must_use]
    pub fn fingerprint(&self) -> KeyFingerprint {
        self.key.fingerprint()
    }

    /// Whose it is: one line that is safe to print, maybe empty.
    #[must_use]
    pub fn note(&self) -> String {
        shown_note(&self.note)
    }

    /// What the member may do.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The same member in another role.
    #[must_use]
    pub fn with_role(self, role: Role) -> Self {
        Self { role, ..self }
    }

    /// A member as a document has it; `None` if the note is not one line of the permitted length.
    pub(crate) fn as_written(
        recipient: Recipient,
        key: VerificationKey,
        note: String,
        role: Role,
    ) -> Option<Self> {
        let member = Self { recipient, key, note, role };
        member.has_valid_note().then_some(member)
    }

    /// Whether the note is one line of the permitted length. Which characters are safe to print is not a part
    /// of the format: that list grows, and a document stays readable.
    pub(crate) fn has_valid_note(&self) -> bool {
        self.note.len() <= limits::NOTE_BYTES && !self.note.contains(char::is_control)
    }
}
