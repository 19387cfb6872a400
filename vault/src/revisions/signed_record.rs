//! Format 2 of what is encrypted: a signed line of JSON, and the value's bytes.
//!
//! ```text
//! {"format":2,"vault":"…","kind":"value","name":"AUTH_HEADER","revision":1,"writer":"…","members":1,"set_at":"2026-11-23T22:50:00Z"}⏎the signature⏎the value, any bytes
//! ```
//!
//! The signature shows which member wrote it, and that it is of this vault and this name.

use fluvio_secret_protocol::{RecordKind, Role, Secret, SecretName, limits};
use fluvio_secret_system::help::{Help, Helpful};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::id::VaultId;
use crate::members::content_hash::ContentHash;
use crate::members::list::MemberList;
use crate::members::member::Member;
use crate::members::signed_text::{
    BadDocument, LARGEST_NUMBER, SignedKind, SignedParts, document, head_line,
};
use crate::members::signing_key::{KeyFingerprint, SIGNATURE_BYTES, SigningKey};
use crate::revisions::revision::Revision;

/// The format that is written, and the newest that is read.
const RECORD_FORMAT: u32 = 2;

/// A change of a secret that is not signed yet.
#[derive(Debug)]
pub struct SecretUpdate {
    /// The secret's name.
    pub name: SecretName,
    /// What the change does.
    pub kind: RecordKind,
    /// Its place among the changes of the secret, see [`next_counter`](crate::next_counter).
    pub counter: u64,
    /// When it is made. Parts of a second are dropped.
    pub set_at: Timestamp,
    /// The value; empty unless the kind is [`RecordKind::Value`].
    pub value: Secret,
}

/// A record as it was found. Its signature is not verified.
#[derive(Clone, Debug)]
pub struct SignedRecord {
    head: RecordHead,
    signature: [u8; SIGNATURE_BYTES],
    value: Secret,
}

/// A record, signed by an admin or a writer.
#[derive(Debug)]
pub struct VerifiedRecord(SignedRecord);

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RecordHead {
    format: u32,
    vault: VaultId,
    kind: RecordKind,
    name: SecretName,
    revision: u64,
    writer: KeyFingerprint,
    /// The version of the list of members that it is written for.
    members: u64,
    set_at: Timestamp,
    /// Who made the change that an admin has signed again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    originally_by: Option<KeyFingerprint>,
}

/// Why a record is not accepted, or not made. It does not repeat the record.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum RecordError {
    #[error(transparent)]
    Document(#[from] BadDocument),
    #[error("its revision or its value is outside of what a record can have")]
    Limits,
    #[error("it is written for version {0} of the list of members, which is not here")]
    NewerMembers(u64),
    #[error("this machine has accepted no list of members")]
    NoMembers,
    #[error("{0} is not an admin, who alone may sign the record of another member again")]
    NotAdmin(KeyFingerprint),
    #[error("{0} is not a writer of the vault")]
    NotWriter(KeyFingerprint),
    #[error("it holds the secret `{0}`")]
    OtherName(SecretName),
    #[error("it is a record of another vault")]
    OtherVault,
    #[error("its signature does not match")]
    Signature,
}

impl Helpful for RecordError {
    fn help(&self) -> Option<Help> {
        Some(match self {
            Self::NewerMembers(_) => {
                Help::advice("get the newest list of members, as with git pull")
            }
            Self::NoMembers => {
                Help::command("look at the members with", "fluvio-secret vault trust")
            }
            Self::NotAdmin(_) | Self::NotWriter(_) | Self::Signature => {
                Help::advice("set the secret again, or have an admin or a writer do it")
            }
            Self::Limits => Help::advice("choose another name"),
            Self::Document(_) | Self::OtherName(_) | Self::OtherVault => return None,
        })
    }
}

