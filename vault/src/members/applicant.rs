//! A request to join: the keys of a machine that wants to be a member, signed by itself.
//!
//! ```text
//! {"format":1,"vault":"…","recipient":"age1…","key":"…","note":"…","role":"…"}⏎the signature⏎
//! ```
//!
//! It grants nothing. Its signature shows that the machine has the signing key. A machine that has accepted a list adds its
//! version, `"members":N`, at the end. So requests from before an admin decided about the machine are recognized.

use fluvio_secret_protocol::Role;
use serde::{Deserialize, Serialize};

use crate::id::VaultId;
use crate::keys::identity::Recipient;
use crate::members::error::ApplicantError;
use crate::members::member::Member;
use crate::members::signed_text::{SignedKind, SignedParts, document, head_line};
use crate::members::signing_key::{KeyFingerprint, SigningKey, VerificationKey};

/// The largest file of a request to join.
pub const APPLICANT_BYTES: usize = 4 << 10;

/// The format that is written, and the newest that is read.
const APPLICANT_FORMAT: u32 = 1;

/// A machine that wants to be a member.
#[derive(Clone, Debug)]
pub struct Applicant {
    vault: VaultId,
    member: Member,
    members: u64,
    bytes: Vec<u8>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ApplicantHead {
    format: u32,
    vault: VaultId,
    recipient: Recipient,
    key: VerificationKey,
    note: String,
    role: Role,
    #[serde(default, skip_serializing_if = "is_none")]
    members: u64,
}

/// Whether a version is that of no list.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_none(version: &u64) -> bool {
    *version == 0
}

impl Applicant {
    /// Asks for a role in a vault. `members` is the version of the list that this machine has accepted; 0 for none.
    #[must_use]
    pub fn sign(
        vault: VaultId,
        recipient: Recipient,
        note: &str,
        role: Role,
        members: u64,
        key: &SigningKey,
    ) -> Self {
        let member = Member::new(recipient, *key.verification_key(), note, role);
        let head = ApplicantHead {
            format: APPLICANT_FORMAT,
            vault,
            recipient: member.recipient().clone(),
            key: *key.verification_key(),
            note: member.note(),
            role,
            members,
        };
        let line = head_line(&head);
        let signature = SignedKind::Applicant.sign(key, (&line, &[]));
        let bytes = document(&line, &signature, &[]).to_vec();
        Self { vault, member, members, bytes }
    }

    /// Parses the bytes of a file, which must be signed by the key in it.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, ApplicantError> {
        if bytes.len() > APPLICANT_BYTES {
            return Err(ApplicantError::Large);
        }
        let (head, parts) = SignedParts::read::<ApplicantHead>(&bytes, APPLICANT_FORMAT)?;
        parts.refuse_content()?;
        let line = head_line(&head);
        if !SignedKind::Applicant.is_signed(&head.key, &parts.signature, (&line, &[])) {
            return Err(ApplicantError::Signature);
        }
        let ApplicantHead { vault, recipient, key, note, role, members, .. } = head;
        let member = Member::as_written(recipient, key, note, role);
        let member = member.ok_or(ApplicantError::Note)?;
        Ok(Self { vault, member, members, bytes })
    }

    /// Parses the file of this name, which must be a request to join this vault.
    pub fn of(name: &str, bytes: Vec<u8>, vault: VaultId) -> Result<Self, ApplicantError> {
        let applicant = Self::parse(bytes)?;
        if applicant.vault != vault {
            return Err(ApplicantError::OtherVault);
        }
        if applicant.fingerprint().to_string() != name {
            return Err(ApplicantError::OtherName);
        }
        Ok(applicant)
    }

    /// The bytes of its file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The vault that it wants to join.
    #[must_use]
    pub fn vault(&self) -> VaultId {
        self.vault
    }

    /// What it would be as a member. An admin decides about the role.
    #[must_use]
    pub fn member(&self) -> &Member {
        &self.member
    }

    /// The version of the list that the machine had accepted; 0 for none.
    #[must_use]
    pub fn members(&self) -> u64 {
        self.members
    }

    /// The fingerprint of its key, which is also the name of its file.
    #[must_use]
    pub fn fingerprint(&self) -> KeyFingerprint {
        self.member.fingerprint()
    }
}

#[cfg(test)]
mod tests;
