//! A replicator with a topic and a vault that are lists in memory.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fluvio_secret_protocol::{
    ListedSyncDocument, RecordKind, SecretName, SyncDocumentKey, TakenDocument, TakenOutcome,
};

use super::FIRST_RECORD_TIMEOUT;
use super::outcomes::REREAD_PERIOD;
use super::publishing::{ACKNOWLEDGE_DELAY, ACKNOWLEDGE_PERIOD, LIST_PERIOD};
use super::reading::{FOLLOW_PERIOD, LATE_RECORD_TIMEOUT, SILENCE_TIMEOUT};
use super::{Replicator, SyncGoal};
use crate::sync::event::{ConsumeFrom, DaemonFailure, SyncAction, SyncEvent, TopicFailure};
use crate::sync::line::to_publish;
use crate::sync::status_file::ReplicationState;
use crate::sync::sync_config::ReplicatedVault;

const VAULT: &str = "00112233445566778899aabbccddeeff";
const LITTLE: Duration = Duration::from_millis(1);

/// What is around a replicator. A document's text is also its id.
struct World {
    replicator: Replicator,
    now: Instant,
    /// The key and the value of each record of each topic.
    topics: BTreeMap<String, Vec<(String, Vec<u8>)>>,
    /// Offsets that the consumer omits, and those that it omits unless it begins shortly before them.
    omitted: Vec<u64>,
    cut: Vec<u64>,
    /// What the vault has, and which of it is older than what it had.
    vault: Vec<String>,
    older: Vec<String>,
    /// What the daemon says of a document. Without an entry, it has it.
    outcomes: BTreeMap<String, TakenOutcome>,
    is_locked: bool,
    is_daemon_away: bool,
    is_admin: bool,
    /// Whether the producer loses what it gets.
    loses: bool,
    consumer: Option<(u64, String, String, ConsumeFrom)>,
    /// The offset that the consumer prints next.
    printed: u64,
    taken: Vec<String>,
    /// The names of which the documents were listed, each time.
    listed: Vec<String>,
    sent: Vec<String>,
    said: Vec<String>,
    acknowledged: Vec<u64>,
    ended_producers: usize,
    remembered: Vec<String>,
    readings: usize,
    is_finished: bool,
}

impl World {
    fn new(goal: SyncGoal) -> Self {
        let now = Instant::now();
        let (id, topic) = (VAULT.to_owned(), "t".to_owned());
        let vault = ReplicatedVault { id, path: None, topic, generation: 1 };
        Self {
            replicator: Replicator::new(vault, goal, now),
            now,
            topics: [("t".to_owned(), Vec::new())].into(),
            omitted: Vec::new(),
            cut: Vec::new(),
            vault: Vec::new(),
            older: Vec::new(),
            outcomes: BTreeMap::new(),
            is_locked: false,
            is_daemon_away: false,
            is_admin: false,
            loses: false,
            consumer: None,
            printed: 0,
            taken: Vec::new(),
            listed: Vec::new(),
            sent: Vec::new(),
            said: Vec::new(),
            acknowledged: Vec::new(),
            ended_producers: 0,
            remembered: Vec::new(),
            readings: 0,
            is_finished: false,
        }
    }

    fn topic(&mut self, topic: &str) -> &mut Vec<(String, Vec<u8>)> {
        self.topics.entry(topic.to_owned()).or_default()
    }

    /// Others publish documents.
    fn publish(&mut self, documents: &[&str]) {
        for document in documents {
            self.topic("t").push((VAULT.to_owned(), document.as_bytes().to_vec()));
        }
    }

    fn failure(&self) -> Option<DaemonFailure> {
        if self.is_daemon_away {
            return Some(DaemonFailure::Other("the daemon is away".to_owned()));
        }
        self.is_locked.then(|| DaemonFailure::Locked("the vault is locked".to_owned()))
    }

