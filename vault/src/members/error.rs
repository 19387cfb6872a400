//! Why a list of members or a request to join is not accepted.

use crate::members::signed_text::BadDocument;
use crate::members::signing_key::KeyFingerprint;

/// Why a list of members is not accepted, or not made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum MembersError {
    #[error(transparent)]
    Document(#[from] BadDocument),
    #[error("it and another list follow the same one")]
    Fork,
    #[error("a list between it and the last accepted one is missing or refused")]
    Gap,
    #[error("it is too large")]
    Large,
    #[error("it has a note that is not one short line")]
    Note,
    #[error("it has a member without a signing key that does more than read")]
    NoKey,
    #[error("it has no admin")]
    NoAdmin,
    #[error("{0} is not an admin of the list before it")]
    NotByAdmin(KeyFingerprint),
    #[error("its version does not follow the one before it")]
    Numbering,
    #[error("it is the list of another vault")]
    OtherVault,
    #[error("it is older than the last accepted one, or does not follow it")]
    Rollback,
    #[error("its signature does not match")]
    Signature,
    #[error("it has a member twice")]
    Twice,
    #[error("no list here is signed by the admin {0}")]
    Unpinned(KeyFingerprint),
}

/// Why a request to join is not accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum ApplicantError {
    #[error(transparent)]
    Document(#[from] BadDocument),
    #[error("it is too large")]
    Large,
    #[error("it has a note that is not one short line")]
    Note,
    #[error("its name is not the fingerprint of its key")]
    OtherName,
    #[error("it is a request to join another vault")]
    OtherVault,
    #[error("its signature does not match")]
    Signature,
}
