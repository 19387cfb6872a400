//! What the daemon says of the documents that it was handed.

use std::time::{Duration, Instant};

use fluvio_secret_protocol::{TakenDocument, TakenOutcome};

use super::reading::UNLOCK_POLL_INTERVAL;
use super::{Phase, Replicator};
use crate::sync::event::DaemonFailure;
use crate::sync::status_file::AcknowledgedRecords;
use crate::sync::troubles::SyncTrouble;

/// How often the topic is read again at most because anything has changed.
pub(super) const REREAD_PERIOD: Duration = Duration::from_secs(10);

impl Replicator {
    pub(super) fn took(&mut self, offset: u64, hash: u128, taken: TakenDocument, now: Instant) {
        let TakenDocument { id, outcome } = taken;
        let is_acknowledgement = matches!(outcome, TakenOutcome::Acknowledged { .. });
        self.read_document(offset, is_acknowledgement);
        // One that was cut off on its way is whole the next time.
        self.refused.remove(&offset);
        let is_new = match outcome {
            TakenOutcome::Later => {
                self.documents.keep_for_later(hash, &id);
                false
            }
            TakenOutcome::ForOthers => {
                self.documents.settle_for_others(hash, &id);
                false
            }
            TakenOutcome::Announced { generation, .. }
                if self.is_next(generation) && !self.is_confirmed(hash, now) =>
            {
                self.documents.keep_for_later(hash, &id);
                false
            }
            _ => self.documents.settle(hash, &id, is_acknowledgement),
        };
        self.returned(&id, now);
        if is_new {
            self.learn(offset, hash, outcome, now);
        }
    }

    fn learn(&mut self, offset: u64, hash: u128, outcome: TakenOutcome, now: Instant) {
        match outcome {
            TakenOutcome::Secret { .. } => self.acknowledge_soon(now),
            TakenOutcome::Members => {
                self.acknowledge_soon(now);
                self.anything_changed(now);
            }
            TakenOutcome::Acknowledged { member, topic, records, at } => {
                if topic == self.vault.topic {
                    let known = self.members.entry(member).or_default();
                    if at >= known.at {
                        *known = AcknowledgedRecords { records, at };
                    }
                }
            }
            TakenOutcome::Announced { topic, generation } => self.found(topic, generation, now),
            TakenOutcome::Refused { reason } => {
                self.refused.insert(offset);
                self.last_refusal = Some(reason);
                self.odd(hash, now);
            }
            TakenOutcome::Known | TakenOutcome::Later | TakenOutcome::ForOthers => {}
        }
    }

    /// This machine may decrypt more now, and what it has may be new to others.
    pub(super) fn anything_changed(&mut self, now: Instant) {
        if self.documents.unsettled() > 0 {
            // Anyone can publish requests to join, which change something each time.
            let at = self.reread_from.max(now);
            // A reading that has not begun yet is after this change, too.
            if self.reread_at.is_none_or(|planned| planned > at) {
                self.reread_from = at + REREAD_PERIOD;
                self.reread(at);
            }
        }
        self.list_at = Some(now);
    }

    /// A document is on the topic.
    pub(super) fn returned(&mut self, id: &str, now: Instant) {
        if self.publisher.returned(id) {
            self.works(SyncTrouble::Publishing);
            self.publish_pause.reset();
            self.acknowledge_soon(now);
        }
    }

    /// The daemon cannot take documents at present. The topic is read again when it can.
    pub(super) fn daemon_failed(&mut self, failure: DaemonFailure, now: Instant) {
        // The documents that were handed over after this one fail as well.
        if !matches!(self.phase, Phase::Reading(_) | Phase::Following { .. }) {
            return;
        }
        match failure {
            DaemonFailure::Locked(cause) => {
                self.end_consumer(Phase::Locked(now + UNLOCK_POLL_INTERVAL));
                self.report(SyncTrouble::Locked, &cause);
            }
            DaemonFailure::Other(cause) => {
                let pause = self.read_pause.next();
                self.end_consumer(Phase::Waiting(now + pause));
                self.report(SyncTrouble::Vault, &cause);
            }
        }
    }

    pub(super) fn lock_checked(&mut self, is_locked: bool, now: Instant) {
        if matches!(self.phase, Phase::Locked(_)) && !is_locked {
            self.works(SyncTrouble::Locked);
            self.phase = Phase::Waiting(now);
        }
    }
}