    fn act(&mut self, action: SyncAction) -> Option<SyncEvent> {
        match action {
            SyncAction::Consume { run, mark, topic, from } => {
                self.readings += usize::from(from == ConsumeFrom::Beginning);
                self.printed = match from {
                    ConsumeFrom::Beginning => 0,
                    ConsumeFrom::Rest(offset) | ConsumeFrom::Offset(offset) => offset,
                };
                self.consumer = Some((run, mark, topic, from));
                None
            }
            SyncAction::EndProducer => {
                self.ended_producers += 1;
                None
            }
            SyncAction::EndConsumer => {
                self.consumer = None;
                None
            }
            SyncAction::Take { offset, hash, bytes } => {
                let id = String::from_utf8(bytes).expect("text");
                self.taken.push(id.clone());
                let taken = self.failure().map_or_else(
                    || {
                        let outcome = self.outcomes.get(&id).cloned();
                        let outcome = outcome.unwrap_or(TakenOutcome::Known);
                        Ok(TakenDocument { id, outcome })
                    },
                    Err,
                );
                Some(SyncEvent::Took { offset, hash, taken })
            }
            SyncAction::List(names) => {
                let failure = self.failure().filter(|_| self.is_daemon_away);
                self.listed.push(names.iter().map(SecretName::as_str).collect());
                let is_listed = |id: &&String| {
                    names.is_empty() || names.iter().any(|name| id.starts_with(name.as_str()))
                };
                let listed = self
                    .vault
                    .iter()
                    .filter(is_listed)
                    .map(|id| ListedSyncDocument { older: self.older.contains(id), ..listed(id) });
                let listed = listed.collect();
                Some(SyncEvent::Listed(failure.map_or(Ok(listed), Err)))
            }
            SyncAction::Send { topic, key } => {
                let id = self.vault.iter().find(|id| listed(id).key == key).cloned();
                if let Some(id) = &id {
                    self.produce(&topic, id);
                }
                Some(SyncEvent::Sent(Ok(id)))
            }
            SyncAction::SendBytes { topic, bytes } => {
                self.produce(&topic, &String::from_utf8(bytes).expect("text"));
                None
            }
            SyncAction::Announce { topic, .. } => {
                let document = format!("announce {topic}");
                let document = self.is_admin.then(|| (document.clone(), document.into_bytes()));
                Some(SyncEvent::Announced(Ok(document)))
            }
            SyncAction::Acknowledge { records, .. } => {
                self.acknowledged.push(records);
                None
            }
            SyncAction::CheckLock => Some(SyncEvent::Lock { is_locked: self.is_locked }),
            SyncAction::Remember { topic, .. } => {
                self.remembered.push(topic);
                None
            }
            SyncAction::Trouble(text) | SyncAction::Say(text) => {
                self.said.push(text);
                None
            }
            SyncAction::WriteStatus => None,
            SyncAction::Finish => {
                self.is_finished = true;
                None
            }
        }
    }

    fn produce(&mut self, topic: &str, document: &str) {
        self.sent.push(document.to_owned());
        if !self.loses {
            self.topic(topic).push((VAULT.to_owned(), document.as_bytes().to_vec()));
        }
    }

    fn act_all(&mut self, actions: Vec<SyncAction>) {
        let mut actions = std::collections::VecDeque::from(actions);
        while let Some(action) = actions.pop_front() {
            if let Some(event) = self.act(action) {
                actions.extend(self.replicator.handle(event, self.now));
            }
        }
    }

    fn handle(&mut self, event: SyncEvent) {
        let actions = self.replicator.handle(event, self.now);
        self.act_all(actions);
    }

    /// Lets the consumer print what it has, until nothing happens any more at this time.
    fn settle(&mut self) {
        let actions = self.replicator.advance(self.now);
        self.act_all(actions);
        while self.step() {}
    }

    /// The same, until this document was handed to the daemon.
    fn settle_until(&mut self, document: &str) {
        let actions = self.replicator.advance(self.now);
        self.act_all(actions);
        while !self.taken.iter().any(|taken| taken == document) {
            assert!(self.step(), "it is not on the topic");
        }
    }

    /// Lets the consumer print a line or exit. Returns whether it did.
    fn step(&mut self) -> bool {
        let Some((run, mark, topic, from)) = self.consumer.clone() else { return false };
        let record = self.topics.get(&topic).map(|records| {
            usize::try_from(self.printed).ok().and_then(|at| records.get(at)).cloned()
        });
        match record {
            None => {
                self.consumer = None;
                let cause = format!("Topic not found: {topic}");
                let failure = Some(TopicFailure { cause });
                self.handle(SyncEvent::ConsumerEnded { run, failure });
            }
            Some(Some((key, value))) => {
                let offset = self.printed;
                self.printed += 1;
                let first = match from {
                    ConsumeFrom::Beginning => 0,
                    ConsumeFrom::Rest(first) | ConsumeFrom::Offset(first) => first,
                };
                let is_cut = self.cut.contains(&offset) && offset > first + 1;
                if !is_cut && !self.omitted.contains(&offset) {
                    let line = String::from_utf8(to_publish(&key, &value)).expect("text");
                    let line = line.trim_end().replace('\t', " ");
                    let line = format!("{mark} {offset} {line}").into_bytes();
                    self.handle(SyncEvent::Line { run, line });
                }
            }
            Some(None) if !matches!(from, ConsumeFrom::Offset(_)) => {
                self.consumer = None;
                self.handle(SyncEvent::ConsumerEnded { run, failure: None });
            }
            Some(None) => return false,
        }
        true
    }

