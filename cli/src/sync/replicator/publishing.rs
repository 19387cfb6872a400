//! What the topic lacks.

use std::time::{Duration, Instant};

use fluvio_secret_protocol::{ListedSyncDocument, SecretName, limits};

use super::{Phase, Replicator};
use crate::sync::event::{DaemonFailure, SyncAction};
use crate::sync::troubles::SyncTrouble;

/// How long changes are collected before the topic is acknowledged, and how often it is.
pub(super) const ACKNOWLEDGE_DELAY: Duration = Duration::from_secs(5);
pub(super) const ACKNOWLEDGE_PERIOD: Duration = Duration::from_secs(60);
/// How often secrets that may have changed are listed at most. One change is reported several times, and `git pull` may
/// change all secrets.
pub(super) const LIST_PERIOD: Duration = Duration::from_millis(50);

impl Replicator {
    /// Whether it is known what the topic has.
    pub(super) fn publishes(&self) -> bool {
        match self.phase {
            Phase::Following { .. } => true,
            // What you set while the vault is locked is published. It was known then what the topic has.
            Phase::Locked(_) => self.was_read,
            Phase::Waiting(_) | Phase::Reading(_) => false,
        }
    }

    pub(super) fn advance_publishing(&mut self, now: Instant) {
        if !self.publishes() {
            return;
        }
        let (topic, generation) = (self.vault.topic.clone(), self.vault.generation);
        if self.list_at.is_some_and(|at| at <= now) {
            self.list_at = None;
            self.changed.clear();
            self.list(&[]);
            self.lists_left += 1;
            self.actions.push(SyncAction::Announce { topic: topic.clone(), generation });
        }
        if self.changed_at().is_some_and(|at| at <= now) {
            self.list_names_from = now + LIST_PERIOD;
            let names = Vec::from_iter(std::mem::take(&mut self.changed));
            names.chunks(limits::PAGE_NAMES).for_each(|names| self.list(names));
        }
        // The next one follows when this one was handed over.
        if let Some(key) = self.publisher.next() {
            self.actions.push(SyncAction::Send { topic: topic.clone(), key });
        }
        let is_following = matches!(self.phase, Phase::Following { .. });
        if is_following && self.acknowledge_at.is_some_and(|at| at <= now) {
            self.acknowledge_at = None;
            self.acknowledged_at = Some(now);
            let records = self.offsets.records();
            self.actions.push(SyncAction::Acknowledge { topic, records });
        }
    }

    fn list(&mut self, names: &[SecretName]) {
        self.lists_left += 1;
        self.actions.push(SyncAction::List(names.to_vec()));
    }

    /// When secrets that may have changed are listed, if there are any.
    pub(super) fn changed_at(&self) -> Option<Instant> {
        (!self.changed.is_empty()).then_some(self.list_names_from)
    }

    /// The vault has changed. Without names, anything may have.
    pub(super) fn changed(&mut self, names: &[SecretName], now: Instant) {
        if names.is_empty() {
            self.anything_changed(now);
        } else if self.publishes() {
            self.changed.extend(names.iter().cloned());
        }
        // Otherwise, everything is listed when the topic was read.
    }

    pub(super) fn listed(
        &mut self,
        listed: Result<Vec<ListedSyncDocument>, DaemonFailure>,
        now: Instant,
    ) {
        self.lists_left = self.lists_left.saturating_sub(1);
        match listed {
            Ok(listed) => {
                self.works(SyncTrouble::Vault);
                self.take_again_after(&listed, now);
                self.publisher.wants(listed, |id| self.documents.has(id));
                if self.publisher.left() == 0 {
                    self.works(SyncTrouble::Publishing);
                }
            }
            Err(failure) => self.cannot_list(failure, now),
        }
    }

    /// Takes all records once more if the vault has older ones than before, as a backup or git brings them back.
    fn take_again_after(&mut self, listed: &[ListedSyncDocument], now: Instant) {
        let mut has_new = false;
        for ListedSyncDocument { key, id, older } in listed {
            let before = match older {
                true => self.older.insert(key.clone(), id.clone()),
                false => self.older.remove(key),
            };
            has_new |= *older && before.as_ref() != Some(id);
        }
        if has_new && self.was_read {
            self.documents.forget_settled();
            let pause = self.odd_pause.next();
            self.reread(now + pause);
        }
    }

    /// A document was handed to the producer, or is gone.
    pub(super) fn sent(&mut self, sent: Result<Option<String>, DaemonFailure>, now: Instant) {
        self.publisher.fetched();
        match sent {
            Ok(Some(id)) => self.publisher.sent(&id, now),
            Ok(None) => {}
            Err(failure) => self.cannot_list(failure, now),
        }
    }

    pub(super) fn announced(
        &mut self,
        announced: Result<Option<(String, Vec<u8>)>, DaemonFailure>,
        now: Instant,
    ) {
        self.lists_left = self.lists_left.saturating_sub(1);
        match announced {
            Ok(Some((id, bytes))) => {
                let is_there = self.documents.has(&id) || self.publisher.is_sent(&id);
                if self.publishes() && !is_there {
                    self.publisher.sent(&id, now);
                    let topic = self.vault.topic.clone();
                    self.actions.push(SyncAction::SendBytes { topic, bytes });
                }
            }
            Ok(None) => {}
            Err(failure) => self.cannot_list(failure, now),
        }
    }

    /// What the vault has to publish is not known at present.
    fn cannot_list(&mut self, failure: DaemonFailure, now: Instant) {
        match failure {
            DaemonFailure::Locked(_) => self.daemon_failed(failure, now),
            DaemonFailure::Other(cause) => {
                self.report(SyncTrouble::Vault, &cause);
                self.list_at = Some(now + self.publish_pause.next());
            }
        }
    }

    pub(super) fn producer_ended(&mut self, cause: &str, now: Instant) {
        if self.publisher.left() == 0 {
            // It lost an acknowledgement at most. The next one says the same and more.
            return self.acknowledge_soon(now);
        }
        self.report(SyncTrouble::Publishing, cause);
        self.publisher.forget();
        self.list_at = Some(now + self.publish_pause.next());
    }

    pub(super) fn acknowledge_soon(&mut self, now: Instant) {
        let earliest = self.acknowledged_at.map(|at| at + ACKNOWLEDGE_PERIOD);
        let at = earliest.map_or(now + ACKNOWLEDGE_DELAY, |at| at.max(now + ACKNOWLEDGE_DELAY));
        self.acknowledge_at.get_or_insert(at);
    }
}
