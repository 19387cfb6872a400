//! Carries out what the replicator decides: children, calls of the daemon, files.

use std::collections::VecDeque;
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use fluvio_secret_protocol::{SecretName, SyncDocument, SyncDocumentKey};
use fluvio_secret_system::help::Helpful;
use jiff::Timestamp;

use super::children::{ChildMessage, ConsumerChild, ProducerChild};
use super::event::{SyncAction, SyncEvent, TopicFailure};
use super::fluvio::FluvioProgram;
use super::line;
use super::replicator::{Replicator, SyncGoal};
use super::status_file::StatusFile;
use super::sync_config::{self, ReplicatedVault};
use super::sync_error::SyncError;
use super::sync_log::SyncLog;
use super::sync_places::SyncPlaces;
use super::vault_follower;
use super::vault_link::VaultLink;
use crate::connection;
use crate::error::CliError;
use crate::signals;

/// How often the file with the status is written at most.
const STATUS_PERIOD: Duration = Duration::from_millis(300);
/// The longest wait without a deadline.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// Lines of the topic that wait for the daemon. Each may have a mebibyte and a half.
const QUEUED_LINES: usize = 16;

/// What other threads report.
#[derive(Debug)]
pub(crate) enum EngineMessage {
    Child(ChildMessage),
    /// Secrets have changed. Without names, anything may have.
    Changed(Vec<SecretName>),
    Signal(i32),
}

impl From<ChildMessage> for EngineMessage {
    fn from(message: ChildMessage) -> Self {
        Self::Child(message)
    }
}

/// Follows a topic.
pub(crate) struct Engine {
    places: SyncPlaces,
    fluvio: FluvioProgram,
    vault: VaultLink,
    replicator: Replicator,
    goal: SyncGoal,
    log: SyncLog,
    messages: Receiver<EngineMessage>,
    sender: SyncSender<EngineMessage>,
    consumer: Option<ConsumerChild>,
    producer: Option<ProducerChild>,
    producers: u64,
    since: i64,
    /// When the status is written, and when it was.
    status_at: Option<Instant>,
    status_written: Option<Instant>,
    is_over: bool,
}

impl Engine {
    pub(crate) fn new(
        places: SyncPlaces,
        fluvio: FluvioProgram,
        vault: ReplicatedVault,
        goal: SyncGoal,
        log: SyncLog,
    ) -> Self {
        let (sender, messages) = sync_channel(QUEUED_LINES);
        Self {
            places,
            fluvio,
            vault: VaultLink::new(vault.address()),
            replicator: Replicator::new(vault, goal, Instant::now()),
            goal,
            log,
            messages,
            sender,
            consumer: None,
            producer: None,
            producers: 0,
            since: Timestamp::now().as_second(),
            status_at: None,
            status_written: None,
            is_over: false,
        }
    }

    /// Follows the topic until a signal ends it.
    pub(crate) fn follow(mut self) -> Result<(), CliError> {
        let sender = self.sender.clone();
        signals::hand_over(move |signal| {
            let _ = sender.send(EngineMessage::Signal(signal));
        })
        .map_err(CliError::System)?;
        let sender = self.sender.clone();
        let report = move |names| sender.send(EngineMessage::Changed(names)).is_ok();
        let vault = self.replicator.vault().address();
        vault_follower::start(connection::state()?, vault, report).map_err(CliError::System)?;
        self.status_at = Some(Instant::now());
        self.run()
    }

    /// Publishes and takes everything. Returns what the topic is then.
    pub(crate) fn make_equal(mut self) -> Result<Replicator, CliError> {
        self.run()?;
        Ok(self.replicator)
    }

