//! A member: the keys of one machine, and what it may do.

use fluvio_secret_protocol::{ListedMember, Role, limits};
use serde::{Deserialize, Serialize};

use crate::keys::identity::Recipient;
use crate::members::note::shown_note;
use crate::members::signing_key::{KeyFingerprint, VerificationKey};

/// A machine that takes part in a vault.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    recipient: Recipient,
    /// `None` for one that signs nothing, such as a key on paper.
    key: Option<VerificationKey>,
    note: String,
    role: Role,
}

impl Member {
    /// A member. The note says whose it is, and is made one short line that is safe to print.
    #[must_use]
    pub fn new(recipient: Recipient, key: VerificationKey, note: &str, role: Role) -> Self {
        Self { recipient, key: Some(key), note: shown_note(note), role }
    }

    /// A member that signs nothing, such as a key on paper: a reader.
    #[must_use]
    pub fn without_key(recipient: Recipient, note: &str) -> Self {
        Self { recipient, key: None, note: shown_note(note), role: Role::Reader }
    }

    /// The key that secrets are encrypted to for this member.
    #[must_use]
    pub fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    /// The key that verifies what this member has signed.
    #[must_use]
    pub fn key(&self) -> Option<&VerificationKey> {
        self.key.as_ref()
    }

    /// Names the member in documents.
    #[must_use]
    pub fn fingerprint(&self) -> KeyFingerprint {
        match &self.key {
            Some(key) => key.fingerprint(),
            None => KeyFingerprint::of_recipient(&self.recipient),
        }
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
        let member = Self { recipient, key: Some(key), note, role };
        member.has_valid_note().then_some(member)
    }

    /// Whether another entry has the same key that signs or decrypts.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.fingerprint() == other.fingerprint() || self.recipient == other.recipient
    }

    /// Leaves the lower one of two roles.
    pub(crate) fn lower_to(&mut self, role: Role) {
        self.role = self.role.max(role);
    }

    /// The member, for people. `own` and `fingerprint` are of this machine.
    pub(crate) fn listed(
        &self,
        own: &[Recipient],
        fingerprint: Option<KeyFingerprint>,
        requested: bool,
    ) -> ListedMember {
        ListedMember {
            fingerprint: self.fingerprint().to_string(),
            recipient: self.recipient.to_string(),
            note: Some(self.note()).filter(|note| !note.is_empty()),
            role: self.role,
            // Anybody can ask with the public key of this machine.
            own: Some(self.fingerprint()) == fingerprint
                || !requested && own.contains(&self.recipient),
            requested,
            signs: self.key.is_some(),
        }
    }

    pub(crate) fn with_note(&self, note: &str) -> Self {
        Self { note: shown_note(note), ..self.clone() }
    }

    /// Whether its records are accepted.
    #[must_use]
    pub fn may_write(&self) -> bool {
        matches!(self.role, Role::Admin | Role::Writer)
    }

    /// The same member with another key that decrypts.
    pub(crate) fn with_recipient(&self, recipient: Recipient) -> Self {
        Self { recipient, ..self.clone() }
    }

    /// Whether one that signs nothing only reads.
    pub(crate) fn has_valid_role(&self) -> bool {
        self.key.is_some() || self.role == Role::Reader
    }

    /// Whether the note is one line of the permitted length. Which characters are safe to print is not a part
    /// of the format: that list grows, and a document stays readable.
    pub(crate) fn has_valid_note(&self) -> bool {
        self.note.len() <= limits::NOTE_BYTES && !self.note.contains(char::is_control)
    }
}
