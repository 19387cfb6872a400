//! Decides what is done while a topic is followed. It starts no process and waits for nothing, so a test can be all
//! that happens around it.
//!
//! The topic is read from its beginning, and then followed. What the vault has and the topic lacks is published. After
//! any trouble, the topic is read from its beginning again: there is no stored position that could be wrong.
//!
//! * [`reading`]: the lines of the topic; [`outcomes`]: what the daemon says of its documents
//! * [`publishing`]: what the topic lacks
//! * [`moving`]: which topic it is

mod moving;
mod outcomes;
mod publishing;
mod reading;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::{Duration, Instant};

use fluvio_secret_protocol::{SecretName, SyncDocumentKey};

use super::documents::TopicDocuments;
use super::event::{SyncAction, SyncEvent};
use super::offsets::TopicOffsets;
use super::pause::GrowingPause;
use super::publisher::Publisher;
use super::status_file::{AcknowledgedRecords, ReplicationState, ReplicationStatus};
use super::sync_config::ReplicatedVault;
use super::troubles::{SyncTrouble, SyncTroubles};

/// How long the first record of a new consumer may take. Until it is here, no other one arrives.
const FIRST_RECORD_TIMEOUT: Duration = Duration::from_secs(2);
/// The same where the cluster is slow. After a consumer that was late, the next ones have twice the time.
const LONGEST_FIRST_RECORD_TIMEOUT: Duration = Duration::from_secs(10);

/// When there is nothing left to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SyncGoal {
    /// Never.
    Follow,
    /// When this vault has all that the topic has, and the topic all that this vault has.
    Equal,
    /// The same, even if an admin has announced another topic.
    EqualHere,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Waits before it reads from the beginning.
    Waiting(Instant),
    /// Waits until the vault is unlocked, and asks at this time.
    Locked(Instant),
    /// Reads the topic from its beginning. At this time, the consumer is taken to hang.
    Reading(Instant),
    /// Follows the topic.
    Following {
        /// The record that the consumer has to begin with, and until when.
        expected: Option<(u64, u128, Instant)>,
        /// When another consumer takes its place.
        until: Instant,
    },
}

/// Follows a topic for a vault.
pub(crate) struct Replicator {
    vault: ReplicatedVault,
    goal: SyncGoal,
    phase: Phase,
    /// The number of the consumer, and the mark of its lines.
    run: u64,
    mark: String,
    /// Bytes of its lines.
    run_bytes: usize,
    /// Whether the topic was read to its end.
    was_read: bool,
    /// The announcements of a next topic that were seen, and whether they have to be seen once more.
    announced: HashSet<u128>,
    must_confirm: bool,
    offsets: TopicOffsets,
    documents: TopicDocuments,
    odd_lines: HashSet<u128>,
    reread_at: Option<Instant>,
    /// When missing records are read, and the one with which that reading began.
    gap_at: Option<Instant>,
    gap: Option<u64>,
    read_pause: GrowingPause,
    odd_pause: GrowingPause,
    first_record_timeout: Duration,
    publisher: Publisher,
    publish_pause: GrowingPause,
    /// When everything is listed.
    list_at: Option<Instant>,
    /// The secrets that may have changed, and when they are listed at the earliest.
    changed: BTreeSet<SecretName>,
    list_names_from: Instant,
    /// The number of lists that the daemon has not sent yet.
    lists_left: usize,
    acknowledge_at: Option<Instant>,
    acknowledged_at: Option<Instant>,
    troubles: SyncTroubles,
    foreign: u64,
    /// The number of records up to the last document, without acknowledgements.
    changes: u64,
    /// The offsets of documents that were refused.
    refused: BTreeSet<u64>,
    /// The older records that the vault has in place of newer ones, by their ids.
    older: BTreeMap<SyncDocumentKey, String>,
    /// When the topic is read again at the earliest because anything has changed.
    reread_from: Instant,
    last_refusal: Option<String>,
    members: BTreeMap<String, AcknowledgedRecords>,
    status: ReplicationStatus,
    actions: Vec<SyncAction>,
    is_finished: bool,
}

impl Replicator {
    pub(crate) fn new(vault: ReplicatedVault, goal: SyncGoal, now: Instant) -> Self {
        let second = Duration::from_secs(1);
        Self {
            status: ReplicationStatus::of(&vault),
            vault,
            goal,
            phase: Phase::Waiting(now),
            run: 0,
            mark: String::new(),
            run_bytes: 0,
            was_read: false,
            announced: HashSet::new(),
            must_confirm: false,
            offsets: TopicOffsets::default(),
            documents: TopicDocuments::default(),
            odd_lines: HashSet::new(),
            reread_at: None,
            gap_at: None,
            gap: None,
            read_pause: GrowingPause::new(second / 5, 30 * second),
            odd_pause: GrowingPause::new(second, 60 * second),
            first_record_timeout: FIRST_RECORD_TIMEOUT,
            publisher: Publisher::default(),
            publish_pause: GrowingPause::new(second / 5, 30 * second),
            list_at: None,
            changed: BTreeSet::new(),
            list_names_from: now,
            lists_left: 0,
            acknowledge_at: None,
            acknowledged_at: None,
            troubles: SyncTroubles::default(),
            foreign: 0,
            changes: 0,
            refused: BTreeSet::new(),
            older: BTreeMap::new(),
            reread_from: now,
            last_refusal: None,
            members: BTreeMap::new(),
            actions: Vec::new(),
            is_finished: false,
        }
    }