    /// Lets time pass.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.replicator.deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at) + LITTLE;
            self.settle();
        }
        self.now = self.now.max(until);
        self.settle();
    }

    fn state(&self) -> ReplicationState {
        self.replicator.status().state
    }

    fn on_topic(&self, document: &str) -> usize {
        let records = self.topics["t"].iter();
        records.filter(|(_, value)| value == document.as_bytes()).count()
    }

    fn end_consumer(&mut self, cause: &str) {
        let (run, ..) = self.consumer.take().expect("a consumer");
        let failure = Some(TopicFailure { cause: cause.to_owned() });
        self.handle(SyncEvent::ConsumerEnded { run, failure });
    }
}

fn listed(id: &str) -> ListedSyncDocument {
    let name = id.split(' ').next().unwrap_or_default().parse().expect("a name");
    let key = SyncDocumentKey::Record { name, kind: RecordKind::Value };
    ListedSyncDocument { key, id: id.to_owned(), older: false }
}

fn secret(name: &str) -> TakenOutcome {
    TakenOutcome::Secret { name: name.parse().expect("a name") }
}

/// A trouble of the cluster, with its help.
fn helped(text: &str) -> String {
    format!("{text}\nhelp: check the cluster with: fluvio topic list")
}

fn followed() -> World {
    let mut world = World::new(SyncGoal::Follow);
    world.settle();
    assert_eq!(world.state(), ReplicationState::Following);
    world
}

#[test]
fn a_vault_and_its_topic_become_equal() {
    let mut world = World::new(SyncGoal::Equal);
    world.is_admin = true;
    world.vault = (0..40).map(|number| format!("A{number}")).collect();
    world.publish(&["A3", "other"]);
    world.outcomes.insert("other".to_owned(), secret("B"));
    world.settle();
    assert!(world.is_finished, "{:?}", world.replicator.status());
    assert_eq!(world.taken[..2], ["A3", "other"]);
    assert_eq!(world.sent.len(), 40, "39 secrets, and the announcement");
    assert!((0..40).all(|number| world.on_topic(&format!("A{number}")) == 1));
    assert_eq!(world.on_topic("announce t"), 1);
    assert_eq!(world.replicator.status().records, 42);
    assert_eq!(world.replicator.status().changes, 42);
    // The next time, nothing is missing.
    let (topics, vault) = (world.topics, world.vault);
    let mut world = World { topics, vault, is_admin: true, ..World::new(SyncGoal::Equal) };
    world.settle();
    assert!(world.is_finished && world.sent.is_empty());
}

#[test]
fn an_announcement_that_is_on_its_way_is_not_sent_again() {
    let mut world = followed();
    world.is_admin = true;
    world.loses = true;
    for _ in 0..3 {
        world.handle(SyncEvent::Changed(Vec::new()));
    }
    assert_eq!(world.sent, ["announce t"]);
}

#[test]
fn a_change_is_published_and_one_of_others_is_taken() {
    let mut world = followed();
    world.vault.push("A 1".to_owned());
    world.handle(SyncEvent::Changed(vec!["A".parse().expect("a name")]));
    world.settle();
    assert_eq!((world.sent.len(), world.on_topic("A 1")), (1, 1));
    world.publish(&["B 1"]);
    world.settle();
    assert_eq!(world.taken, ["A 1", "B 1"]);
    // What was taken is not published again.
    world.vault.push("B 1".to_owned());
    world.handle(SyncEvent::Changed(vec!["B".parse().expect("a name")]));
    world.pass(LIST_PERIOD);
    assert_eq!(world.sent.len(), 1);
    assert_eq!(world.readings, 1);
    assert_eq!(world.listed, ["", "A", "B"]);
}

#[test]
fn one_change_is_listed_at_once_and_many_are_together() {
    let mut world = followed();
    world.vault = ["A 1", "B 1", "C 1"].map(str::to_owned).to_vec();
    for name in ["A", "A", "C", "A", "B"] {
        world.handle(SyncEvent::Changed(vec![name.parse().expect("a name")]));
    }
    assert_eq!(world.listed, ["", "A"]);
    assert_eq!(world.sent, ["A 1"]);
    world.pass(LIST_PERIOD);
    assert_eq!(world.listed, ["", "A", "ABC"]);
    assert_eq!(world.sent, ["A 1", "B 1", "C 1"]);
    world.pass(10 * LIST_PERIOD);
    assert_eq!(world.listed.len(), 3);
}

#[test]
fn a_change_while_the_topic_is_read_is_published_after_that() {
    let mut world = World::new(SyncGoal::Follow);
    let actions = world.replicator.advance(world.now);
    world.act_all(actions);
    world.vault.push("A 1".to_owned());
    world.handle(SyncEvent::Changed(vec!["A".parse().expect("a name")]));
    assert!(world.sent.is_empty());
    world.settle();
    assert_eq!(world.sent, ["A 1"]);
}

