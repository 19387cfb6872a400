//! What happens while a topic is followed, and what is done about it.

use fluvio_secret_protocol::{ListedSyncDocument, SecretName, SyncDocumentKey, TakenDocument};

/// Something that happened.
#[derive(Debug)]
pub(crate) enum SyncEvent {
    /// A consumer has printed a line.
    Line { run: u64, line: Vec<u8> },
    /// A consumer has exited. Without a failure, it has printed all that there was.
    ConsumerEnded { run: u64, failure: Option<TopicFailure> },
    /// The producer has exited, with what it printed.
    ProducerEnded { cause: String },
    /// The daemon has looked at a document.
    Took { offset: u64, hash: u128, taken: Result<TakenDocument, DaemonFailure> },
    /// What the vault has to publish.
    Listed(Result<Vec<ListedSyncDocument>, DaemonFailure>),
    /// A document of the vault was handed to the producer, with its id. `None` if it is gone.
    Sent(Result<Option<String>, DaemonFailure>),
    /// The announcement of the topic, with its id. `None` if this machine may not announce.
    Announced(Result<Option<(String, Vec<u8>)>, DaemonFailure>),
    /// Secrets have changed. Without names, anything may have.
    Changed(Vec<SecretName>),
    /// Whether the vault is locked.
    Lock { is_locked: bool },
}

/// Something to do.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum SyncAction {
    /// End the consumer, and start one.
    Consume { run: u64, mark: String, topic: String, from: ConsumeFrom },
    /// End the consumer.
    EndConsumer,
    /// End the producer. The next document starts another one.
    EndProducer,
    /// Hand a document to the daemon.
    Take { offset: u64, hash: u128, bytes: Vec<u8> },
    /// Ask the daemon for what the vault has to publish. Without names, for everything.
    List(Vec<SecretName>),
    /// Get a document of the vault, and hand it to the producer.
    Send { topic: String, key: SyncDocumentKey },
    /// Hand bytes to the producer.
    SendBytes { topic: String, bytes: Vec<u8> },
    /// Ask the daemon for the announcement of a topic.
    Announce { topic: String, generation: u64 },
    /// Publish how much of the topic this machine has.
    Acknowledge { topic: String, records: u64 },
    /// Ask the daemon whether the vault is locked.
    CheckLock,
    /// Remember that the vault has another topic.
    Remember { topic: String, generation: u64 },
    /// Report a trouble.
    Trouble(String),
    /// Report something else.
    Say(String),
    /// Write the status.
    WriteStatus,
    /// All that was to be done is done.
    Finish,
}

/// Where a consumer begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ConsumeFrom {
    /// At the beginning. It exits at the end.
    Beginning,
    /// At this offset. It exits at the end.
    Rest(u64),
    /// At this offset. It waits for more.
    Offset(u64),
}

/// Why a call of `fluvio` failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TopicFailure {
    /// For people.
    pub(crate) cause: String,
}

/// Why the daemon did not do something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum DaemonFailure {
    /// The vault is locked.
    Locked(String),
    /// Anything else, for people.
    Other(String),
}
