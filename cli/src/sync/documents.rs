//! The documents of a topic, by their hashes: a line that is settled is not handed to the daemon again.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::rc::Rc;

/// A document that needs no second look.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct SettledDocument {
    pub(crate) id: Rc<str>,
    /// Whether it only says what a member has.
    pub(crate) is_acknowledgement: bool,
    /// Whether no key of this machine decrypts it. Another document comes for a machine that is admitted.
    is_for_others: bool,
}

/// What is known of the lines of a topic.
#[derive(Debug, Default)]
pub(crate) struct TopicDocuments {
    /// The keys of the hash are random, so that a stranger cannot make a line that is taken for another one.
    keys: [RandomState; 2],
    /// The document of each line that needs no second look.
    settled: HashMap<u128, SettledDocument>,
    /// The ids of the documents on the topic, as far as it was read from its beginning.
    on_topic: HashSet<Rc<str>>,
    /// Those lines of this reading that a later list of members may make useful.
    unsettled: HashSet<u128>,
    /// Those lines of this reading that are for others.
    for_others: HashSet<u128>,
}

impl TopicDocuments {
    /// The hash of a document's bytes.
    pub(crate) fn hash(&self, bytes: &[u8]) -> u128 {
        let [high, low] = self.keys.each_ref().map(|key| u128::from(key.hash_one(bytes)));
        high << 64 | low
    }

    /// The topic is read from its beginning.
    pub(crate) fn begin(&mut self) {
        self.on_topic.clear();
        self.unsettled.clear();
        self.for_others.clear();
    }

    /// Takes note of a line that was read. Returns its document if it is settled.
    pub(crate) fn read(&mut self, hash: u128) -> Option<SettledDocument> {
        let document = self.settled.get(&hash)?.clone();
        self.on_topic.insert(document.id.clone());
        if document.is_for_others {
            self.for_others.insert(hash);
        }
        Some(document)
    }

    /// Whether a line with this hash was read before.
    pub(crate) fn is_known(&self, hash: u128) -> bool {
        self.settled.contains_key(&hash) || self.unsettled.contains(&hash)
    }

    /// The daemon has looked at a document. Returns whether it was not settled before.
    pub(crate) fn settle(&mut self, hash: u128, id: &str, is_acknowledgement: bool) -> bool {
        let id: Rc<str> = id.into();
        self.on_topic.insert(id.clone());
        self.unsettled.remove(&hash);
        let document = SettledDocument { id, is_acknowledgement, is_for_others: false };
        self.settled.insert(hash, document).is_none()
    }

    /// The daemon cannot decrypt a document.
    pub(crate) fn settle_for_others(&mut self, hash: u128, id: &str) {
        self.settle(hash, id, false);
        self.for_others.insert(hash);
        self.settled.entry(hash).and_modify(|document| document.is_for_others = true);
    }

    /// The daemon has looked at a document that it may need later.
    pub(crate) fn keep_for_later(&mut self, hash: u128, id: &str) {
        self.on_topic.insert(id.into());
        self.unsettled.insert(hash);
    }

    /// Has the daemon look at all documents again.
    pub(crate) fn forget_settled(&mut self) {
        self.settled.clear();
    }

    /// The number of documents that may be useful later.
    pub(crate) fn unsettled(&self) -> usize {
        self.unsettled.len()
    }

    /// The number of documents that this machine has no use for at present.
    pub(crate) fn useless(&self) -> usize {
        self.unsettled.len() + self.for_others.len()
    }

    /// Whether the topic has the document with this id.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.on_topic.contains(id)
    }
}

#[cfg(test)]
mod tests {
    use super::TopicDocuments;

    #[test]
    fn a_settled_line_counts_in_each_reading_and_is_looked_at_once() {
        let mut documents = TopicDocuments::default();
        documents.begin();
        let hash = documents.hash(b"a");
        assert_ne!(hash, documents.hash(b"b"));
        assert_eq!(documents.read(hash), None);
        assert!(documents.settle(hash, "id", true) && !documents.settle(hash, "id", true));
        assert!(documents.has("id"));
        documents.begin();
        assert!(!documents.has("id"), "the topic may be another one");
        let read = documents.read(hash).expect("a document");
        assert!(&*read.id == "id" && read.is_acknowledgement);
        assert!(documents.has("id"));
    }

    #[test]
    fn what_may_be_useful_later_is_looked_at_again() {
        let mut documents = TopicDocuments::default();
        let hash = documents.hash(b"a");
        documents.keep_for_later(hash, "id");
        assert!(documents.has("id") && documents.unsettled() == 1);
        assert!(documents.read(hash).is_none() && documents.is_known(hash));
        documents.begin();
        assert_eq!(documents.unsettled(), 0);
    }
}