#[test]
fn an_omitted_record_is_read_again_and_reported_if_it_never_comes() {
    let mut world = followed();
    world.publish(&["A", "B", "C"]);
    world.omitted = vec![1];
    world.settle();
    assert_eq!((&world.taken[..], world.readings), (&["A".to_owned(), "C".to_owned()][..], 1));
    world.omitted.clear();
    world.pass(LATE_RECORD_TIMEOUT + LITTLE);
    assert_eq!((&world.taken[2..], world.readings), (&["B".to_owned()][..], 1));
    assert!(world.said.is_empty());
    // One that never comes.
    world.publish(&["D", "E"]);
    world.omitted = vec![3];
    world.pass(3 * FOLLOW_PERIOD);
    assert_eq!(world.said, ["warning: the consumer omits the records 3 to 3 of the topic"]);
    assert_eq!(world.replicator.status().unreadable, 1);
    let said = world.said.len();
    world.pass(5 * FOLLOW_PERIOD);
    assert_eq!((world.readings, world.said.len()), (1, said));
}

#[test]
fn records_at_the_end_of_what_a_consumer_gets_at_once_are_read_from_there() {
    let mut world = World::new(SyncGoal::Equal);
    let documents = ["A", "B", "C", "D", "E", "F", "G", "H"];
    world.publish(&documents);
    world.cut = vec![2, 3, 5, 6];
    world.settle();
    assert!(world.is_finished);
    world.taken.sort();
    assert_eq!(world.taken, documents);
    assert!(world.said.is_empty() && world.sent.is_empty());
    assert_eq!(world.readings, 1);
}

#[test]
fn a_long_topic_is_not_at_its_end_before_the_last_record_shows_it() {
    let mut world = World::new(SyncGoal::Equal);
    let large: Vec<_> = ('A'..='M').map(|name| name.to_string().repeat(1 << 20)).collect();
    world.publish(&large.iter().map(String::as_str).collect::<Vec<_>>());
    world.cut = vec![12];
    let actions = world.replicator.advance(world.now);
    world.act_all(actions);
    // What is read before the topic is followed.
    while world.consumer.as_ref().is_some_and(|(.., from)| !matches!(from, ConsumeFrom::Offset(_)))
    {
        world.step();
    }
    assert!(world.taken == large, "{} of {}", world.taken.len(), large.len());
}

#[test]
fn a_topic_that_was_made_again_gets_everything_again() {
    let mut world = followed();
    world.vault = vec!["A".to_owned(), "B".to_owned()];
    world.handle(SyncEvent::Changed(Vec::new()));
    world.settle();
    assert_eq!(world.sent.len(), 2);
    // The consumer does not report it.
    world.topics.insert("t".to_owned(), Vec::new());
    world.publish(&["C"]);
    world.pass(FOLLOW_PERIOD + FIRST_RECORD_TIMEOUT + LITTLE);
    assert_eq!((world.on_topic("A"), world.on_topic("B"), world.on_topic("C")), (1, 1, 1));
    assert!(world.taken.contains(&"C".to_owned()));
    // The same with more records than before.
    world.topics.insert("t".to_owned(), Vec::new());
    world.publish(&["D", "E", "F", "G", "H"]);
    world.pass(FOLLOW_PERIOD + LITTLE);
    assert_eq!((world.on_topic("A"), world.on_topic("B")), (1, 1));
    for document in ["D", "E", "F", "G", "H"] {
        assert!(world.taken.contains(&document.to_owned()), "{document}");
    }
}

#[test]
fn a_topic_that_was_made_again_with_known_documents_is_noticed() {
    let mut world = followed();
    world.publish(&["A", "B"]);
    world.settle();
    world.topics.insert("t".to_owned(), Vec::new());
    world.publish(&["C", "A"]);
    world.pass(FOLLOW_PERIOD + LITTLE);
    assert_eq!(world.taken, ["A", "B", "C"]);
}

#[test]
fn a_failing_consumer_is_reported_once_and_tried_again() {
    let mut world = followed();
    for _ in 0..5 {
        world.end_consumer("refused");
        assert_eq!(world.state(), ReplicationState::Waiting);
        let until = world.replicator.deadline().expect("a pause");
        assert!(until > world.now);
        world.now = until;
        let actions = world.replicator.advance(world.now);
        world.act_all(actions);
        assert_eq!(world.state(), ReplicationState::Reading);
    }
    assert_eq!(world.said, [helped("cannot read the topic t: refused")]);
    assert_eq!(world.replicator.status().troubles, [helped("cannot read the topic t: refused")]);
    world.publish(&["A"]);
    world.settle();
    assert_eq!(world.said[1..], ["note: the topic is read again"]);
    assert!(world.replicator.status().troubles.is_empty());
    assert_eq!(world.taken, ["A"]);
}

#[test]
fn a_consumer_that_hangs_is_replaced() {
    let mut world = World::new(SyncGoal::Follow);
    let actions = world.replicator.advance(world.now);
    world.act_all(actions);
    // It prints nothing, and does not exit.
    world.now += SILENCE_TIMEOUT;
    let actions = world.replicator.advance(world.now);
    world.act_all(actions);
    assert_eq!(
        (world.state(), &world.said[0]),
        (ReplicationState::Waiting, &helped("cannot read the topic t: no record arrives"))
    );
    world.pass(FOLLOW_PERIOD);
    assert_eq!(world.state(), ReplicationState::Following);
}