    fn run(&mut self) -> Result<(), CliError> {
        let actions = self.replicator.advance(Instant::now());
        self.carry_out(actions)?;
        while !self.is_over {
            match self.messages.recv_timeout(self.wait()) {
                Ok(message) => self.receive(message)?,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let actions = self.replicator.advance(Instant::now());
                    self.carry_out(actions)?;
                }
            }
            self.write_status();
        }
        Ok(())
    }

    fn wait(&self) -> Duration {
        let deadline = self.replicator.deadline().into_iter().chain(self.status_at).min();
        deadline.map_or(LONGEST_WAIT, |at| at.saturating_duration_since(Instant::now()))
    }

    fn receive(&mut self, message: EngineMessage) -> Result<(), CliError> {
        let event = match message {
            EngineMessage::Child(ChildMessage::Line { run, line }) => SyncEvent::Line { run, line },
            EngineMessage::Child(ChildMessage::ConsumerEnded { run, failure }) => {
                SyncEvent::ConsumerEnded { run, failure }
            }
            EngineMessage::Child(ChildMessage::ProducerEnded { run, cause }) => {
                // One that was replaced was to exit.
                if self.producer.take_if(|producer| producer.run == run).is_none() {
                    return Ok(());
                }
                SyncEvent::ProducerEnded { cause }
            }
            EngineMessage::Changed(names) => SyncEvent::Changed(names),
            EngineMessage::Signal(signals::CHILD) => return Ok(()),
            EngineMessage::Signal(signals::STOP) => {
                return signals::take_default(signals::STOP).map_err(CliError::System);
            }
            EngineMessage::Signal(_) => {
                self.is_over = true;
                return Ok(());
            }
        };
        let actions = self.replicator.handle(event, Instant::now());
        self.carry_out(actions)
    }

    /// Carries out actions, and those that follow from what they bring.
    fn carry_out(&mut self, actions: Vec<SyncAction>) -> Result<(), CliError> {
        let mut actions = VecDeque::from(actions);
        while let Some(action) = actions.pop_front() {
            for event in self.act(action)? {
                actions.extend(self.replicator.handle(event, Instant::now()));
            }
        }
        Ok(())
    }

    fn act(&mut self, action: SyncAction) -> Result<Vec<SyncEvent>, CliError> {
        match action {
            SyncAction::Consume { run, mark, topic, from } => {
                let command = self.fluvio.consumer(&topic, &mark, from);
                return Ok(self.consume(command, run));
            }
            SyncAction::Send { topic, key } => return Ok(self.send_document(&topic, &key)),
            SyncAction::SendBytes { topic, bytes } => return Ok(self.send(&topic, &bytes)),
            SyncAction::Acknowledge { topic, records } => {
                return Ok(match self.vault.acknowledge(&topic, records) {
                    Ok(Some(document)) => self.send(&topic, &document.bytes),
                    // The next one says the same and more.
                    Ok(None) | Err(_) => Vec::new(),
                });
            }
            SyncAction::EndConsumer => self.consumer = None,
            SyncAction::EndProducer => {
                if let Some(producer) = self.producer.take() {
                    producer.kill();
                }
            }
            SyncAction::Remember { topic, generation } => self.remember(&topic, generation),
            SyncAction::Trouble(text) => self.fail(&text)?,
            SyncAction::Say(text) => self.log.say(&text),
            SyncAction::Finish => self.is_over = true,
            SyncAction::WriteStatus => {
                let earliest = self.status_written.map(|at| at + STATUS_PERIOD);
                self.status_at.get_or_insert(earliest.unwrap_or_else(Instant::now));
            }
            asked => return Ok(self.ask(asked).into_iter().collect()),
        }
        Ok(Vec::new())
    }

    /// Actions that are questions.
    fn ask(&mut self, action: SyncAction) -> Option<SyncEvent> {
        Some(match action {
            SyncAction::Take { offset, hash, bytes } => {
                SyncEvent::Took { offset, hash, taken: self.vault.take(&bytes) }
            }
            SyncAction::List(names) => SyncEvent::Listed(self.vault.list(&names)),
            SyncAction::Announce { topic, generation } => {
                let announced = self.vault.announce(&topic, generation);
                let document = |SyncDocument { id, bytes }| (id, bytes.to_vec());
                SyncEvent::Announced(announced.map(|found| found.map(document)))
            }
            SyncAction::CheckLock => SyncEvent::Lock { is_locked: VaultLink::is_locked() },
            _ => return None,
        })
    }

    /// Starts a consumer in place of the one before.
    fn consume(&mut self, command: Command, run: u64) -> Vec<SyncEvent> {
        self.consumer = None;
        match ConsumerChild::start(command, run, self.sender.clone()) {
            Ok(consumer) => {
                self.consumer = Some(consumer);
                Vec::new()
            }
            Err(error) => {
                let cause = format!("cannot start a consumer: {error}");
                let failure = Some(TopicFailure { cause });
                vec![SyncEvent::ConsumerEnded { run, failure }]
            }
        }
    }

    fn send_document(&mut self, topic: &str, key: &SyncDocumentKey) -> Vec<SyncEvent> {
        match self.vault.get(key) {
            Ok(Some(SyncDocument { id, bytes })) => {
                let mut events = vec![SyncEvent::Sent(Ok(Some(id)))];
                events.extend(self.send(topic, &bytes));
                events
            }
            Ok(None) => vec![SyncEvent::Sent(Ok(None))],
            Err(failure) => vec![SyncEvent::Sent(Err(failure))],
        }
    }

    /// Hands a document to the producer of a topic.
    fn send(&mut self, topic: &str, document: &[u8]) -> Vec<SyncEvent> {
        let line = line::to_publish(&self.replicator.vault().id, document);
        if self.producer.as_ref().is_none_or(|producer| producer.topic != topic) {
            self.producers += 1;
            let (run, topic) = (self.producers, topic.to_owned());
            let command = self.fluvio.producer(&topic);
            match ProducerChild::start(command, run, topic, self.sender.clone()) {
                Ok(producer) => self.producer = Some(producer),
                Err(error) => {
                    let cause = format!("cannot start a producer: {error}");
                    return vec![SyncEvent::ProducerEnded { cause }];
                }
            }
        }
        if let Some(producer) = &self.producer {
            producer.send(line);
        }
        Vec::new()
    }

    fn remember(&self, topic: &str, generation: u64) {
        let id = &self.replicator.vault().id;
        match sync_config::move_to(&self.places, id, topic, generation) {
            Ok(true) => self.log.say(&format!("note: the vault has moved to the topic {topic}")),
            // Another process has moved it.
            Ok(false) => {}
            // The next process moves again.
            Err(error) => self.log.say(&format!("warning: {}", error.report())),
        }
    }

    /// A trouble ends a command, and not the process that follows the topic.
    fn fail(&mut self, cause: &str) -> Result<(), CliError> {
        if self.goal == SyncGoal::Follow {
            self.log.say(&format!("warning: {cause}"));
            return Ok(());
        }
        Err(SyncError::trouble(cause).into())
    }

    fn write_status(&mut self) {
        let now = Instant::now();
        if self.goal != SyncGoal::Follow || self.status_at.is_none_or(|at| at > now) {
            return;
        }
        self.status_at = None;
        self.status_written = Some(now);
        let status = self.replicator.status().clone();
        let file = StatusFile { pid: std::process::id(), since: self.since, status };
        let path = self.places.status(&self.replicator.vault().id);
        if let Err(error) = file.write(&path) {
            // The next change is written again.
            self.log.say(&format!("warning: cannot write {}: {error}", path.display()));
        }
    }
}
