//! Which topic it is. An admin can replace the topic by the next one.
//!
//! An announcement counts only when the whole topic was read with it. Until then, this machine may not know the list that
//! removes the admin who announces. That admin could take it to another topic.

use std::time::Instant;

use super::{Replicator, SyncGoal};
use crate::sync::event::SyncAction;
use crate::sync::offsets::TopicOffsets;

impl Replicator {
    /// Whether a topic that an admin announces takes the place of this one.
    pub(super) fn is_next(&self, generation: u64) -> bool {
        generation > self.vault.generation && self.goal != SyncGoal::EqualHere
    }

    /// Takes note of an announcement. Returns whether the topic was read to its end since it was seen first.
    pub(super) fn is_confirmed(&mut self, hash: u128, now: Instant) -> bool {
        let is_first = self.announced.insert(hash);
        if is_first {
            self.must_confirm = true;
            self.reread(now);
        }
        !is_first
    }

    /// An admin has announced a topic.
    pub(super) fn found(&mut self, topic: String, generation: u64, now: Instant) {
        if !self.is_next(generation) {
            return;
        }
        self.vault.topic.clone_from(&topic);
        self.vault.generation = generation;
        self.offsets = TopicOffsets::default();
        self.members.clear();
        self.announced.clear();
        self.must_confirm = false;
        self.publisher.forget();
        self.acknowledged_at = None;
        self.was_read = false;
        self.actions.push(SyncAction::Remember { topic, generation });
        // Nothing may be new here, and the topic has no acknowledgement of this machine.
        self.acknowledge_soon(now);
        self.begin_reading(now);
    }
}