#[test]
fn a_consumer_whose_first_record_is_late_is_replaced_and_the_next_ones_have_more_time() {
    let mut world = followed();
    world.publish(&["A"]);
    world.settle();
    for timeout in [2, 4, 8, 10, 10].map(Duration::from_secs) {
        let pass = |world: &mut World, time: Duration| {
            world.now += time;
            let actions = world.replicator.advance(world.now);
            world.act_all(actions);
            world.readings
        };
        // The consumer that follows now prints nothing.
        let readings = pass(&mut world, FOLLOW_PERIOD);
        assert_eq!(pass(&mut world, timeout - LITTLE), readings, "{timeout:?}");
        assert_eq!(pass(&mut world, LITTLE), readings + 1, "{timeout:?}");
        world.settle();
        assert_eq!(world.state(), ReplicationState::Following);
    }
}

#[test]
fn lines_of_an_earlier_consumer_do_not_count() {
    let mut world = followed();
    let (run, mark, ..) = world.consumer.clone().expect("a consumer");
    world.end_consumer("refused");
    let line = format!("{mark} 0 {VAULT} QQ==").into_bytes();
    world.handle(SyncEvent::Line { run, line });
    world.handle(SyncEvent::ConsumerEnded { run, failure: None });
    assert!(world.taken.is_empty());
    assert_eq!(world.state(), ReplicationState::Waiting);
}

#[test]
fn a_locked_vault_is_waited_for_and_what_you_set_is_published() {
    let mut world = followed();
    world.is_locked = true;
    world.publish(&["A", "B"]);
    world.settle();
    assert_eq!((world.state(), world.taken.len()), (ReplicationState::Locked, 1));
    assert_eq!(world.said, ["the vault is locked"]);
    world.vault.push("C".to_owned());
    world.handle(SyncEvent::Changed(vec!["C".parse().expect("a name")]));
    assert_eq!(world.on_topic("C"), 1);
    world.pass(3 * FOLLOW_PERIOD);
    assert_eq!(
        (world.state(), world.said.len(), world.sent.len()),
        (ReplicationState::Locked, 1, 1)
    );
    world.is_locked = false;
    world.pass(2 * super::reading::UNLOCK_POLL_INTERVAL);
    assert_eq!(world.state(), ReplicationState::Following);
    assert_eq!(world.taken[1..], ["A", "B", "C"]);
    assert_eq!(world.said[1..], ["note: the vault is unlocked"]);
}

#[test]
fn many_changes_are_published_while_the_vault_is_locked() {
    let mut world = followed();
    world.is_locked = true;
    world.publish(&["X"]);
    world.settle();
    assert_eq!(world.state(), ReplicationState::Locked);
    world.vault = (0..50).map(|number| format!("A{number}")).collect();
    world.handle(SyncEvent::Changed(Vec::new()));
    world.pass(20 * super::reading::UNLOCK_POLL_INTERVAL);
    assert_eq!((world.state(), world.sent.len()), (ReplicationState::Locked, 50));
    assert_eq!(world.replicator.status().known_unpublished(), Some(0));
}

#[test]
fn nothing_is_lost_while_the_daemon_is_away() {
    let mut world = followed();
    world.is_daemon_away = true;
    world.publish(&["A"]);
    world.settle();
    world.handle(SyncEvent::Changed(vec!["B".parse().expect("a name")]));
    world.pass(FOLLOW_PERIOD);
    assert_eq!((world.state(), world.said.len()), (ReplicationState::Waiting, 1));
    world.is_daemon_away = false;
    world.vault.push("B".to_owned());
    world.pass(2 * FOLLOW_PERIOD);
    assert_eq!(world.said, ["the daemon is away", "note: the vault can be used again"]);
    assert_eq!((&*world.sent, world.state()), (&["B".to_owned()][..], ReplicationState::Following));
}

#[test]
fn a_new_list_of_members_makes_earlier_documents_useful() {
    let mut world = followed();
    world.outcomes.insert("A".to_owned(), TakenOutcome::ForOthers);
    world.outcomes.insert("B".to_owned(), TakenOutcome::Later);
    world.outcomes.insert("list".to_owned(), TakenOutcome::Members);
    world.publish(&["A", "B"]);
    world.settle();
    assert_eq!((world.replicator.status().unsettled, world.readings), (2, 1));
    world.pass(3 * FOLLOW_PERIOD);
    assert_eq!(world.readings, 1, "nothing has changed");
    world.publish(&["list"]);
    world.outcomes.insert("B".to_owned(), secret("B"));
    world.settle();
    world.pass(LITTLE);
    // No list gives this machine another key.
    assert_eq!(world.taken, ["A", "B", "list", "B"]);
    assert_eq!((world.replicator.status().unsettled, world.readings), (1, 2));
}

