//! Machines that exchange documents in any order, twice, late or not at all for a while, come to agree.

use std::collections::BTreeMap;

use fastrand::Rng;
use fluvio_secret_protocol::{RecordKind, Role, SyncDocumentKey};

use super::{Machine, Topic, earlier, outcome, value};
use crate::Publication;
use crate::keys::keyring::Keyring;
use crate::rekey::change::Rekey;
use crate::tests::two_machines::rekey;
use crate::tests::{delete, name, purge, restore, set};

const NAMES: [&str; 3] = ["A", "B", "FIRST"];

/// The machines, and the values that were published of each secret: the counter of each change, and its value.
struct Fleet {
    machines: Vec<Machine>,
    topic: Topic,
    rng: Rng,
    number: u32,
}

impl Fleet {
    fn new(seed: u64) -> Self {
        let (ada, mut topic) = (Machine::first(), Topic::default());
        let mut rng = Rng::with_seed(seed);
        let others = rng.usize(1..4);
        let mut machines = vec![ada];
        for _ in 0..others {
            let role = if rng.bool() { Role::Admin } else { Role::Writer };
            machines.push(Machine::member(&machines[0], role, &mut topic));
        }
        let mut fleet = Self { machines, topic, rng, number: 0 };
        fleet.settle();
        fleet
    }

    fn any(&mut self) -> usize {
        self.rng.usize(..self.machines.len())
    }

    /// A change of a machine. What it changes may not be there.
    fn change(&mut self) {
        let (at, secret) = (self.any(), NAMES[self.rng.usize(..NAMES.len())]);
        let vault = &self.machines[at].vault;
        match self.rng.u8(..10) {
            0 => _ = delete(vault, secret),
            1 => _ = purge(vault, secret),
            2 => {
                let versions = vault.secrets().history().versions(&name(secret));
                if let Some((version, _)) = versions.expect("versions").first() {
                    restore(vault, secret, *version).expect("written").commit().expect("restored");
                }
            }
            _ => {
                self.number += 1;
                set(vault, secret, format!("{} of {at}", self.number).as_bytes());
            }
        }
    }

    /// A machine gets any one document: a late one, one that it has, or one before those that it follows.
    fn deliver(&mut self) {
        let at = self.any();
        let document = self.rng.usize(..self.topic.documents.len());
        outcome(&self.machines[at], &self.topic.documents[document]);
    }

    /// A machine publishes some of what it has, without having read the topic.
    fn publish(&mut self) {
        let at = self.any();
        let publication = Publication::of(&self.machines[at].vault);
        for listed in publication.list(&[]).expect("a list") {
            if self.rng.u8(..3) == 0 {
                let document = publication.get(&listed.key).expect("a document");
                self.topic.documents.push(document.bytes.to_vec());
            }
        }
    }

    /// All machines get all documents, in any order, until none has more to publish.
    fn settle(&mut self) {
        loop {
            let mut published = 0;
            for at in 0..self.machines.len() {
                self.rng.shuffle(&mut self.topic.documents);
                published += self.topic.publish(&self.machines[at]).len();
                self.topic.read(&self.machines[at]);
            }
            if published == 0 {
                return;
            }
        }
    }

    /// The bytes of all records that count.
    fn records(&self, at: usize) -> BTreeMap<SyncDocumentKey, Vec<u8>> {
        let publication = Publication::of(&self.machines[at].vault);
        let listed = publication.list(&[]).expect("a list").into_iter().map(|one| one.key);
        // A tombstone that a purge has overtaken may be left.
        let is_record = |key: &SyncDocumentKey| matches!(key, SyncDocumentKey::Record { kind, .. } if *kind != RecordKind::Deleted);
        let get = |key: &SyncDocumentKey| publication.get(key).expect("a document").bytes.to_vec();
        listed.filter(is_record).map(|key| (key.clone(), get(&key))).collect()
    }

    fn assert_agreement(&self, seed: u64) {
        let last = self.machines.len() - 1;
        for at in 0..last {
            assert_eq!(self.records(at), self.records(last), "{seed}: {at} and {last}");
            for secret in NAMES {
                let values = [at, last].map(|at| value(&self.machines[at], secret));
                assert_eq!(values[0], values[1], "{seed}: {secret}");
            }
        }
    }
}

#[test]
fn machines_agree_whatever_came_late_twice_or_in_another_order() {
    for seed in 0..4 {
        let mut fleet = Fleet::new(seed);
        for _ in 0..40 {
            match fleet.rng.u8(..8) {
                0..3 => fleet.change(),
                3 => fleet.publish(),
                _ => fleet.deliver(),
            }
        }
        // An admin encrypts everything for one more member.
        let paper = Keyring::generate().current().to_string();
        rekey(Rekey::add(&fleet.machines[0].vault, &paper, None));
        fleet.change();
        fleet.settle();
        fleet.settle();
        fleet.assert_agreement(seed);
    }
}

#[test]
fn each_value_that_lost_is_in_the_history_of_all() {
    for seed in 0..4 {
        let mut fleet = Fleet::new(seed);
        let mut values = Vec::new();
        // Each is published before the next, and read late.
        for number in 0..9 {
            let at = fleet.any();
            let secret = format!("{number} of {at}").into_bytes();
            set(&fleet.machines[at].vault, "A", &secret);
            fleet.topic.documents.push(fleet.machines[at].record("A", RecordKind::Value));
            values.push(secret);
            for _ in 0..fleet.rng.u8(..4) {
                fleet.deliver();
            }
        }
        fleet.settle();
        fleet.assert_agreement(seed);
        values.sort();
        let order = earlier(&fleet.machines[0], "A");
        for machine in &fleet.machines {
            let current = value(machine, "A").expect("a value");
            let history = earlier(machine, "A");
            assert_eq!(history, order, "{seed}: the same order");
            let mut all = [history, vec![current]].concat();
            all.sort();
            assert_eq!(all, values, "{seed}: each once");
        }
    }
}
