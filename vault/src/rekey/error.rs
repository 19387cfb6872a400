//! Why another identity or other members were refused.

use std::path::PathBuf;

use fluvio_secret_protocol::SecretName;

use crate::keys::encryption::BadIdentity;
use crate::keys::foreign_key::ForeignKey;

/// Why another identity or other members were refused.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum RekeyError {
    #[error("the new identity cannot be used: {0}")]
    BadIdentity(#[source] BadIdentity),
    #[error("this is neither a fingerprint, which has 32 digits, nor a complete age recipient")]
    BadMember,
    #[error("this is not a complete age recipient, which begins with age1 and has 62 characters")]
    BadRecipient,
    #[error(
        "an earlier version of fluvio-secret began to change the identity: its new key is in {path}",
        path = .path.display()
    )]
    EarlierChange { path: PathBuf },
    #[error("the {what} cannot be used: {source}")]
    ForeignKey { what: &'static str, source: ForeignKey },
    #[error("the identity {path} has no room for another key", path = .path.display())]
    ManyKeys { path: PathBuf },
    #[error("no two lists of members contradict each other")]
    NoFork,
    #[error("no machine with the fingerprint {fingerprint} has asked to join {path}", path = .path.display())]
    NotAsked { path: PathBuf, fingerprint: String },
    #[error("{member} is not a member of {path}", path = .path.display())]
    NotListed { path: PathBuf, member: String },
    #[error("this identity decrypts none of the secrets in {path}", path = .path.display())]
    OpensNothing { path: PathBuf },
    #[error("the request of {fingerprint} was replaced by another one")]
    Replaced { fingerprint: String },
    #[error("{recipient} is this machine's own key")]
    Own { recipient: String },
    #[error(
        "no retired key was removed, because no admin has admitted the current key to {path} yet",
        path = .path.display()
    )]
    NotAdmittedKey { path: PathBuf, is_personal: bool },
    #[error(
        "no retired key was removed, because the current key does not decrypt every version in {path} of",
        path = .path.display()
    )]
    RetiredNeeded { path: PathBuf, names: Vec<SecretName>, step: RetirementStep },
    #[error("several machines have asked to join with the public key {recipient}")]
    SameKey { recipient: String },
    #[error("the new identity has a passphrase, which is missing")]
    Sealed,
    #[error("a change of the identity or the members is not finished")]
    Unfinished,
    #[error("this is not the passphrase of the new identity")]
    WrongPassphrase,
}

/// What has to be done before retired keys can be removed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RetirementStep {
    /// An admin has to encrypt everything again for this key.
    ByAdmin(String),
    /// This machine has to finish its rotation.
    Finish,
    /// This machine is not a member, and the user has to give the vault up.
    Forget,
    /// Files that no key decrypts, or that are not accepted, have to be restored.
    Restore,
}