impl SignedRecord {
    /// Parses decrypted bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadDocument> {
        let (head, parts) = SignedParts::read::<RecordHead>(bytes, RECORD_FORMAT)?;
        // Before the value is copied. No frame could hold a larger one.
        if parts.content.len() > limits::VALUE_BYTES {
            return Err(BadDocument::Unreadable);
        }
        let value = Secret::from(parts.content.to_vec());
        let record = Self { head, signature: parts.signature, value };
        if record.is_valid() { Ok(record) } else { Err(BadDocument::Unreadable) }
    }

    fn is_valid(&self) -> bool {
        let RecordHead { kind, revision, writer, members, set_at, .. } = self.head;
        let numbers = 1..=LARGEST_NUMBER;
        numbers.contains(&revision)
            && numbers.contains(&members)
            && set_at.subsec_nanosecond() == 0
            && self.head.originally_by != Some(writer)
            && (kind == RecordKind::Value || self.value.is_empty())
    }

    /// Verifies a record by the newest list of members: with an older one, a removed member could date records
    /// back.
    pub fn verify(self, members: &MemberList) -> Result<VerifiedRecord, RecordError> {
        let writer = self.writer_in(members)?;
        let parts = (head_line(&self.head), self.value.expose());
        let is_signed = writer.key().is_some_and(|key| {
            SignedKind::Record.is_signed(key, &self.signature, (&parts.0, parts.1))
        });
        if is_signed { Ok(VerifiedRecord(self)) } else { Err(RecordError::Signature) }
    }

    /// The same for the bytes of a file whose signature this machine has verified, or has made. The signature alone is not
    /// verified again.
    pub(crate) fn verify_known(self, members: &MemberList) -> Result<VerifiedRecord, RecordError> {
        self.writer_in(members)?;
        Ok(VerifiedRecord(self))
    }

    /// The member that has written it, as it claims. Fails unless the member is allowed to.
    fn writer_in<'m>(&self, members: &'m MemberList) -> Result<&'m Member, RecordError> {
        let head = &self.head;
        if head.vault != members.vault() {
            return Err(RecordError::OtherVault);
        }
        if head.members > members.version() {
            return Err(RecordError::NewerMembers(head.members));
        }
        let writer = members.find(&head.writer).filter(|member| member.may_write());
        let writer = writer.ok_or(RecordError::NotWriter(head.writer))?;
        if head.originally_by.is_some() && writer.role() != Role::Admin {
            return Err(RecordError::NotAdmin(head.writer));
        }
        Ok(writer)
    }

    /// A record with the bytes of one that was verified by the same list.
    pub(crate) fn verified_before(self) -> VerifiedRecord {
        VerifiedRecord(self)
    }

    /// As [`SignedRecord::verify`], and it must be of this secret.
    pub fn verify_of(
        self,
        name: &SecretName,
        members: &MemberList,
    ) -> Result<VerifiedRecord, RecordError> {
        self.refuse_if_other(name)?;
        self.verify(members)
    }

    /// Fails unless it is of this secret.
    pub(crate) fn refuse_if_other(&self, name: &SecretName) -> Result<(), RecordError> {
        match self.head.name == *name {
            true => Ok(()),
            false => Err(RecordError::OtherName(self.head.name.clone())),
        }
    }

    /// The secret's name, as it claims.
    pub(crate) fn name(&self) -> &SecretName {
        &self.head.name
    }

    /// What it does, as it claims.
    pub(crate) fn kind(&self) -> RecordKind {
        self.head.kind
    }

    /// The vault that it is of, as it claims.
    pub(crate) fn vault(&self) -> VaultId {
        self.head.vault
    }

    /// Where it would be among the records of its secret, if it is accepted.
    pub(crate) fn revision(&self, file: ContentHash) -> Revision {
        self.head.revision(file)
    }

    /// The bytes to encrypt.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        document(&head_line(&self.head), &self.signature, self.value.expose())
    }
}

impl RecordHead {
    fn author(&self) -> KeyFingerprint {
        self.originally_by.unwrap_or(self.writer)
    }

    fn revision(&self, file: ContentHash) -> Revision {
        let Self { kind, revision: counter, members, set_at, .. } = *self;
        Revision { counter, author: self.author(), set_at, kind, members, file }
    }

    fn sign(
        self,
        value: Secret,
        key: &SigningKey,
        members: &MemberList,
    ) -> Result<VerifiedRecord, RecordError> {
        let line = head_line(&self);
        let signature = SignedKind::Record.sign(key, (&line, value.expose()));
        let record = SignedRecord { head: self, signature, value };
        if !record.is_valid() || record.value.len() > limits::VALUE_BYTES {
            return Err(RecordError::Limits);
        }
        // What no machine would accept is not written. The signature itself is not verified, which would take longer than
        // to make it: the key is that of the fingerprint in the head.
        record.writer_in(members)?;
        Ok(VerifiedRecord(record))
    }
}

impl SecretUpdate {
    /// Signs it as a record for the newest list of members.
    pub fn sign(
        self,
        key: &SigningKey,
        members: &MemberList,
    ) -> Result<VerifiedRecord, RecordError> {
        let whole = Timestamp::from_second(self.set_at.as_second());
        let head = RecordHead {
            format: RECORD_FORMAT,
            vault: members.vault(),
            kind: self.kind,
            name: self.name,
            revision: self.counter,
            writer: key.fingerprint(),
            members: members.version(),
            set_at: whole.unwrap_or(self.set_at),
            originally_by: None,
        };
        head.sign(self.value, key, members)
    }
}

impl VerifiedRecord {
    /// The same change, signed again for the newest list of members: by its author, or by an admin.
    pub fn sign_again(&self, key: &SigningKey, members: &MemberList) -> Result<Self, RecordError> {
        let (author, writer) = (self.author(), key.fingerprint());
        let head = RecordHead {
            writer,
            members: members.version(),
            originally_by: Some(author).filter(|author| *author != writer),
            ..self.0.head.clone()
        };
        head.sign(self.0.value.clone(), key, members)
    }

    /// The bytes to encrypt.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        self.0.encode()
    }

    /// Its place among the records of its secret. `file` is the hash of its encrypted file.
    #[must_use]
    pub fn revision(&self, file: ContentHash) -> Revision {
        self.0.head.revision(file)
    }

    /// The secret's name.
    #[must_use]
    pub fn name(&self) -> &SecretName {
        &self.0.head.name
    }

    /// What it does.
    #[must_use]
    pub fn kind(&self) -> RecordKind {
        self.0.head.kind
    }

    /// When the change was made.
    #[must_use]
    pub fn set_at(&self) -> Timestamp {
        self.0.head.set_at
    }

    /// The version of the list of members that it is written for.
    pub(crate) fn members(&self) -> u64 {
        self.0.head.members
    }

    /// Its counter, see [`next_counter`](crate::next_counter).
    pub(crate) fn counter(&self) -> u64 {
        self.0.head.revision
    }

    /// Whose signature it has.
    #[must_use]
    pub fn writer(&self) -> KeyFingerprint {
        self.0.head.writer
    }

    /// Who made the change: the writer, unless an admin has signed it again.
    #[must_use]
    pub fn author(&self) -> KeyFingerprint {
        self.0.head.author()
    }

    /// The value; empty if the secret is deleted or purged.
    #[must_use]
    pub fn value(&self) -> &Secret {
        &self.0.value
    }

    pub(crate) fn into_value(self) -> Secret {
        self.0.value
    }
}

#[cfg(test)]
mod tests;
