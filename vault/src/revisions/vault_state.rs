//! How the states of a vault on several machines become one.
//!
//! [`VaultState::merge`] is commutative, associative and idempotent. So machines that have merged the same
//! records have the same state, whatever the order was, and however often each record came.

use std::collections::BTreeMap;

use fluvio_secret_protocol::{RecordKind, SecretName};

use crate::revisions::revision::{Revision, next_counter};

/// What a vault has of each name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct VaultState {
    secrets: BTreeMap<SecretName, SecretState>,
}

/// What a vault has of one name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SecretState {
    current: Revision,
    /// The newest purge. It is kept when the secret is set again, or a machine that was away would bring
    /// purged values back.
    purge: Option<Revision>,
    history: Vec<Revision>,
}

impl VaultState {
    /// Adds one record. `depth` is the number of earlier values that are kept.
    pub fn add(&mut self, name: &SecretName, revision: Revision, depth: usize) {
        self.extend(name, [revision], depth);
    }

    /// The state that has what both have.
    #[must_use]
    pub fn merge(&self, other: &Self, depth: usize) -> Self {
        let mut merged = self.clone();
        for (name, state) in &other.secrets {
            merged.extend(name, state.revisions(), depth);
        }
        merged
    }

    fn extend(
        &mut self,
        name: &SecretName,
        revisions: impl IntoIterator<Item = Revision>,
        depth: usize,
    ) {
        let found = self.secrets.get(name).into_iter().flat_map(SecretState::revisions);
        if let Some(state) = SecretState::of(found.chain(revisions), depth) {
            self.secrets.insert(name.clone(), state);
        }
    }

    /// What it has of a name.
    #[must_use]
    pub fn get(&self, name: &SecretName) -> Option<&SecretState> {
        self.secrets.get(name)
    }

    /// All names, also those of deleted secrets.
    pub fn iter(&self) -> impl Iterator<Item = (&SecretName, &SecretState)> {
        self.secrets.iter()
    }

    /// The counter of the next change of a name.
    #[must_use]
    pub fn next_counter(&self, name: &SecretName) -> Option<u64> {
        next_counter(self.get(name).map(SecretState::current))
    }
}

impl SecretState {
    /// The state of a name that has these revisions, in any order; `None` without any.
    pub fn of(revisions: impl IntoIterator<Item = Revision>, depth: usize) -> Option<Self> {
        // Of the files of one change, only the greatest counts.
        let mut changes = BTreeMap::new();
        for revision in revisions {
            let greatest = changes.entry(revision.change()).or_insert(revision);
            *greatest = revision.max(*greatest);
        }
        let newest_first = || changes.values().rev().copied();
        let current = newest_first().next()?;
        let purge = newest_first().find(|revision| revision.kind == RecordKind::Purged);
        let is_kept = |revision: &Revision| {
            revision.kind == RecordKind::Value && purge.is_none_or(|purge| *revision > purge)
        };
        let history = newest_first().skip(1).filter(is_kept).take(depth).collect();
        Some(Self { current, purge, history })
    }

    /// All records that are kept: the current one, the newest purge, and the history.
    pub fn revisions(&self) -> impl Iterator<Item = Revision> {
        [self.current].into_iter().chain(self.purge).chain(self.history.iter().copied())
    }

    /// The record that counts. The secret exists if it is a value.
    #[must_use]
    pub fn current(&self) -> &Revision {
        &self.current
    }

    /// The newest purge.
    #[must_use]
    pub fn purge(&self) -> Option<&Revision> {
        self.purge.as_ref()
    }

    /// Earlier values, newest first.
    #[must_use]
    pub fn history(&self) -> &[Revision] {
        &self.history
    }
}

#[cfg(test)]
mod tests;