    /// What is to be done after something happened.
    pub(crate) fn handle(&mut self, event: SyncEvent, now: Instant) -> Vec<SyncAction> {
        match event {
            SyncEvent::Line { run, line } if run == self.run => self.read_line(&line, now),
            SyncEvent::ConsumerEnded { run, failure } if run == self.run => {
                self.consumer_ended(failure, now);
            }
            // Of an earlier consumer.
            SyncEvent::Line { .. } | SyncEvent::ConsumerEnded { .. } => {}
            SyncEvent::ProducerEnded { cause } => self.producer_ended(&cause, now),
            SyncEvent::Took { offset, hash, taken: Ok(taken) } => {
                self.took(offset, hash, taken, now);
            }
            SyncEvent::Took { taken: Err(failure), .. } => self.daemon_failed(failure, now),
            SyncEvent::Listed(listed) => self.listed(listed, now),
            SyncEvent::Sent(sent) => self.sent(sent, now),
            SyncEvent::Announced(announced) => self.announced(announced, now),
            SyncEvent::Changed(names) => self.changed(&names, now),
            SyncEvent::Lock { is_locked } => self.lock_checked(is_locked, now),
        }
        self.advance(now)
    }

    /// What is to be done because time has passed.
    pub(crate) fn advance(&mut self, now: Instant) -> Vec<SyncAction> {
        if !self.is_finished {
            self.advance_reading(now);
            self.advance_publishing(now);
            if self.goal != SyncGoal::Follow && self.is_equal() {
                self.is_finished = true;
                self.actions.push(SyncAction::Finish);
            }
        }
        let status = self.current_status();
        if self.status != status {
            self.status = status;
            self.actions.push(SyncAction::WriteStatus);
        }
        std::mem::take(&mut self.actions)
    }

    /// When [`Self::advance`] has something to do, if nothing happens before.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let times = match self.phase {
            Phase::Waiting(at) | Phase::Reading(at) => vec![at],
            Phase::Locked(at) => {
                let listing = [self.list_at, self.changed_at()].into_iter().flatten();
                listing.filter(|_| self.publishes()).chain([at]).collect()
            }
            Phase::Following { expected, until } => {
                let first_record = expected.map(|(_, _, until)| until);
                let reading = [Some(until), first_record, self.reread_at, self.gap_at];
                let listing = [self.list_at, self.changed_at()];
                let publishing = [self.publisher.overdue_at(), self.acknowledge_at];
                reading.into_iter().chain(listing).chain(publishing).flatten().collect()
            }
        };
        times.into_iter().min()
    }

    pub(crate) fn status(&self) -> &ReplicationStatus {
        &self.status
    }

    pub(crate) fn vault(&self) -> &ReplicatedVault {
        &self.vault
    }

    /// Whether the topic has records that are no documents of this vault.
    pub(crate) fn has_foreign(&self) -> bool {
        self.foreign > 0
    }

    /// Whether the topic has the document with this id.
    pub(crate) fn has_document(&self, id: &str) -> bool {
        self.documents.has(id)
    }

    fn report(&mut self, trouble: SyncTrouble, cause: &str) {
        let text = trouble.text(&self.vault.topic, cause);
        if self.troubles.begin(trouble, &text) {
            self.actions.push(SyncAction::Trouble(text));
        }
    }

    fn works(&mut self, trouble: SyncTrouble) {
        if self.troubles.end(trouble) {
            self.actions.push(SyncAction::Say(format!("note: {}", trouble.end_text())));
        }
    }

    fn is_equal(&self) -> bool {
        let is_following = matches!(self.phase, Phase::Following { expected: None, .. });
        let is_listed = self.list_at.is_none() && self.changed.is_empty() && self.lists_left == 0;
        let is_read = self.reread_at.is_none() && self.gap_at.is_none();
        is_following && is_listed && is_read && self.publisher.left() == 0
    }

    fn current_status(&self) -> ReplicationStatus {
        let (state, is_counting) = match self.phase {
            Phase::Waiting(_) => (ReplicationState::Waiting, true),
            Phase::Locked(_) => (ReplicationState::Locked, true),
            Phase::Reading(_) => (ReplicationState::Reading, true),
            Phase::Following { .. } => (ReplicationState::Following, false),
        };
        let mut status = ReplicationStatus {
            state,
            troubles: self.troubles.causes(),
            was_read: self.was_read,
            unpublished: self.publisher.left(),
            refused: self.refused.len() as u64,
            last_refusal: self.last_refusal.clone().filter(|_| !self.refused.is_empty()),
            members: self.members.clone(),
            ..ReplicationStatus::of(&self.vault)
        };
        // While the topic is read again, the numbers of the last reading are shown.
        let is_same = status.topic == self.status.topic;
        if is_counting && self.was_read && is_same {
            status.records = self.status.records;
            status.unsettled = self.status.unsettled;
            status.foreign = self.status.foreign;
            status.changes = self.status.changes;
            status.unreadable = self.status.unreadable;
        } else {
            status.records = self.offsets.records();
            status.unsettled = self.documents.useless();
            status.foreign = self.foreign;
            status.changes = self.changes;
            status.unreadable = self.offsets.unreadable();
        }
        status
    }
}
