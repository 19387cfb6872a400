//! The lines of the topic: from its beginning, and then those that come.

use std::time::{Duration, Instant};

use super::{LONGEST_FIRST_RECORD_TIMEOUT, Phase, Replicator, SyncGoal};
use crate::sync::event::{ConsumeFrom, SyncAction, TopicFailure};
use crate::sync::line::{self, TopicLine};
use crate::sync::offsets::OffsetNews;
use crate::sync::troubles::SyncTrouble;

/// How often a consumer is replaced. One that has lost its cluster reports nothing. Later it may continue in another
/// topic of the same name.
pub(super) const FOLLOW_PERIOD: Duration = Duration::from_secs(20);
/// Bytes of records that a consumer gets at once for certain, so that it omits none.
const CERTAIN_BYTES: usize = line::FETCH_BYTES / 2;
/// How long a consumer that reads to the end may be silent.
pub(super) const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);
/// The time in which a missing record may still come.
pub(super) const LATE_RECORD_TIMEOUT: Duration = Duration::from_millis(500);
/// How often the lock of the vault is checked.
pub(super) const UNLOCK_POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The most lines that are no document of which the hash is kept.
const MOST_ODD_LINES: usize = 10_000;

impl Replicator {
    pub(super) fn advance_reading(&mut self, now: Instant) {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        match self.phase {
            Phase::Waiting(at) if at <= now => self.begin_reading(now),
            Phase::Locked(at) if at <= now => {
                self.phase = Phase::Locked(now + UNLOCK_POLL_INTERVAL);
                // None comes back, because the topic is not read.
                self.publisher.forget_sent();
                self.actions.push(SyncAction::CheckLock);
            }
            Phase::Reading(until) if until <= now => self.pause_reading("no record arrives", now),
            Phase::Following { expected, until } => {
                if is_due(self.publisher.overdue_at()) {
                    let is_repeated = self.publisher.give_up();
                    // It may hang.
                    self.actions.push(SyncAction::EndProducer);
                    if is_repeated && self.goal == SyncGoal::Follow {
                        let cause = "what was handed over does not arrive";
                        self.report(SyncTrouble::Publishing, cause);
                    }
                    self.reread(now);
                }
                let is_silent = is_due(expected.map(|(_, _, until)| until));
                if is_silent {
                    let longer = self.first_record_timeout * 2;
                    self.first_record_timeout = longer.min(LONGEST_FIRST_RECORD_TIMEOUT);
                }
                if is_silent || is_due(self.reread_at) {
                    self.begin_reading(now);
                } else if is_due(self.gap_at) {
                    self.gap_at = None;
                    if let Some(at) = self.offsets.gap() {
                        self.read_gap(at, now);
                    }
                } else if until <= now {
                    self.odd_pause.reset();
                    self.follow(now);
                }
            }
            _ => {}
        }
    }

    pub(super) fn begin_reading(&mut self, now: Instant) {
        self.reread_at = None;
        self.gap_at = None;
        self.gap = None;
        self.offsets.begin();
        self.documents.begin();
        self.foreign = 0;
        self.changes = 0;
        self.phase = Phase::Reading(now + SILENCE_TIMEOUT);
        self.consume(ConsumeFrom::Beginning);
    }

    /// Reads from a missing record on.
    fn read_gap(&mut self, at: u64, now: Instant) {
        self.gap = Some(at);
        self.phase = Phase::Reading(now + SILENCE_TIMEOUT);
        self.consume(ConsumeFrom::Rest(at));
    }

    /// Follows from the last record on, which shows whether the topic is still the same.
    fn follow(&mut self, now: Instant) {
        let last = self.offsets.last();
        let until = now + self.first_record_timeout;
        let expected = last.map(|(offset, hash)| (offset, hash, until));
        self.phase = Phase::Following { expected, until: now + FOLLOW_PERIOD };
        self.consume(ConsumeFrom::Offset(last.map_or(0, |(offset, _)| offset)));
    }

    fn consume(&mut self, from: ConsumeFrom) {
        self.run += 1;
        self.run_bytes = 0;
        self.mark = line::new_mark(self.run);
        let (mark, topic) = (self.mark.clone(), self.vault.topic.clone());
        self.actions.push(SyncAction::Consume { run: self.run, mark, topic, from });
    }

    /// Ends the consumer. What it has printed before does not count any more.
    pub(super) fn end_consumer(&mut self, next: Phase) {
        self.run += 1;
        self.phase = next;
        self.actions.push(SyncAction::EndConsumer);
    }

