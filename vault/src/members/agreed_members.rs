//! The list that counts, and this machine's place in it.

use std::path::Path;

use crate::keys::identity::Recipient;
use crate::members::list::MemberList;
use crate::members::member::Member;
use crate::members::store_error::MemberStoreError;

/// The list that counts, with the keys that secrets are encrypted to.
pub(crate) struct AgreedMembers {
    pub(crate) list: MemberList,
    /// The members, where a retired key of this machine is replaced by its current one.
    pub(crate) members: Vec<Member>,
    /// This machine's own place among them.
    pub(crate) own: usize,
}

impl AgreedMembers {
    /// Fails if this machine only reads the vault.
    pub(crate) fn refuse_reader(&self, vault: &Path) -> Result<(), MemberStoreError> {
        match self.members[self.own].may_write() {
            true => Ok(()),
            false => Err(MemberStoreError::Reader { path: vault.to_owned() }),
        }
    }

    /// Gives this machine another key. One on paper that is the same key is no other member then.
    pub(crate) fn use_key(&mut self, recipient: &Recipient) {
        let own = self.members[self.own].with_recipient(recipient.clone());
        let is_paper = |one: &Member| one.key().is_none() && one.recipient() == recipient;
        self.own -= self.members[..self.own].iter().filter(|one| is_paper(one)).count();
        self.members.retain(|one| one.fingerprint() == own.fingerprint() || !is_paper(one));
        self.members[self.own] = own;
    }
}
