//! Clients that learn which of their secrets change: names and fingerprints, never a value.
//!
//! A fingerprint is a hash of encrypted bytes. So a change by git or a backup is noticed even if the
//! vault is locked. The daemon's own writers report theirs: only they know that a value is the same.
//! Clients that follow the whole vault share the watcher and the limit.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fluvio_secret_protocol::{SecretFingerprint, SecretName, Subscribed, limits};
use fluvio_secret_vault::Fingerprints;

use crate::answers::{Answers, Response};
use crate::vault_followers::VaultFollowers;
use crate::vault_watcher::{VaultChange, VaultWatcher};

pub(crate) struct Subscribers {
    fingerprints: Fingerprints,
    fallback: Option<Fallback>,
    state: Mutex<SubscriberState>,
}

/// The vault that may have what this one does not.
pub(crate) struct Fallback {
    pub(crate) fingerprints: Fingerprints,
    pub(crate) is_used: Arc<AtomicBool>,
}

#[derive(Default)]
struct SubscriberState {
    clients: Vec<SubscribedClient>,
    secrets: BTreeMap<SecretName, SubscribedSecret>,
    followers: VaultFollowers,
    /// Runs while there are subscribers or followers.
    watcher: Option<VaultWatcher>,
}

impl SubscriberState {
    fn forget_gone(&mut self) {
        let Self { clients, secrets, followers, watcher } = self;
        clients.retain(|client| !client.answers.is_gone());
        secrets.retain(|name, _| clients.iter().any(|client| client.names.contains(name)));
        followers.forget_gone();
        if clients.is_empty() && followers.count() == 0 {
            *watcher = None;
        }
    }
}

struct SubscribedClient {
    pid: i32,
    names: Vec<SecretName>,
    answers: Arc<dyn Answers>,
}

/// A secret, as its subscribers know it.
struct SubscribedSecret {
    fingerprint: Option<u64>,
    /// The fingerprints of two encrypted files with the same value, of which the second one is expected.
    same: Option<(u64, u64)>,
}

#[derive(Debug)]
pub(crate) enum Unwatched {
    Full,
    /// The vault cannot be watched.
    System(io::Error),
}

impl Subscribers {
    pub(crate) fn new(fingerprints: Fingerprints, fallback: Option<Fallback>) -> Arc<Self> {
        Arc::new(Self { fingerprints, fallback, state: Mutex::default() })
    }

    fn fingerprint_of(&self, name: &SecretName) -> Option<u64> {
        let used = self.fallback.as_ref().filter(|one| one.is_used.load(Ordering::Relaxed));
        self.fingerprints.of(name).or_else(|| used?.fingerprints.of(name))
    }

    /// Reports these secrets to a process, and from then on which of them change.
    pub(crate) fn add(
        self: &Arc<Self>,
        pid: i32,
        names: Vec<SecretName>,
        answers: Arc<dyn Answers>,
    ) -> Result<(), Unwatched> {
        let mut state = self.state();
        // Before the first check: a change between the two is reported.
        let polled = self.begin(&mut state)?;
        for name in &names {
            let new = || SubscribedSecret { fingerprint: self.fingerprint_of(name), same: None };
            state.secrets.entry(name.clone()).or_insert_with(new);
        }
        self.check_in(&mut state, &names);
        let secrets = names.iter().filter_map(|name| {
            let fingerprint = state.secrets.get(name)?.fingerprint;
            Some(SecretFingerprint { name: name.clone(), fingerprint, is_same: false })
        });
        answers.send(Response::new(Subscribed { secrets: secrets.collect(), polled }));
        state.clients.push(SubscribedClient { pid, names, answers });
        Ok(())
    }

    /// Reports the first answer to a process, and from then on all changes of the vault.
    pub(crate) fn add_follower(
        self: &Arc<Self>,
        answers: Arc<dyn Answers>,
    ) -> Result<(), Unwatched> {
        let mut state = self.state();
        self.begin(&mut state)?;
        state.followers.add(answers);
        Ok(())
    }

    /// Has the vault watched for one more client, if there is a place for it. Returns whether that polls.
    fn begin(self: &Arc<Self>, state: &mut SubscriberState) -> Result<bool, Unwatched> {
        state.forget_gone();
        if state.clients.len() + state.followers.count() >= limits::SUBSCRIPTIONS {
            return Err(Unwatched::Full);
        }
        let watcher = match state.watcher.take() {
            Some(watcher) => watcher,
            None => self.watch().map_err(Unwatched::System)?,
        };
        Ok(state.watcher.insert(watcher).is_polling())
    }

