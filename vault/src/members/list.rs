//! The list of members: one signed file for each version, which never changes.
//!
//! ```text
//! {"format":1,"vault":"…","version":2,"previous":"…","members":[…],"signer":"…"}⏎the signature⏎
//! ```

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use fluvio_secret_protocol::{Role, limits};

use crate::id::VaultId;
use crate::keys::identity::Recipient;
use crate::members::content_hash::ContentHash;
use crate::members::error::MembersError;
use crate::members::member::Member;
use crate::members::signed_text::{LARGEST_NUMBER, SignedKind, SignedParts, document, head_line};
use crate::members::signing_key::{KeyFingerprint, SIGNATURE_BYTES, SigningKey};

/// The largest file of a list.
pub const MEMBER_LIST_BYTES: usize = 128 << 10;
/// The most that is read of one, with a line before it.
pub(crate) const LIST_BYTES: u64 = MEMBER_LIST_BYTES as u64 + 16;

/// The format that is written, and the newest that is read.
const MEMBER_LIST_FORMAT: u32 = 1;

/// A list as it was found. Its signature is not verified: that takes the list before it, which a
/// [`MemberChain`](super::chain::MemberChain) knows.
///
/// A copy is as small as a reference.
#[derive(Clone, Debug)]
pub struct SignedList(Arc<ListParts>);

#[derive(Debug)]
struct ListParts {
    head: ListHead,
    signature: [u8; SIGNATURE_BYTES],
    bytes: Vec<u8>,
    hash: ContentHash,
}

/// A list that this machine has accepted or made. Records are verified with the newest one.
#[derive(Clone, Debug)]
pub struct MemberList(SignedList);

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ListHead {
    format: u32,
    vault: VaultId,
    version: u64,
    /// The hash of the list before it; `None` for the first.
    previous: Option<ContentHash>,
    /// The hash of the other list of a fork, which this one ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    merges: Option<ContentHash>,
    members: Vec<Member>,
    signer: KeyFingerprint,
}

/// The hashes of the lists that a list follows. Its other fields are not read, because keys take long: the bytes are
/// those of a list that was accepted, or that such a list names by its hash.
pub(crate) fn predecessors_in(list: &[u8]) -> Vec<ContentHash> {
    let head = list.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let links: Option<ListLinks> = serde_json::from_slice(head).ok();
    links.iter().flat_map(ListLinks::predecessors).collect()
}

/// The fields of a list that name its predecessors and its signer.
#[derive(Deserialize)]
struct ListLinks {
    previous: Option<ContentHash>,
    merges: Option<ContentHash>,
    signer: Option<KeyFingerprint>,
}

impl ListLinks {
    fn predecessors(&self) -> impl Iterator<Item = ContentHash> {
        self.previous.into_iter().chain(self.merges)
    }
}

impl SignedList {
    /// Parses the bytes of a file.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, MembersError> {
        if bytes.len() > MEMBER_LIST_BYTES {
            return Err(MembersError::Large);
        }
        let (head, parts) = SignedParts::read::<ListHead>(&bytes, MEMBER_LIST_FORMAT)?;
        parts.refuse_content()?;
        head.check()?;
        let (signature, hash) = (parts.signature, ContentHash::of(&bytes));
        Ok(Self(Arc::new(ListParts { head, signature, bytes, hash })))
    }

    /// The bytes of its file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// The hash of its file.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        self.0.hash
    }

    /// The vault that it is for.
    #[must_use]
    pub fn vault(&self) -> VaultId {
        self.0.head.vault
    }

    /// Its number, which is also the name of its file.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.0.head.version
    }

    /// All members, in the order of the list.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.0.head.members
    }

    /// Whose signature it has.
    #[must_use]
    pub fn signer(&self) -> KeyFingerprint {
        self.0.head.signer
    }

    /// The keys that secrets are encrypted to, in the order of the list.
    pub fn recipients(&self) -> impl Iterator<Item = &Recipient> {
        self.members().iter().map(Member::recipient)
    }

    /// The member with this key.
    #[must_use]
    pub fn find(&self, key: &KeyFingerprint) -> Option<&Member> {
        self.members().iter().find(|member| member.fingerprint() == *key)
    }

    /// Whether the member with this key is an admin.
    pub(crate) fn is_admin(&self, key: &KeyFingerprint) -> bool {
        self.find(key).is_some_and(|member| member.role() == Role::Admin)
    }

    /// The hashes of the lists that it follows: of none, one, or both lists of a fork.
    pub(crate) fn predecessors(&self) -> impl Iterator<Item = ContentHash> {
        self.0.head.previous.into_iter().chain(self.0.head.merges)
    }

    /// Whether its signature is that of an admin of `before`, which may be itself.
    pub(crate) fn check_signer(&self, before: &Self) -> Result<(), MembersError> {
        let admin = before.find(&self.signer()).filter(|member| member.role() == Role::Admin);
        let admin = admin.ok_or(MembersError::NotByAdmin(self.signer()))?;
        let head = head_line(&self.0.head);
        let is_signed = admin.key().is_some_and(|key| {
            SignedKind::MemberList.is_signed(key, &self.0.signature, (&head, &[]))
        });
        if is_signed { Ok(()) } else { Err(MembersError::Signature) }
    }

    /// Whether an admin in it has signed it. That says nothing about the lists before it.
    pub(crate) fn is_signed_by_own_admin(&self) -> bool {
        self.check_signer(self).is_ok()
    }

    /// Whether these bytes may be a list after this one: they name it, and an admin in it has signed them. The keys in them,
    /// which take long, are not read.
    pub(crate) fn is_followed_by(&self, bytes: &[u8]) -> bool {
        let Ok((head, parts)) = SignedParts::split(bytes) else { return false };
        let links = serde_json::from_slice::<ListLinks>(head).ok();
        let is_named = |links: &ListLinks| links.predecessors().any(|hash| hash == self.hash());
        let signer = links.filter(is_named).and_then(|links| links.signer);
        let admin = signer.and_then(|signer| self.find(&signer));
        let key = admin.filter(|admin| admin.role() == Role::Admin).and_then(Member::key);
        key.is_some_and(|key| SignedKind::MemberList.is_signed(key, &parts.signature, (head, &[])))
    }

    /// Whether it follows a list that it names as its predecessor.
    pub(crate) fn check_step(&self, before: &Self) -> Result<(), MembersError> {
        let is_next = match self.0.head.previous == Some(before.hash()) {
            true => before.version().checked_add(1) == Some(self.version()),
            false => before.version() < self.version(),
        };
        if !is_next {
            return Err(MembersError::Numbering);
        }
        self.check_signer(before)
    }
}

