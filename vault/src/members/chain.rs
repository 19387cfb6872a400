//! Which list of members this machine accepts: the last accepted one, or one that follows from it.

use crate::id::VaultId;
use crate::members::content_hash::ContentHash;
use crate::members::error::MembersError;
use crate::members::lineage::Lineage;
use crate::members::list::{MemberList, SignedList};
use crate::members::signing_key::KeyFingerprint;

/// The last accepted list, and the way to newer ones.
///
/// Each list is signed by an admin of the one before. A machine remembers the hash of the last one that it has
/// accepted, and accepts only lists that follow from it.
#[derive(Clone, Debug)]
pub struct MemberChain {
    newest: MemberList,
}

/// A list that was not accepted.
#[derive(Debug)]
pub struct RefusedList {
    /// Its version.
    pub version: u64,
    /// The hash of its file.
    pub hash: ContentHash,
    /// Why it was not accepted.
    pub reason: MembersError,
}

impl MemberChain {
    /// Begins with a list that this machine has made.
    #[must_use]
    pub fn of(list: MemberList) -> Self {
        Self { newest: list }
    }

    /// Begins with the oldest list of a vault that an admin has signed whom the user trusts.
    /// [`MemberChain::advance`] then follows the chain, so that no fork is overlooked.
    pub fn pin(
        candidates: &[SignedList],
        vault: VaultId,
        admin: &KeyFingerprint,
    ) -> Result<Self, MembersError> {
        let ours = candidates.iter().filter(|list| list.vault() == vault);
        let by_admin = ours.filter(|list| list.signer() == *admin);
        // The admin is one in the list itself: the first list has none before it.
        let signed: Vec<_> = by_admin.filter(|list| list.check_signer(list).is_ok()).collect();
        let oldest = signed.iter().min_by_key(|list| list.version());
        let oldest = *oldest.ok_or(MembersError::Unpinned(*admin))?;
        let is_beside =
            |list: &&SignedList| list.version() == oldest.version() && list.hash() != oldest.hash();
        if signed.iter().any(is_beside) {
            return Err(MembersError::Fork);
        }
        Ok(Self { newest: MemberList::accepted(oldest.clone()) })
    }

    /// Continues with the list that this machine has accepted last, by its hash.
    pub fn resume(candidates: &[SignedList], accepted: &ContentHash) -> Result<Self, MembersError> {
        let found = candidates.iter().find(|list| list.hash() == *accepted);
        let list = found.ok_or(MembersError::Rollback)?;
        Ok(Self { newest: MemberList::accepted(list.clone()) })
    }

    /// The last accepted list.
    #[must_use]
    pub fn newest(&self) -> &MemberList {
        &self.newest
    }

    /// Accepts the newest list that follows from the last accepted one, and returns those that are not
    /// accepted.
    ///
    /// The candidates may be all lists that travel with the vault, in any order. Of a fork neither list is
    /// accepted, until a later list [merges](MemberList::merge) both. A machine that has accepted one of them
    /// before stays with it.
    pub fn advance(&mut self, candidates: &[SignedList]) -> Vec<RefusedList> {
        let lineage = Lineage::of(&self.newest, candidates);
        let verified = lineage.verify();
        let newest = lineage.newest(&verified.trusted);
        let accepted = lineage.ancestors(newest);
        let refused = |list: &SignedList, reason| RefusedList {
            version: list.version(),
            hash: list.hash(),
            reason,
        };
        let others = candidates.iter().filter(|list| list.vault() != self.newest.vault());
        let others = others.map(|list| refused(list, MembersError::OtherVault));
        let unverified =
            verified.refused.into_iter().map(|(place, why)| refused(lineage.lists[place], why));
        let forked = verified.trusted.difference(&accepted);
        let forked = forked.map(|&place| refused(lineage.lists[place], MembersError::Fork));
        // The vault was put back to an earlier state if the accepted list is not there any more.
        let is_here = candidates.iter().any(|list| list.hash() == lineage.lists[newest].hash());
        let older = accepted.iter().filter(|&&place| !is_here && place != newest);
        let older = older.map(|&place| refused(lineage.lists[place], MembersError::Rollback));
        let all = others.chain(unverified).chain(forked).chain(older).collect();
        let list = MemberList::accepted(lineage.lists[newest].clone());
        self.newest = list;
        all
    }
}

#[cfg(test)]
mod tests;
