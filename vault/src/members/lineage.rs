//! How lists of members descend from each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::members::content_hash::ContentHash;
use crate::members::error::MembersError;
use crate::members::list::SignedList;

/// Lists of one vault, by growing versions, and what each of them follows.
///
/// A number in a set is the place of a list. What a list follows has a lower place, unless its version is wrong.
pub(crate) struct Lineage<'a> {
    pub(crate) lists: Vec<&'a SignedList>,
    predecessors: Vec<Vec<usize>>,
    accepted: usize,
}

/// Which lists can be trusted, and why the others cannot.
pub(crate) struct Verified {
    pub(crate) trusted: BTreeSet<usize>,
    pub(crate) refused: Vec<(usize, MembersError)>,
}

impl<'a> Lineage<'a> {
    pub(crate) fn of(accepted: &'a SignedList, candidates: &'a [SignedList]) -> Self {
        let ours = candidates.iter().filter(|list| list.vault() == accepted.vault());
        let mut lists: Vec<_> = ours.chain([accepted]).collect();
        lists.sort_by_key(|list| (list.version(), list.hash()));
        lists.dedup_by_key(|list| list.hash());
        let places: BTreeMap<ContentHash, usize> =
            lists.iter().enumerate().map(|(place, list)| (list.hash(), place)).collect();
        let of = |list: &&SignedList| {
            list.predecessors().filter_map(|hash| places.get(&hash).copied()).collect()
        };
        let predecessors = lists.iter().map(of).collect();
        let accepted = places[&accepted.hash()];
        Self { lists, predecessors, accepted }
    }

    /// Follows the lists from those that are trusted: the accepted one, and those before it, which it names by
    /// their hashes.
    pub(crate) fn verify(&self) -> Verified {
        let mut trusted = self.ancestors(self.accepted);
        let mut refused = Vec::new();
        for place in 0..self.lists.len() {
            if trusted.contains(&place) {
                continue;
            }
            match self.check(place, &trusted) {
                Ok(()) => drop(trusted.insert(place)),
                Err(error) => refused.push((place, error)),
            }
        }
        Verified { trusted, refused }
    }

    fn check(&self, place: usize, trusted: &BTreeSet<usize>) -> Result<(), MembersError> {
        let (list, before) = (self.lists[place], &self.predecessors[place]);
        if !before.iter().any(|before| trusted.contains(before)) {
            let is_newer = list.version() > self.lists[self.accepted].version();
            return Err(if is_newer { MembersError::Gap } else { MembersError::Rollback });
        }
        // Both lists of a fork, even if only one of them is trusted.
        before.iter().try_for_each(|&before| list.check_step(self.lists[before]))
    }

    /// The newest list that is before or after each of the accepted one's descendants. No fork is between it and the
    /// accepted one.
    pub(crate) fn newest(&self, trusted: &BTreeSet<usize>) -> usize {
        let descendants = self.descendants(self.accepted, trusted);
        let is_on_all_paths = |place: usize| {
            let after = self.descendants(place, &descendants);
            let before = self.ancestors(place);
            descendants.iter().all(|other| after.contains(other) || before.contains(other))
        };
        let mut newest_first = descendants.iter().rev().copied();
        newest_first.find(|&place| is_on_all_paths(place)).unwrap_or(self.accepted)
    }

    /// A list, and all before it that are here.
    pub(crate) fn ancestors(&self, of: usize) -> BTreeSet<usize> {
        let (mut found, mut next) = (BTreeSet::new(), vec![of]);
        while let Some(place) = next.pop() {
            if found.insert(place) {
                next.extend(&self.predecessors[place]);
            }
        }
        found
    }

    /// A list, and those among others that follow it.
    fn descendants(&self, of: usize, among: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut found = BTreeSet::from([of]);
        for &place in among {
            if self.predecessors[place].iter().any(|before| found.contains(before)) {
                found.insert(place);
            }
        }
        found
    }
}