    fn pause_reading(&mut self, cause: &str, now: Instant) {
        let pause = self.read_pause.next();
        self.end_consumer(Phase::Waiting(now + pause));
        self.report(SyncTrouble::Reading, cause);
    }

    pub(super) fn read_line(&mut self, line: &[u8], now: Instant) {
        if let Phase::Reading(until) = &mut self.phase {
            *until = now + SILENCE_TIMEOUT;
        }
        self.run_bytes += line.len();
        let content = line.strip_prefix(self.mark.as_bytes()).unwrap_or(line);
        match TopicLine::parse(line, &self.mark, &self.vault.id) {
            TopicLine::Document { offset, bytes } => {
                let hash = self.documents.hash(&bytes);
                let is_known = self.documents.is_known(hash);
                let is_new = self.read_offset(offset, hash, is_known, now);
                match self.documents.read(hash) {
                    Some(document) => {
                        self.read_document(offset, document.is_acknowledgement);
                        self.returned(&document.id, now);
                    }
                    None if is_new => self.actions.push(SyncAction::Take { offset, hash, bytes }),
                    None => {}
                }
            }
            TopicLine::Foreign { offset } => {
                let hash = self.documents.hash(content);
                let is_new = self.read_offset(offset, hash, true, now);
                self.foreign += u64::from(is_new);
            }
            TopicLine::Malformed { offset } => {
                let hash = self.documents.hash(content);
                self.read_offset(offset, hash, true, now);
                self.odd(hash, now);
            }
            TopicLine::Continued => self.odd(self.documents.hash(content), now),
        }
    }

    /// Takes note of a record. Returns whether this reading did not have it yet.
    fn read_offset(&mut self, offset: u64, hash: u128, is_known: bool, now: Instant) -> bool {
        if let Phase::Following { expected: Some((first, known, _)), until } = self.phase {
            self.phase = Phase::Following { expected: None, until };
            if (first, known) != (offset, hash) {
                self.reread(now);
            }
        }
        match self.offsets.read(offset, hash, is_known) {
            OffsetNews::Next => return true,
            OffsetNews::Again => return false,
            OffsetNews::Gap => {
                self.gap_at.get_or_insert(now + LATE_RECORD_TIMEOUT);
            }
            OffsetNews::Remade => self.reread(now),
        }
        true
    }

    /// Takes note of a document. Whether a member has all that matters is seen without the acknowledgements.
    pub(super) fn read_document(&mut self, offset: u64, is_acknowledgement: bool) {
        if !is_acknowledgement {
            self.changes = self.changes.max(offset.saturating_add(1));
        }
    }

    /// Reads a line a second time, because it may have been damaged on its way.
    pub(super) fn odd(&mut self, hash: u128, now: Instant) {
        if self.odd_lines.len() < MOST_ODD_LINES && self.odd_lines.insert(hash) {
            let pause = self.odd_pause.next();
            self.reread(now + pause);
        }
    }

    pub(super) fn reread(&mut self, at: Instant) {
        self.reread_at = Some(self.reread_at.map_or(at, |earlier| earlier.min(at)));
    }

    pub(super) fn consumer_ended(&mut self, failure: Option<TopicFailure>, now: Instant) {
        match failure {
            None if matches!(self.phase, Phase::Reading(_)) => self.read_to_end(now),
            None => self.pause_reading("the consumer has stopped", now),
            Some(failure) => self.pause_reading(&failure.cause, now),
        }
    }

    fn read_to_end(&mut self, now: Instant) {
        self.works(SyncTrouble::Reading);
        self.read_pause.reset();
        if let Some(range) = self.gap.take().and_then(|at| self.offsets.give_up(at)) {
            let (first, last) = (range.start, range.end - 1);
            self.actions.push(SyncAction::Say(format!(
                "warning: the consumer omits the records {first} to {last} of the topic"
            )));
        }
        self.gap_at = None;
        if let Some(at) = self.offsets.gap() {
            return self.read_gap(at, now);
        }
        if self.run_bytes > CERTAIN_BYTES
            && let Some((last, _)) = self.offsets.last()
        {
            // If the one after it was omitted, no later one shows that.
            self.phase = Phase::Reading(now + SILENCE_TIMEOUT);
            return self.consume(ConsumeFrom::Rest(last));
        }
        if std::mem::take(&mut self.must_confirm) {
            return self.begin_reading(now);
        }
        self.was_read = true;
        self.publisher.begin_again(now);
        self.list_at = Some(now);
        self.follow(now);
    }
}