#[test]
fn changes_that_anyone_can_cause_do_not_keep_the_topic_from_being_followed() {
    let mut world = followed();
    world.outcomes.insert("later".to_owned(), TakenOutcome::Later);
    world.publish(&["later"]);
    world.settle();
    world.vault.push("A".to_owned());
    for number in 0..20 {
        // Each request to join is new, and changes something.
        let request = format!("request{number}");
        world.outcomes.insert(request.clone(), TakenOutcome::Members);
        world.publish(&[&request]);
        world.pass(REREAD_PERIOD / 20);
    }
    assert_eq!(world.readings, 2);
    assert_eq!(world.on_topic("A"), 1);
    world.pass(2 * REREAD_PERIOD);
    assert_eq!(world.readings, 3, "once more after the last one");
}

#[test]
fn many_changes_at_once_do_not_put_off_the_reading_after_a_later_one() {
    let mut world = followed();
    world.outcomes.insert("unknown".to_owned(), TakenOutcome::Later);
    world.publish(&["unknown"]);
    world.settle();
    for number in 0..100 {
        let request = format!("request{number}");
        world.outcomes.insert(request.clone(), TakenOutcome::Members);
        world.publish(&[&request]);
    }
    world.settle();
    world.pass(2 * REREAD_PERIOD);
    let before = world.readings;
    world.outcomes.insert("list".to_owned(), TakenOutcome::Members);
    world.publish(&["list"]);
    world.pass(REREAD_PERIOD);
    assert_eq!(world.readings, before + 1);
}

#[test]
fn a_topic_that_an_admin_announces_takes_the_place_of_this_one() {
    let mut world = followed();
    world.vault.push("A".to_owned());
    let announced = |generation| TakenOutcome::Announced { topic: "t-2".to_owned(), generation };
    world.outcomes.insert("old".to_owned(), announced(1));
    world.outcomes.insert("new".to_owned(), announced(2));
    world.publish(&["old"]);
    world.settle();
    assert!(world.remembered.is_empty());
    world.topic("t-2").push((VAULT.to_owned(), b"B".to_vec()));
    world.publish(&["new"]);
    world.settle();
    // The engine reports it, if it is new.
    assert_eq!((&*world.remembered, world.said.len()), (&["t-2".to_owned()][..], 0));
    assert_eq!(world.replicator.status().topic, "t-2");
    assert!(world.taken.contains(&"B".to_owned()));
    assert_eq!((&*world.sent, world.topics["t-2"].len()), (&["A".to_owned()][..], 2));
    world.pass(ACKNOWLEDGE_DELAY + LITTLE);
    assert_eq!(world.acknowledged, [2], "it has no earlier acknowledgement");
}

#[test]
fn a_topic_to_which_the_vault_moves_is_acknowledged_even_if_nothing_is_new() {
    let mut world = followed();
    let announced = TakenOutcome::Announced { topic: "t-2".to_owned(), generation: 2 };
    world.outcomes.insert("new".to_owned(), announced);
    world.topic("t-2");
    world.publish(&["new"]);
    world.settle();
    world.pass(ACKNOWLEDGE_DELAY + LITTLE);
    assert_eq!(world.acknowledged, [0]);
}

#[test]
fn an_announcement_counts_if_it_is_of_an_admin_when_the_topic_is_read() {
    for is_admin in [true, false] {
        let mut world = World::new(SyncGoal::Follow);
        world.vault.push("A".to_owned());
        let announced = TakenOutcome::Announced { topic: "t-2".to_owned(), generation: 2 };
        world.outcomes.insert("new".to_owned(), announced);
        world.topic("t-2");
        world.publish(&["new", "list"]);
        // The list after it may be one that removes the admin.
        world.settle_until("list");
        assert!(world.remembered.is_empty() && world.sent.is_empty());
        if !is_admin {
            let refused = TakenOutcome::Refused { reason: "it is not an admin".to_owned() };
            world.outcomes.insert("new".to_owned(), refused);
        }
        world.settle();
        assert_eq!(world.remembered.len(), usize::from(is_admin));
        // Before it knows, it publishes nothing on the topic that it may leave.
        assert_eq!(world.on_topic("A"), usize::from(!is_admin));
    }
}

#[test]
fn a_topic_that_is_gone_is_waited_for() {
    let mut world = World::new(SyncGoal::Follow);
    world.vault.push("A".to_owned());
    world.topics.remove("t");
    // Anyone can create a topic.
    let announced = TakenOutcome::Announced { topic: "t-3".to_owned(), generation: 3 };
    world.outcomes.insert("signed".to_owned(), announced);
    world.topic("t-3").push((VAULT.to_owned(), b"signed".to_vec()));
    world.pass(3 * FOLLOW_PERIOD);
    assert!(world.remembered.is_empty() && world.sent.is_empty());
    assert_eq!(world.said, [helped("cannot read the topic t: Topic not found: t")]);
    world.topic("t");
    world.pass(3 * FOLLOW_PERIOD);
    assert_eq!(world.on_topic("A"), 1);
}

