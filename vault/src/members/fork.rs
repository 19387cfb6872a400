//! Two lists of members that follow the same one, and the list that brings them together.

use std::collections::BTreeSet;

use fluvio_secret_protocol::Role;

use crate::members::chain::RefusedList;
use crate::members::error::MembersError;
use crate::members::lineage::Lineage;
use crate::members::list::{MemberList, SignedList};
use crate::members::member::Member;
use crate::members::signing_key::{KeyFingerprint, SigningKey};

/// Two branches of lists, and the newest list that both follow.
pub(crate) struct ListFork<'a> {
    before: &'a SignedList,
    one: Branch<'a>,
    other: Branch<'a>,
}

/// The last list of a branch, and who signed its lists.
struct Branch<'a> {
    end: &'a SignedList,
    signers: Vec<KeyFingerprint>,
}

impl<'a> ListFork<'a> {
    /// The accepted list may be one of the two, or come before both.
    pub(crate) fn of(
        accepted: &'a SignedList,
        lists: &'a [SignedList],
        refused: &[RefusedList],
    ) -> Option<Self> {
        let is_fork = |list: &&SignedList| {
            let mut forks = refused.iter().filter(|one| one.reason == MembersError::Fork);
            forks.any(|fork| fork.hash == list.hash())
        };
        let mut ends: Vec<_> = lists.iter().filter(is_fork).chain([accepted]).collect();
        // The last one of each branch.
        let earlier: Vec<_> = ends.iter().flat_map(|list| list.predecessors()).collect();
        ends.retain(|list| !earlier.contains(&list.hash()));
        ends.sort_by_key(|list| (list.version(), list.hash()));
        ends.dedup_by_key(|list| list.hash());
        let [one, other, ..] = ends[..] else { return None };
        let lineage = Lineage::of(accepted, lists);
        let ancestors = |of: &SignedList| {
            let place = lineage.lists.iter().position(|list| list.hash() == of.hash());
            place.map(|place| lineage.ancestors(place))
        };
        let (before_one, before_other) = (ancestors(one)?, ancestors(other)?);
        let common = before_one.intersection(&before_other).max().copied()?;
        let branch = |end, of: &BTreeSet<usize>, apart_from: &BTreeSet<usize>| {
            let lists = of.difference(apart_from).map(|&place| lineage.lists[place].signer());
            Branch { end, signers: lists.collect() }
        };
        let one = branch(one, &before_one, &before_other);
        let other = branch(other, &before_other, &before_one);
        Some(Self { before: lineage.lists[common], one, other })
    }

    /// The list that follows both. The key must be an admin's in both.
    pub(crate) fn merge(&self, key: &SigningKey) -> Result<MemberList, MembersError> {
        MemberList::accepted(self.one.end.clone()).merge(self.other.end, self.members(), key)
    }

    /// A member that was added in one of them stays, and one that was removed in one of them does not.
    ///
    /// An admin that was removed in one of them could still sign lists: its branch adds no member, and gives none more
    /// rights.
    fn members(&self) -> Vec<Member> {
        let before = self.before.members();
        let [one, other] = [self.taken(&self.one, &self.other), self.taken(&self.other, &self.one)];
        let has = |members: &[Member], member: &Member| {
            members.iter().any(|one| one.fingerprint() == member.fingerprint())
        };
        let was_removed =
            |member: &Member| has(before, member) && !(has(&one, member) && has(&other, member));
        let mut members: Vec<Member> = Vec::new();
        for member in one.iter().chain(&other).filter(|member| !was_removed(member)) {
            match members.iter_mut().find(|known| known.is_same_as(member)) {
                // Changed in one of them, or with fewer rights in one of them.
                Some(known) if before.contains(known) => *known = member.clone(),
                Some(_) if before.contains(member) => {}
                Some(known) => known.lower_to(member.role()),
                None => members.push(member.clone()),
            }
        }
        members
    }

    /// The members of a branch, as far as its signers may decide that after the other branch.
    fn taken(&self, branch: &Branch<'_>, other: &Branch<'_>) -> Vec<Member> {
        let members = branch.end.members();
        let is_admin = |list: &SignedList, key: &KeyFingerprint| {
            list.find(key).is_some_and(|one| one.role() == Role::Admin)
        };
        let was_removed =
            |key: &KeyFingerprint| is_admin(self.before, key) && !is_admin(other.end, key);
        if !branch.signers.iter().any(was_removed) {
            return members.to_vec();
        }
        let before = self.before.members().iter();
        let stays =
            |one: &&Member| members.iter().any(|member| member.fingerprint() == one.fingerprint());
        before.filter(stays).cloned().collect()
    }
}
