use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use fluvio_secret_protocol::{RecordKind, SecretName};
use jiff::Timestamp;

use super::{SecretState, VaultState};
use crate::members::content_hash::ContentHash;
use crate::members::signed_text::LARGEST_NUMBER;
use crate::members::signing_key::KeyFingerprint;
use crate::revisions::revision::{Revision, next_counter};

const NAMES: [&str; 3] = ["A", "B", "C"];

fn name(text: &str) -> SecretName {
    text.parse().expect("a name")
}

fn author(number: usize) -> KeyFingerprint {
    KeyFingerprint::parse(&format!("{number:032x}")).expect("a fingerprint")
}

fn second(number: i64) -> Timestamp {
    Timestamp::from_second(number).expect("a time")
}

fn revision(counter: u64, by: usize, kind: RecordKind) -> Revision {
    let file = ContentHash::of(&counter.to_le_bytes());
    Revision { counter, author: author(by), set_at: second(0), kind, members: 1, file }
}

fn value(counter: u64, by: usize) -> Revision {
    revision(counter, by, RecordKind::Value)
}

fn deleted(counter: u64, by: usize) -> Revision {
    revision(counter, by, RecordKind::Deleted)
}

fn purged(counter: u64, by: usize) -> Revision {
    revision(counter, by, RecordKind::Purged)
}

/// The current revision, and the history.
fn of(revisions: &[Revision], depth: usize) -> (Revision, Vec<Revision>) {
    let state = SecretState::of(revisions.iter().copied(), depth).expect("a state");
    (*state.current(), state.history().to_vec())
}

#[test]
fn a_concurrent_set_is_never_lost() {
    // Both machines knew of the first value.
    let all = [value(1, 0), value(2, 1), value(2, 2)];
    assert_eq!(of(&all, 10), (value(2, 2), vec![value(2, 1), value(1, 0)]));
    assert_eq!(of(&all, 1), (value(2, 2), vec![value(2, 1)]));
    assert_eq!(of(&all, 0), (value(2, 2), vec![]));
    assert_eq!(of(&[deleted(2, 2), value(2, 1)], 10), (deleted(2, 2), vec![value(2, 1)]));
    assert_eq!(of(&[deleted(2, 1), value(2, 2)], 10), (value(2, 2), vec![]));
    assert!(SecretState::of([], 10).is_none());
}

#[test]
fn the_hash_of_the_file_decides_last() {
    let later = Revision { set_at: second(1), ..value(1, 1) };
    let [low, high] = [b"0", b"1"].map(|bytes| ContentHash::of(bytes));
    let (low, high) = (low.min(high), low.max(high));
    let [one, two] = [low, high].map(|file| Revision { file, ..value(1, 1) });
    assert!(value(1, 2) < value(2, 1) && value(1, 1) < value(1, 2));
    assert!(one < two && two < later);
    // A copied key: two machines have the same counter.
    assert_eq!(of(&[value(1, 1), later], 10), (later, vec![value(1, 1)]));
}

#[test]
fn a_change_that_was_signed_again_takes_no_second_place() {
    let again = |members| Revision { members, ..value(1, 1) };
    assert_eq!(of(&[again(2), again(1), again(3)], 10), (again(3), vec![]));
    let all = [value(2, 1), again(2), again(1), value(1, 0)];
    assert_eq!(of(&all, 10), (value(2, 1), vec![again(2), value(1, 0)]));
    // It does not win over a value that was set in the meantime.
    assert_eq!(of(&[value(1, 2), again(3)], 10).0, value(1, 2));
}

#[test]
fn a_purge_wins_over_all_before_it_and_spreads() {
    let mut away = VaultState::default();
    let mut here = VaultState::default();
    for revision in [value(1, 1), value(2, 1), value(2, 2)] {
        away.add(&name("A"), revision, 10);
        here.add(&name("A"), revision, 10);
    }
    here.add(&name("A"), purged(3, 1), 10);
    let purge = here.get(&name("A")).expect("a state");
    assert_eq!((purge.current(), purge.history()), (&purged(3, 1), &[][..]));
    // It is set again, and the machine that was away has set it, too.
    here.add(&name("A"), value(4, 1), 10);
    away.add(&name("A"), value(3, 2), 10);
    let merged = away.merge(&here, 10);
    let state = merged.get(&name("A")).expect("a state");
    assert_eq!((state.current(), state.purge()), (&value(4, 1), Some(&purged(3, 1))));
    assert_eq!(state.history(), [value(3, 2)], "it was set at the same time as the purge");
    // Values from before the purge never come back.
    let mut late = merged.clone();
    late.add(&name("A"), value(2, 2), 10);
    assert_eq!(late, merged);
}