#[test]
fn what_is_lost_is_published_again() {
    let mut world = followed();
    world.vault.push("A".to_owned());
    world.loses = true;
    world.handle(SyncEvent::Changed(Vec::new()));
    world.settle();
    assert_eq!((world.sent.len(), world.on_topic("A")), (1, 0));
    assert_eq!(world.replicator.status().unpublished, 1);
    world.loses = false;
    world.pass(2 * FOLLOW_PERIOD);
    assert_eq!((world.sent.len(), world.on_topic("A")), (2, 1));
    assert_eq!(world.replicator.status().unpublished, 0);
    assert_eq!((world.said.len(), world.ended_producers), (0, 1));
}

#[test]
fn a_producer_that_hangs_is_replaced_and_reported_if_that_does_not_help() {
    let mut world = followed();
    world.vault.push("A".to_owned());
    world.loses = true;
    world.handle(SyncEvent::Changed(Vec::new()));
    world.pass(100 * FOLLOW_PERIOD);
    assert!(world.ended_producers > 2);
    let why = "cannot publish on the topic t: what was handed over does not arrive";
    assert_eq!(world.said, [helped(why)]);
    world.loses = false;
    world.pass(20 * FOLLOW_PERIOD);
    assert_eq!(world.on_topic("A"), 1);
    assert_eq!(world.said[1..], ["note: changes are published again"]);
}

#[test]
fn a_producer_that_exits_is_reported_once_and_replaced() {
    let mut world = followed();
    world.vault.push("A".to_owned());
    world.loses = true;
    world.handle(SyncEvent::Changed(Vec::new()));
    for _ in 0..3 {
        world.handle(SyncEvent::ProducerEnded { cause: "it is full".to_owned() });
    }
    assert_eq!(world.said, [helped("cannot publish on the topic t: it is full")]);
    world.loses = false;
    world.pass(Duration::from_secs(3));
    assert_eq!((world.on_topic("A"), world.said.len()), (1, 2));
    assert_eq!(world.said[1], "note: changes are published again");
}

#[test]
fn a_lost_acknowledgement_is_sent_later_and_no_trouble() {
    let mut world = followed();
    world.outcomes.insert("A".to_owned(), secret("A"));
    world.publish(&["A"]);
    world.settle();
    world.pass(ACKNOWLEDGE_DELAY + LITTLE);
    world.handle(SyncEvent::ProducerEnded { cause: "refused".to_owned() });
    assert!(world.said.is_empty());
    world.pass(ACKNOWLEDGE_PERIOD);
    assert_eq!(world.acknowledged, [1, 1]);
}

#[test]
fn a_trouble_ends_if_nothing_is_left_to_publish() {
    let mut world = followed();
    world.vault.push("A".to_owned());
    world.loses = true;
    world.handle(SyncEvent::Changed(Vec::new()));
    world.handle(SyncEvent::ProducerEnded { cause: "refused".to_owned() });
    // Another change has made it useless.
    world.vault.clear();
    world.pass(Duration::from_secs(3));
    assert_eq!(world.said[1..], ["note: changes are published again"]);
}

#[test]
fn a_topic_is_acknowledged_after_changes_and_not_after_acknowledgements() {
    let mut world = followed();
    world.outcomes.insert("A".to_owned(), secret("A"));
    world.outcomes.insert("B".to_owned(), secret("B"));
    let topic = "t".to_owned();
    let member = "f".to_owned();
    let acknowledged = TakenOutcome::Acknowledged { member, topic, records: 1, at: 5 };
    world.outcomes.insert("ack".to_owned(), acknowledged);
    world.publish(&["A"]);
    world.settle();
    assert!(world.acknowledged.is_empty());
    world.pass(ACKNOWLEDGE_DELAY + LITTLE);
    assert_eq!(world.acknowledged, [1]);
    world.publish(&["ack"]);
    world.pass(3 * ACKNOWLEDGE_PERIOD);
    assert_eq!(world.acknowledged, [1]);
    let status = world.replicator.status();
    assert_eq!((status.members["f"].records, status.records, status.changes), (1, 2, 1));
    world.publish(&["B"]);
    world.settle();
    world.pass(ACKNOWLEDGE_DELAY + LITTLE);
    assert_eq!(world.acknowledged, [1, 3]);
    world.publish(&["C"]);
    world.outcomes.insert("C".to_owned(), secret("C"));
    world.settle();
    world.pass(ACKNOWLEDGE_PERIOD / 2);
    assert_eq!(world.acknowledged.len(), 2, "at most once in a while");
    world.pass(ACKNOWLEDGE_PERIOD);
    assert_eq!(world.acknowledged, [1, 3, 4]);
}