impl ListHead {
    fn check(&self) -> Result<(), MembersError> {
        let is_first = self.version == 1;
        let has_predecessor = self.previous.is_some();
        let merges_itself = self.merges.is_some() && self.merges == self.previous;
        if !(1..=LARGEST_NUMBER).contains(&self.version)
            || is_first == has_predecessor
            || (is_first && self.merges.is_some())
            || merges_itself
        {
            return Err(MembersError::Numbering);
        }
        if self.members.len() > limits::MEMBERS {
            return Err(MembersError::Large);
        }
        if !self.members.iter().all(Member::has_valid_note) {
            return Err(MembersError::Note);
        }
        let count = self.members.len();
        let keys: BTreeSet<_> = self.members.iter().map(Member::fingerprint).collect();
        let recipients = self.members.iter().map(|member| member.recipient().to_string());
        if keys.len() < count || recipients.collect::<BTreeSet<_>>().len() < count {
            return Err(MembersError::Twice);
        }
        if !self.members.iter().all(Member::has_valid_role) {
            return Err(MembersError::NoKey);
        }
        let has_admin = self.members.iter().any(|member| member.role() == Role::Admin);
        if has_admin { Ok(()) } else { Err(MembersError::NoAdmin) }
    }

    fn sign(self, key: &SigningKey) -> Result<MemberList, MembersError> {
        let line = head_line(&self);
        let signature = SignedKind::MemberList.sign(key, (&line, &[]));
        SignedList::parse(document(&line, &signature, &[]).to_vec()).map(MemberList)
    }
}

impl MemberList {
    /// The list is trusted: its signature was verified, or its hash is known.
    pub(crate) fn accepted(list: SignedList) -> Self {
        Self(list)
    }

    /// The first list of a vault. The key must be an admin's in it.
    pub fn first(
        vault: VaultId,
        members: Vec<Member>,
        key: &SigningKey,
    ) -> Result<Self, MembersError> {
        let (version, signer) = (1, key.fingerprint());
        let head = ListHead {
            format: MEMBER_LIST_FORMAT,
            vault,
            version,
            previous: None,
            merges: None,
            members,
            signer,
        };
        let list = head.sign(key)?;
        list.check_signer(&list).map(|()| list)
    }

    /// The list after this one. The key must be an admin's in this one.
    pub fn next(&self, members: Vec<Member>, key: &SigningKey) -> Result<Self, MembersError> {
        self.followed(None, members, key)
    }

    /// The list after this one and another, which ends the fork between them. The key must be an admin's in
    /// both.
    pub fn merge(
        &self,
        other: &SignedList,
        members: Vec<Member>,
        key: &SigningKey,
    ) -> Result<Self, MembersError> {
        if other.vault() != self.vault() {
            return Err(MembersError::OtherVault);
        }
        // The later one counts as the one before, so that versions grow on both sides.
        let (before, merged) =
            if other.version() > self.version() { (other, &self.0) } else { (&self.0, other) };
        let list = Self(before.clone()).followed(Some(merged), members, key)?;
        list.check_step(merged).map(|()| list)
    }

    fn followed(
        &self,
        merged: Option<&SignedList>,
        members: Vec<Member>,
        key: &SigningKey,
    ) -> Result<Self, MembersError> {
        let head = ListHead {
            format: MEMBER_LIST_FORMAT,
            vault: self.vault(),
            version: self.version() + 1,
            previous: Some(self.hash()),
            merges: merged.map(SignedList::hash),
            members,
            signer: key.fingerprint(),
        };
        let list = head.sign(key)?;
        list.check_step(self).map(|()| list)
    }
}

/// An accepted list has all that a list has.
impl Deref for MemberList {
    type Target = SignedList;

    fn deref(&self) -> &SignedList {
        &self.0
    }
}

#[cfg(test)]
mod tests;