#[test]
fn the_next_change_is_above_all_that_are_known() {
    let mut state = VaultState::default();
    assert_eq!(state.next_counter(&name("A")), Some(1));
    state.add(&name("A"), value(7, 1), 10);
    state.add(&name("A"), value(3, 1), 10);
    assert_eq!(state.next_counter(&name("A")), Some(8));
    assert_eq!(state.next_counter(&name("B")), Some(1));
    assert_eq!(next_counter(Some(&value(LARGEST_NUMBER - 1, 1))), Some(LARGEST_NUMBER));
    assert_eq!(next_counter(Some(&value(LARGEST_NUMBER, 1))), None);
    assert_eq!(next_counter(Some(&value(u64::MAX, 1))), None);
}

/// A state of few possible revisions, so that three of them often have the same.
fn random_state(rng: &mut Rng, depth: usize) -> VaultState {
    let mut state = VaultState::default();
    for _ in 0..rng.usize(0..12) {
        let kind = match rng.u8(0..8) {
            0 => RecordKind::Purged,
            1..3 => RecordKind::Deleted,
            _ => RecordKind::Value,
        };
        let revision = Revision {
            set_at: second(rng.i64(0..2)),
            members: rng.u64(1..3),
            file: ContentHash::of(&[rng.u8(0..2)]),
            ..revision(rng.u64(1..6), rng.usize(0..3), kind)
        };
        state.add(&name(NAMES[rng.usize(0..2)]), revision, depth);
    }
    state
}

#[test]
fn merging_is_commutative_associative_and_idempotent() {
    for seed in 0..3_000 {
        let mut rng = Rng::with_seed(seed);
        let depth = rng.usize(0..5);
        let [a, b, c] = [0; 3].map(|_| random_state(&mut rng, depth));
        let both = a.merge(&b, depth);
        assert_eq!(both, b.merge(&a, depth), "commutative, seed {seed}");
        let (left, right) = (both.merge(&c, depth), a.merge(&b.merge(&c, depth), depth));
        assert_eq!(left, right, "associative, seed {seed}");
        assert_eq!(a.merge(&a, depth), a, "idempotent, seed {seed}");
        assert_eq!(both.merge(&a, depth), both, "what is there adds nothing, seed {seed}");
        assert_eq!(a.merge(&VaultState::default(), depth), a, "nothing adds nothing, seed {seed}");
    }
}

/// All revisions of each name that came to a machine, also those that it has no place for.
type Seen = BTreeMap<SecretName, BTreeSet<Revision>>;

struct Replica {
    author: KeyFingerprint,
    state: VaultState,
    seen: Seen,
}

enum Parcel {
    One(SecretName, Revision),
    All(VaultState, Seen),
}

/// Machines that change a vault, and what is on its way between them.
struct Fleet {
    seed: u64,
    rng: Rng,
    depth: usize,
    replicas: Vec<Replica>,
    on_the_way: Vec<(usize, Parcel)>,
    changes: u32,
}