#[test]
fn a_damaged_line_is_read_a_second_time_and_no_more() {
    let mut world = followed();
    world.topic("t").push((VAULT.to_owned(), b"A".to_vec()));
    let (run, mark, ..) = world.consumer.clone().expect("a consumer");
    // Its value is cut on the way.
    world.printed = 1;
    world.handle(SyncEvent::Line { run, line: format!("{mark} 0 {VAULT} Q").into_bytes() });
    world.pass(FOLLOW_PERIOD / 2);
    assert_eq!((&*world.taken, world.readings), (&["A".to_owned()][..], 2));
    let refused = TakenOutcome::Refused { reason: "no member has signed it".to_owned() };
    world.outcomes.insert("forged".to_owned(), refused);
    world.publish(&["forged"]);
    world.topic("t").push(("other".to_owned(), b"x".to_vec()));
    // This one never is a document.
    world.topic("t").push((VAULT.to_owned(), Vec::new()));
    world.pass(10 * FOLLOW_PERIOD);
    assert_eq!((world.readings, world.taken.len()), (3, 2));
    let status = world.replicator.status();
    assert_eq!((status.refused, status.foreign), (1, 1));
    assert_eq!(status.last_refusal.as_deref(), Some("no member has signed it"));
}

#[test]
fn a_record_that_was_cut_off_is_not_counted_when_it_is_whole() {
    let mut world = followed();
    world.topic("t").push((VAULT.to_owned(), b"whole".to_vec()));
    let refused = TakenOutcome::Refused { reason: "it is cut off".to_owned() };
    world.outcomes.insert("who".to_owned(), refused);
    let (run, mark, ..) = world.consumer.clone().expect("a consumer");
    world.printed = 1;
    world.handle(SyncEvent::Line { run, line: format!("{mark} 0 {VAULT} d2hv").into_bytes() });
    assert_eq!(world.replicator.status().refused, 1);
    world.pass(FOLLOW_PERIOD / 2);
    assert_eq!(world.taken, ["who", "whole"]);
    let status = world.replicator.status();
    assert_eq!((status.refused, status.last_refusal.as_deref()), (0, None));
}

#[test]
fn older_records_in_the_vault_are_replaced_from_the_topic_again() {
    let mut world = followed();
    world.vault = vec!["A one".to_owned()];
    world.publish(&["A one", "A two"]);
    world.outcomes.insert("A two".to_owned(), secret("A"));
    world.settle();
    assert_eq!((world.taken.len(), world.readings), (2, 1));
    world.older = vec!["A one".to_owned()];
    for _ in 0..3 {
        let names = vec!["A".parse().expect("a name")];
        world.handle(SyncEvent::Changed(names));
        world.pass(2 * FOLLOW_PERIOD);
    }
    // Nothing newer may be on the topic, so it is tried once.
    assert_eq!((world.taken.len(), world.readings), (4, 2));
    assert_eq!(world.on_topic("A one"), 1, "nothing is published for it");
    // The newer one is here, and the older one comes back a second time.
    let mut lists = |id: &str, older: bool| {
        world.vault = vec![id.to_owned()];
        world.older = if older { world.vault.clone() } else { Vec::new() };
        world.handle(SyncEvent::Changed(vec!["A".parse().expect("a name")]));
        world.pass(2 * FOLLOW_PERIOD);
        world.readings
    };
    assert_eq!([lists("A two", false), lists("A one", true), lists("A one", true)], [2, 3, 3]);
}

#[test]
fn what_is_to_be_published_stays_counted_during_a_trouble() {
    let mut world = followed();
    world.vault = vec!["A".to_owned(), "B".to_owned()];
    world.loses = true;
    world.handle(SyncEvent::Changed(Vec::new()));
    world.settle();
    assert_eq!(world.replicator.status().unpublished, 2);
    let actions = world
        .replicator
        .handle(SyncEvent::ProducerEnded { cause: "refused".to_owned() }, world.now);
    assert_eq!(world.replicator.status().unpublished, 2);
    world.act_all(actions);
    world.loses = false;
    world.pass(Duration::from_secs(3));
    assert_eq!(world.replicator.status().unpublished, 0);
}

#[test]
fn records_that_come_twice_change_nothing() {
    let mut world = followed();
    world.publish(&["A", "A"]);
    world.outcomes.insert("A".to_owned(), secret("A"));
    world.settle();
    let (run, mark, ..) = world.consumer.clone().expect("a consumer");
    for _ in 0..2 {
        world.handle(SyncEvent::Line { run, line: format!("{mark} 1 {VAULT} QQ==").into_bytes() });
    }
    world.pass(FOLLOW_PERIOD / 2);
    assert_eq!((world.taken.len(), world.readings), (1, 1));
}