    /// Watches the vault, for as long as the subscribers exist.
    fn watch(self: &Arc<Self>) -> io::Result<VaultWatcher> {
        let subscribers = Arc::downgrade(self);
        VaultWatcher::start(self.fingerprints.folder().to_owned(), move |change| {
            let Some(subscribers) = subscribers.upgrade() else { return false };
            match change {
                VaultChange::Names(names) => {
                    subscribers.report_names(&names);
                    subscribers.check(&names);
                }
                VaultChange::Members => subscribers.report_any(),
                VaultChange::Unknown => subscribers.check_all(),
                VaultChange::Poll => subscribers.poll(),
                VaultChange::Directory => {
                    subscribers.warn_if_moved();
                    subscribers.check_all();
                }
            }
            true
        })
    }

    pub(crate) fn forget_gone(&self) {
        self.state().forget_gone();
    }

    pub(crate) fn has(&self, name: &SecretName) -> bool {
        self.state().secrets.contains_key(name)
    }

    /// Whether a process is notified when one of these secrets changes.
    pub(crate) fn is_notified(&self, pid: i32, names: &[SecretName]) -> bool {
        self.state().clients.iter().any(|client| {
            client.pid == pid
                && !client.answers.is_gone()
                && client.names.iter().any(|name| names.contains(name))
        })
    }

    /// Remembers that the encrypted bytes with the fingerprints `before` and `after` have the same value. To be
    /// called before a secret gets the latter.
    pub(crate) fn expect_same(&self, name: &SecretName, before: u64, after: u64) {
        let mut state = self.state();
        // Subscribers learn of an earlier change by another program, whatever follows.
        self.check_in(&mut state, std::slice::from_ref(name));
        if let Some(secret) = state.secrets.get_mut(name).filter(|_| before != after) {
            secret.same = Some((before, after));
        }
    }

    /// Reports which of these secrets have changed.
    pub(crate) fn check(&self, names: &[SecretName]) {
        self.check_in(&mut self.state(), names);
    }

    /// Reports to followers that these secrets may have changed.
    pub(crate) fn report_names(&self, names: &[SecretName]) {
        self.state().followers.report_names(names);
    }

    /// Reports to followers that anything may have changed, such as the members.
    pub(crate) fn report_any(&self) {
        self.state().followers.report_any();
    }

    /// Reports which of all subscribed secrets have changed, and that anything may have.
    pub(crate) fn check_all(&self) {
        let mut state = self.state();
        state.followers.report_any();
        self.check_subscribed(&mut state);
    }

    /// The same, if the system does not report changes: followers learn of those of the directories.
    fn poll(&self) {
        let mut state = self.state();
        state.followers.poll(self.fingerprints.folder());
        self.check_subscribed(&mut state);
    }

    fn check_subscribed(&self, state: &mut SubscriberState) {
        let names: Vec<_> = state.secrets.keys().cloned().collect();
        self.check_in(state, &names);
    }

    fn warn_if_moved(&self) {
        if !self.fingerprints.are_of_vault() {
            let path = self.fingerprints.folder().display();
            tracing::warn!("the directory of the vault {path} was moved, replaced or unmounted");
        }
    }

    /// Stops the watcher, so that changes by other programs are not noticed.
    #[cfg(test)]
    pub(crate) fn stop_watching(&self) {
        self.state().watcher = None;
    }

    fn check_in(&self, state: &mut SubscriberState, names: &[SecretName]) {
        let subscribed = names.iter().filter(|name| state.secrets.contains_key(*name));
        let fingerprints: Vec<_> =
            subscribed.map(|name| (name, self.fingerprint_of(name))).collect();
        // Another directory at the vault's path has nothing of the vault.
        if !self.fingerprints.are_of_vault() {
            return;
        }
        let (mut returned, mut changed) = (Vec::new(), Vec::new());
        for (name, fingerprint) in fingerprints {
            let Some(secret) = state.secrets.get_mut(name) else { continue };
            if fingerprint == secret.fingerprint {
                continue;
            }
            let same = secret.same.filter(|(_, after)| fingerprint == Some(*after));
            let is_same = same.is_some();
            // An earlier value is back, for those who have it.
            if let Some((before, _)) =
                same.filter(|(before, _)| secret.fingerprint != Some(*before))
            {
                let (name, fingerprint) = (name.clone(), Some(before));
                returned.push(SecretFingerprint { name, fingerprint, is_same: false });
            }
            // `same` was about the fingerprint before.
            *secret = SubscribedSecret { fingerprint, same: None };
            changed.push(SecretFingerprint { name: name.clone(), fingerprint, is_same });
        }
        let polled = state.watcher.as_ref().is_some_and(VaultWatcher::is_polling);
        for SubscribedClient { names, answers, .. } in &state.clients {
            for reported in [&returned, &changed] {
                let theirs = reported.iter().filter(|one| names.contains(&one.name)).cloned();
                let secrets: Vec<_> = theirs.collect();
                if !secrets.is_empty() {
                    answers.send(Response::new(Subscribed { secrets, polled }));
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, SubscriberState> {
        // At worst, after a panic a change is reported twice.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
