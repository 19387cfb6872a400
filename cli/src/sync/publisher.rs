//! What has to be published: the documents of the vault that our own consumer has not returned.
//!
//! There is no list of what was sent. A record that did not arrive is missing on the topic, and so it is found again.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use fluvio_secret_protocol::{ListedSyncDocument, SyncDocumentKey};

use super::pause::GrowingPause;

/// The number of documents that are sent before the first one has come back. Each may have a mebibyte.
const WINDOW: usize = 16;

/// The documents that are to be sent, and those that were sent and have not come back.
#[derive(Debug)]
pub(crate) struct Publisher {
    queue: VecDeque<ListedSyncDocument>,
    /// The number of documents that are being fetched for the producer.
    fetching: usize,
    /// When each one was sent, by its id.
    sent: HashMap<String, Instant>,
    /// The number of documents that were left when they were forgotten, until it is known again.
    forgotten: usize,
    /// How long a document may take to come back.
    patience: GrowingPause,
    overdue_after: Duration,
    /// Whether it was given up, and none has come back since.
    has_given_up: bool,
}

impl Default for Publisher {
    fn default() -> Self {
        let mut patience = GrowingPause::new(Duration::from_secs(10), Duration::from_secs(300));
        let overdue_after = patience.next();
        Self {
            queue: VecDeque::new(),
            fetching: 0,
            sent: HashMap::new(),
            forgotten: 0,
            patience,
            overdue_after,
            has_given_up: false,
        }
    }
}

impl Publisher {
    /// Takes note of documents that the vault has. `is_on_topic` says which the topic has.
    pub(crate) fn wants(
        &mut self,
        documents: Vec<ListedSyncDocument>,
        is_on_topic: impl Fn(&str) -> bool,
    ) {
        self.forgotten = 0;
        let queued: BTreeSet<_> = self.queue.iter().map(|queued| queued.key.clone()).collect();
        let mut missing: Vec<_> = documents
            .into_iter()
            .filter(|document| !is_on_topic(&document.id) && !self.sent.contains_key(&document.id))
            .filter(|document| !queued.contains(&document.key))
            .collect();
        // What the lists of members allow comes after them.
        missing.sort_by_key(|document| match document.key {
            SyncDocumentKey::Members { version } => (0, version),
            SyncDocumentKey::Request => (1, 0),
            SyncDocumentKey::Record { .. } => (2, 0),
        });
        self.queue.extend(missing);
    }

    /// The next document to send, if there is one and not too many are on their way.
    pub(crate) fn next(&mut self) -> Option<SyncDocumentKey> {
        if self.sent.len() >= WINDOW {
            return None;
        }
        let next = self.queue.pop_front()?;
        self.fetching += 1;
        Some(next.key)
    }

    /// The document that [`Self::next`] named was fetched, or is gone.
    pub(crate) fn fetched(&mut self) {
        self.fetching = self.fetching.saturating_sub(1);
    }

    /// A document was handed to the producer.
    pub(crate) fn sent(&mut self, id: &str, now: Instant) {
        self.sent.insert(id.to_owned(), now);
    }

    /// A document is on the topic. Returns whether it was sent by us.
    pub(crate) fn returned(&mut self, id: &str) -> bool {
        let is_ours = self.sent.remove(id).is_some();
        if is_ours {
            self.patience.reset();
            self.has_given_up = false;
            self.overdue_after = self.patience.next();
        }
        is_ours
    }

    /// Forgets everything. What is missing is found when the topic has been read again.
    pub(crate) fn forget(&mut self) {
        self.forgotten = self.left();
        self.queue.clear();
        self.sent.clear();
    }

    /// Waits for none of the documents that were sent. If one is missing, it is found when the topic has been read again.
    pub(crate) fn forget_sent(&mut self) {
        self.sent.clear();
    }

    /// The documents that were sent get their whole time again, because the topic was not read until now.
    pub(crate) fn begin_again(&mut self, now: Instant) {
        self.sent.values_mut().for_each(|sent| *sent = now);
    }

    /// Some documents did not come back in time. The next ones get more time. Returns whether none has come back since the
    /// last time.
    pub(crate) fn give_up(&mut self) -> bool {
        self.forget();
        self.overdue_after = self.patience.next();
        std::mem::replace(&mut self.has_given_up, true)
    }

    /// When the oldest document that was sent should have come back.
    pub(crate) fn overdue_at(&self) -> Option<Instant> {
        self.sent.values().min().map(|oldest| *oldest + self.overdue_after)
    }

    /// Whether a document was sent and has not come back.
    pub(crate) fn is_sent(&self, id: &str) -> bool {
        self.sent.contains_key(id)
    }

    /// The number of documents that have not come back.
    pub(crate) fn left(&self) -> usize {
        self.forgotten.max(self.queue.len() + self.fetching + self.sent.len())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use fluvio_secret_protocol::{ListedSyncDocument, RecordKind, SyncDocumentKey};

    use super::{Publisher, WINDOW};

    fn record(name: &str) -> ListedSyncDocument {
        let name = name.parse().expect("a name");
        let key = SyncDocumentKey::Record { name, kind: RecordKind::Value };
        ListedSyncDocument { id: format!("{key:?}"), key, older: false }
    }

    #[test]
    fn only_what_the_topic_lacks_is_sent_and_lists_come_first() {
        let list = |version| ListedSyncDocument {
            key: SyncDocumentKey::Members { version },
            id: version.to_string(),
            older: false,
        };
        let mut publisher = Publisher::default();
        publisher
            .wants(vec![record("A"), list(2), record("B"), list(1)], |id| id == record("B").id);
        let sent: Vec<_> = std::iter::from_fn(|| publisher.next()).collect();
        assert_eq!(sent, [list(1).key, list(2).key, record("A").key]);
    }

    #[test]
    fn few_are_on_their_way_at_once_and_none_is_sent_twice() {
        let mut publisher = Publisher::default();
        let all: Vec<_> = (0..WINDOW + 5).map(|number| record(&format!("A{number}"))).collect();
        publisher.wants(all.clone(), |_| false);
        publisher.wants(all.clone(), |_| false);
        let now = Instant::now();
        for document in &all[..WINDOW] {
            assert_eq!(publisher.next().as_ref(), Some(&document.key));
            publisher.fetched();
            publisher.sent(&document.id, now);
        }
        assert_eq!((publisher.next(), publisher.left()), (None, WINDOW + 5));
        publisher.wants(all.clone(), |_| false);
        assert_eq!(publisher.left(), WINDOW + 5);
        publisher.returned(&all[3].id);
        assert_eq!(publisher.next().as_ref(), Some(&all[WINDOW].key));
    }

    #[test]
    fn a_document_that_does_not_come_back_gets_more_time_each_time() {
        let mut publisher = Publisher::default();
        assert_eq!(publisher.overdue_at(), None);
        let now = Instant::now();
        let mut before = now;
        for _ in 0..4 {
            publisher.sent("a", now);
            let at = publisher.overdue_at().expect("a time");
            assert!(at > before);
            before = at;
            publisher.give_up();
            assert_eq!(publisher.left(), 1, "until it is listed again");
            publisher.wants(Vec::new(), |_| false);
            assert_eq!(publisher.left(), 0);
        }
        publisher.sent("a", now);
        publisher.returned("a");
        publisher.sent("b", now);
        assert!(publisher.overdue_at().expect("a time") < before);
    }
}