impl Fleet {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        // Few machines meet more often.
        let most = if rng.bool() { 6 } else { 51 };
        let count = rng.usize(2..most);
        let replica = |number| Replica {
            // Some have a copied key.
            author: author(if number % 9 == 8 { number - 1 } else { number }),
            state: VaultState::default(),
            seen: Seen::new(),
        };
        let replicas = (0..count).map(replica).collect();
        let depth = rng.usize(0..11);
        Self { seed, rng, depth, replicas, on_the_way: Vec::new(), changes: 0 }
    }

    /// What a machine does to a secret.
    fn change(&mut self) {
        let Self { rng, replicas, depth, .. } = self;
        let at = rng.usize(0..replicas.len());
        let replica = &mut replicas[at];
        let name = name(rng.choice(NAMES).expect("a name"));
        let found = replica.state.get(&name);
        let mut kind = match rng.u8(0..20) {
            0..4 => RecordKind::Deleted,
            4 => RecordKind::Purged,
            _ => RecordKind::Value,
        };
        // A restore sets an earlier value again.
        if rng.u8(0..8) == 0 && found.is_some_and(|state| !state.history().is_empty()) {
            kind = RecordKind::Value;
        }
        self.changes += 1;
        let file = ContentHash::of(&self.changes.to_le_bytes());
        let counter = replica.state.next_counter(&name).expect("a counter");
        let set_at = second(self.changes.into());
        let author = replica.author;
        let revision = match found.map(|state| *state.current()) {
            // It is signed again for a newer list of members.
            Some(current) if rng.u8(0..10) == 0 => {
                Revision { members: current.members + 1, file, ..current }
            }
            _ => Revision { counter, author, set_at, kind, members: 1, file },
        };
        replica.state.add(&name, revision, *depth);
        replica.seen.entry(name.clone()).or_default().insert(revision);
        for _ in 0..rng.usize(0..4) {
            let to = rng.usize(0..self.replicas.len());
            self.on_the_way.push((to, Parcel::One(name.clone(), revision)));
        }
        self.check(at, &name);
    }

    /// A machine sends all that it has.
    fn send(&mut self, from: usize, to: usize) {
        let replica = &self.replicas[from];
        let parcel = Parcel::All(replica.state.clone(), replica.seen.clone());
        self.on_the_way.push((to, parcel));
    }

    /// Something arrives, in any order, and maybe again later.
    fn deliver(&mut self) {
        let at = self.rng.usize(0..self.on_the_way.len());
        let comes_again = self.rng.u8(0..5) == 0;
        let (to, parcel) = self.on_the_way.swap_remove(at);
        let replica = &mut self.replicas[to];
        let names: Vec<_> = match &parcel {
            Parcel::One(name, revision) => {
                replica.state.add(name, *revision, self.depth);
                replica.seen.entry(name.clone()).or_default().insert(*revision);
                vec![name.clone()]
            }
            Parcel::All(state, seen) => {
                replica.state = replica.state.merge(state, self.depth);
                for (name, revisions) in seen {
                    replica.seen.entry(name.clone()).or_default().extend(revisions);
                }
                seen.keys().cloned().collect()
            }
        };
        if comes_again {
            self.on_the_way.push((to, parcel));
        }
        names.iter().for_each(|name| self.check(to, name));
    }

    fn step(&mut self) {
        let count = self.replicas.len();
        match self.rng.u8(0..10) {
            0..4 => self.change(),
            4 => {
                let (from, to) = (self.rng.usize(0..count), self.rng.usize(0..count));
                self.send(from, to);
            }
            5 if !self.on_the_way.is_empty() => {
                let at = self.rng.usize(0..self.on_the_way.len());
                drop(self.on_the_way.swap_remove(at));
            }
            _ if !self.on_the_way.is_empty() => self.deliver(),
            _ => {}
        }
    }

    /// In the end, everything comes to everyone: twice around, in an order of its own.
    fn settle(&mut self) {
        while !self.on_the_way.is_empty() {
            self.deliver();
        }
        let mut round: Vec<_> = (0..self.replicas.len()).collect();
        self.rng.shuffle(&mut round);
        for two in round.repeat(2).windows(2) {
            self.send(two[0], two[1]);
            while !self.on_the_way.is_empty() {
                self.deliver();
            }
        }
    }

    /// Whether a machine has what the rules say of all that it has seen of a name.
    fn check(&self, at: usize, name: &SecretName) {
        let (replica, seed) = (&self.replicas[at], self.seed);
        let (state, seen) = (replica.state.get(name).expect("a state"), &replica.seen[name]);
        let newest = seen.iter().max().expect("a revision");
        assert_eq!(state.current(), newest, "the current one of {name} at {at}, seed {seed}");
        let purge = seen.iter().filter(|one| one.kind == RecordKind::Purged).max();
        assert_eq!(state.purge(), purge, "the purge of {name} at {at}, seed {seed}");
        for lost in seen.iter().filter(|one| one.kind == RecordKind::Value) {
            let is_replaced = seen.iter().any(|one| one.is_same_change(lost) && one > lost);
            let is_purged = purge.is_some_and(|purge| lost < purge);
            let newer = state.history().iter().filter(|one| *one > lost).count();
            let belongs = lost != newest && !is_replaced && !is_purged && newer < self.depth;
            let is_kept = state.history().contains(lost);
            assert_eq!(is_kept, belongs, "{lost:?} of {name} at {at}, seed {seed}");
        }
        let history = state.history();
        assert!(history.len() <= self.depth, "seed {seed}");
        assert!(history.windows(2).all(|two| two[0] > two[1]), "newest first, seed {seed}");
        assert!(history.iter().all(|one| seen.contains(one)), "nothing else, seed {seed}");
        assert!(history.iter().all(|one| one.kind == RecordKind::Value), "seed {seed}");
    }
}

#[test]
fn all_machines_agree_whatever_the_order_was() {
    for seed in 0..1_000 {
        let mut fleet = Fleet::new(seed);
        for _ in 0..fleet.rng.usize(20..200) {
            fleet.step();
        }
        fleet.settle();
        let first = &fleet.replicas[0];
        for replica in &fleet.replicas {
            assert_eq!(replica.seen, first.seen, "everything came, seed {seed}");
            assert_eq!(replica.state, first.state, "they agree, seed {seed}");
        }
        for name in first.seen.keys() {
            fleet.check(0, name);
        }
    }
}

#[test]
fn machines_with_histories_of_other_lengths_agree_on_what_is_current() {
    for seed in 0..300 {
        let mut rng = Rng::with_seed(seed);
        let states: Vec<_> = (0..4).map(|depth| random_state(&mut rng, depth)).collect();
        let merged = [0, 3].map(|depth| {
            let all = states.iter().fold(VaultState::default(), |all, one| all.merge(one, depth));
            let current = |state: &SecretState| (*state.current(), state.purge().copied());
            all.iter().map(|(name, state)| (name.clone(), current(state))).collect::<Vec<_>>()
        });
        assert_eq!(merged[0], merged[1], "seed {seed}");
    }
}
