//! Which topic it is. An admin can replace the topic by the next one.

use std::time::Instant;

use super::{Phase, Replicator, SyncGoal};
use crate::sync::event::{SyncAction, TopicFailure};
use crate::sync::offsets::TopicOffsets;
use crate::sync::sync_config::ReplicatedVault;
use crate::sync::topic_name;
use crate::sync::troubles::SyncTrouble;

impl Replicator {
    /// An admin has announced a topic.
    pub(super) fn found(&mut self, topic: String, generation: u64, now: Instant) {
        let is_here = topic == self.vault.topic && generation == self.vault.generation;
        if is_here && self.tried_from.take().is_some() {
            self.remember(now);
        } else if generation > self.vault.generation && self.goal != SyncGoal::EqualHere {
            self.tried_from = None;
            self.switch_to(topic, generation);
            self.remember(now);
            self.begin_reading(now);
        }
    }

    fn remember(&mut self, now: Instant) {
        let ReplicatedVault { topic, generation, .. } = self.vault.clone();
        self.actions.push(SyncAction::Remember { topic, generation });
        // Nothing may be new here, and the topic has no acknowledgement of this machine.
        self.acknowledge_soon(now);
    }

    fn switch_to(&mut self, topic: String, generation: u64) {
        self.vault.topic = topic;
        self.vault.generation = generation;
        self.offsets = TopicOffsets::default();
        self.members.clear();
        self.publisher.forget();
        self.acknowledged_at = None;
        self.was_read = false;
    }

    /// The topic is gone. If an admin has moved the vault while this machine was away, another one is there.
    pub(super) fn topic_is_missing(&mut self, cause: &str, now: Instant) {
        let pause = self.read_pause.next();
        self.end_consumer(Phase::Waiting(now + pause));
        self.missing_topic = Some(cause.to_owned());
        self.actions.push(SyncAction::ListTopics);
    }

    pub(super) fn found_topics(&mut self, topics: Result<Vec<String>, TopicFailure>, now: Instant) {
        let Some(missing) = self.missing_topic.take() else { return };
        let topics = topics.unwrap_or_default().into_iter();
        let topics: Vec<_> = topics.filter(|topic| !self.rejected.contains(topic)).collect();
        let ReplicatedVault { topic, generation, .. } = &self.vault;
        match topic_name::newest_after(topic, *generation, &topics) {
            Some((topic, generation)) => {
                self.tried_from = Some(self.vault.clone());
                self.switch_to(topic, generation);
                self.phase = Phase::Waiting(now);
            }
            None => self.report(SyncTrouble::Reading, &missing),
        }
    }

    /// No admin announces the topic that was tried.
    pub(super) fn reject(&mut self, now: Instant) {
        if let Some(before) = self.tried_from.take() {
            self.rejected.insert(self.vault.topic.clone());
            self.switch_to(before.topic, before.generation);
        }
        let pause = self.read_pause.next();
        self.end_consumer(Phase::Waiting(now + pause));
    }
}
