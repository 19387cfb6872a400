//! Clients that are told which of their secrets change: names and fingerprints, never a value.
//!
//! A fingerprint is made of a secret's sealed bytes. So a change from outside (git, a restored backup) is
//! noticed while locked, too. What the daemon itself writes is told by who writes it: only that one
//! knows that a value was set to what it was.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fluvio_secret_protocol::{SecretFingerprint, SecretName, Subscribed, limits};

use crate::response::Response;
use crate::service::Answers;
use crate::vault_watcher::Outside;
use fluvio_secret_vault::Fingerprints;

/// All subscribers.
pub(crate) struct Subscribers {
    fingerprints: Fingerprints,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    subscribers: Vec<Subscriber>,
    /// What somebody is subscribed to.
    secrets: BTreeMap<SecretName, Known>,
    /// Notices changes from outside, while anybody is subscribed.
    outside: Option<Outside>,
}

impl State {
    fn forget_gone(&mut self) {
        let Self { subscribers, secrets, outside } = self;
        subscribers.retain(|subscriber| !subscriber.answers.is_gone());
        secrets.retain(|name, _| subscribers.iter().any(|one| one.names.contains(name)));
        if subscribers.is_empty() {
            *outside = None;
        }
    }
}

struct Subscriber {
    pid: i32,
    names: Vec<SecretName>,
    answers: Arc<dyn Answers>,
}

/// A secret, as its subscribers were last told.
struct Known {
    fingerprint: Option<u64>,
    /// The fingerprint of other sealed bytes that have the same value in them.
    same: Option<u64>,
}

/// Why there is no subscription.
#[derive(Debug)]
pub(crate) enum Unwatched {
    /// There are too many of them.
    Full,
    /// The system does not let us look.
    System(io::Error),
}

impl Subscribers {
    pub(crate) fn new(fingerprints: Fingerprints) -> Arc<Self> {
        Arc::new(Self { fingerprints, state: Mutex::default() })
    }

    /// Tells a process these secrets, and from then on which of them change.
    pub(crate) fn add(
        self: &Arc<Self>,
        pid: i32,
        names: Vec<SecretName>,
        answers: Arc<dyn Answers>,
    ) -> Result<(), Unwatched> {
        let mut state = self.state();
        state.forget_gone();
        if state.subscribers.len() >= limits::SUBSCRIPTIONS {
            return Err(Unwatched::Full);
        }
        // Before the first look: a change between the two is told.
        let outside = match state.outside.take() {
            Some(outside) => outside,
            None => Outside::watch(self).map_err(Unwatched::System)?,
        };
        let polled = state.outside.insert(outside).is_polled();
        for name in &names {
            let unknown = || Known { fingerprint: self.fingerprints.of(name), same: None };
            state.secrets.entry(name.clone()).or_insert_with(unknown);
        }
        self.look_in(&mut state, &names);
        let secrets = names.iter().filter_map(|name| {
            let fingerprint = state.secrets.get(name)?.fingerprint;
            Some(SecretFingerprint { name: name.clone(), fingerprint, is_same: false })
        });
        answers.send(Response::Subscribed(Subscribed { secrets: secrets.collect(), polled }));
        state.subscribers.push(Subscriber { pid, names, answers });
        Ok(())
    }

    /// Forgets those who do not listen any more.
    pub(crate) fn forget_gone(&self) {
        self.state().forget_gone();
    }

    /// Whether anybody is subscribed to a secret.
    pub(crate) fn has(&self, name: &SecretName) -> bool {
        self.state().secrets.contains_key(name)
    }

    /// Whether a process is told when one of these secrets changes.
    pub(crate) fn is_told(&self, pid: i32, names: &[SecretName]) -> bool {
        self.state().subscribers.iter().any(|one| {
            one.pid == pid
                && !one.answers.is_gone()
                && one.names.iter().any(|name| names.contains(name))
        })
    }

    /// Says of sealed bytes that are about to be a secret's that the value in them is that of the bytes
    /// with the fingerprint `before`.
    pub(crate) fn expect_same(&self, name: &SecretName, before: u64, fingerprint: u64) {
        let mut state = self.state();
        // A change from outside that nobody has noticed yet is one to its subscribers, whatever follows.
        self.look_in(&mut state, std::slice::from_ref(name));
        if let Some(known) = state.secrets.get_mut(name)
            && known.fingerprint == Some(before)
        {
            known.same = Some(fingerprint);
        }
    }

    /// Looks whether these secrets have changed, and tells it.
    pub(crate) fn look(&self, names: &[SecretName]) {
        let mut state = self.state();
        self.look_in(&mut state, names);
    }

    /// Looks at all that anybody is subscribed to.
    pub(crate) fn look_at_all(&self) {
        let mut state = self.state();
        let names: Vec<_> = state.secrets.keys().cloned().collect();
        self.look_in(&mut state, &names);
    }

    /// Logs that the vault is not at its path any more: until it is back, nothing of it is told.
    pub(crate) fn warn_if_moved(&self) {
        if !self.fingerprints.are_of_vault() {
            let path = self.folder().display();
            tracing::warn!("the directory of the vault {path} was moved, replaced or unmounted");
        }
    }

    /// The folder of the vault.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.fingerprints.folder()
    }

    /// Makes it notice no change from outside by itself, as when it polls and the second is not over.
    #[cfg(test)]
    pub(crate) fn hear_nothing_of_outside(&self) {
        self.state().outside = None;
    }

    fn look_in(&self, state: &mut State, names: &[SecretName]) {
        let known = names.iter().filter(|name| state.secrets.contains_key(*name));
        let fingerprints: Vec<_> = known.map(|name| (name, self.fingerprints.of(name))).collect();
        // What is in another directory at its path says nothing of the vault.
        if !self.fingerprints.are_of_vault() {
            return;
        }
        let mut changed = Vec::new();
        for (name, fingerprint) in fingerprints {
            let Some(known) = state.secrets.get_mut(name) else { continue };
            if fingerprint == known.fingerprint {
                continue;
            }
            let is_same = fingerprint.is_some() && fingerprint == known.same;
            // What was expected was said of the fingerprint before.
            *known = Known { fingerprint, same: None };
            changed.push(SecretFingerprint { name: name.clone(), fingerprint, is_same });
        }
        if changed.is_empty() {
            return;
        }
        let polled = state.outside.as_ref().is_some_and(Outside::is_polled);
        for Subscriber { names, answers, .. } in &state.subscribers {
            let theirs = changed.iter().filter(|marked| names.contains(&marked.name)).cloned();
            let secrets: Vec<_> = theirs.collect();
            if !secrets.is_empty() {
                answers.send(Response::Subscribed(Subscribed { secrets, polled }));
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a panic leaves behind is at worst a change that is told twice.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
