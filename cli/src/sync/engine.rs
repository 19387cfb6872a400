//! Carries out what the replicator decides: children, calls of the daemon, files.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use fluvio_secret_protocol::{SecretName, SyncDocument};
use jiff::Timestamp;

use super::children::{ChildMessage, ConsumerChild, ProducerChild};
use super::event::{SyncAction, SyncEvent};
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
const WAITING_LINES: usize = 16;

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
        let (sender, messages) = sync_channel(WAITING_LINES);
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
            if let Some(event) = self.act(action)? {
                actions.extend(self.replicator.handle(event, Instant::now()));
            }
        }
        Ok(())
    }

    fn act(&mut self, action: SyncAction) -> Result<Option<SyncEvent>, CliError> {
        Ok(match action {
            SyncAction::Consume { run, mark, topic, from } => {
                self.consumer = None;
                let command = self.fluvio.consumer(&topic, &mark, from);
                let started = ConsumerChild::start(command, run, self.sender.clone());
                self.consumer = Some(started.map_err(CliError::System)?);
                None
            }
            SyncAction::EndConsumer => {
                self.consumer = None;
                None
            }
            SyncAction::Take { offset, hash, bytes } => {
                Some(SyncEvent::Took { offset, hash, taken: self.vault.take(&bytes) })
            }
            SyncAction::List(names) => Some(SyncEvent::Listed(self.vault.list(&names))),
            SyncAction::Send { topic, key } => {
                let sent = match self.vault.get(&key) {
                    Ok(Some(SyncDocument { id, bytes })) => {
                        self.send(&topic, &bytes)?;
                        Ok(Some(id))
                    }
                    Ok(None) => Ok(None),
                    Err(failure) => Err(failure),
                };
                Some(SyncEvent::Sent(sent))
            }
            SyncAction::SendBytes { topic, bytes } => {
                self.send(&topic, &bytes)?;
                None
            }
            SyncAction::Announce { topic, generation } => {
                let announced = self.vault.announce(&topic, generation);
                let document = |SyncDocument { id, bytes }| (id, bytes.to_vec());
                Some(SyncEvent::Announced(announced.map(|found| found.map(document))))
            }
            SyncAction::Acknowledge { topic, records } => {
                // The next one says the same and more.
                if let Ok(Some(document)) = self.vault.acknowledge(&topic, records) {
                    self.send(&topic, &document.bytes)?;
                }
                None
            }
            SyncAction::CheckLock => Some(SyncEvent::Lock { is_locked: VaultLink::is_locked() }),
            SyncAction::ListTopics => Some(SyncEvent::Topics(self.fluvio.topics())),
            SyncAction::Remember { topic, generation } => {
                let id = &self.replicator.vault().id;
                sync_config::move_to(&self.places, id, &topic, generation)?;
                None
            }
            SyncAction::Trouble(_, cause) => {
                self.fail(&cause)?;
                None
            }
            SyncAction::Say(text) => {
                self.log.say(&text);
                None
            }
            SyncAction::WriteStatus => {
                let earliest = self.status_written.map(|at| at + STATUS_PERIOD);
                self.status_at.get_or_insert(earliest.unwrap_or_else(Instant::now));
                None
            }
            SyncAction::Finish => {
                self.is_over = true;
                None
            }
        })
    }

    /// A trouble ends a command, and not the process that follows the topic.
    fn fail(&mut self, cause: &str) -> Result<(), CliError> {
        if self.goal == SyncGoal::Follow {
            self.log.say(&format!("warning: {cause}"));
            return Ok(());
        }
        Err(SyncError::trouble(cause).into())
    }

    /// Hands a document to the producer of a topic.
    fn send(&mut self, topic: &str, document: &[u8]) -> Result<(), CliError> {
        let line = line::to_publish(&self.replicator.vault().id, document);
        if self.producer.as_ref().is_none_or(|producer| producer.topic != topic) {
            self.producers += 1;
            let (run, topic) = (self.producers, topic.to_owned());
            let command = self.fluvio.producer(&topic);
            let started = ProducerChild::start(command, run, topic, self.sender.clone());
            self.producer = Some(started.map_err(CliError::System)?);
        }
        if let Some(producer) = &self.producer {
            producer.send(line);
        }
        Ok(())
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
