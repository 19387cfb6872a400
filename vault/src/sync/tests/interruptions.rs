//! A machine that is killed while it takes a document has the state before or after it, and takes it again.

use std::fs;

use fluvio_secret_protocol::{RecordKind, Role, SyncDocumentKey, TakenOutcome};

use super::{Machine, Topic, earlier, is_secret, outcome, value};
use crate::tests::{delete, files, name, purge, set};
use crate::{DocumentTake, Publication};

/// A machine with a secret `A`, another one that has it, too, and the record of the value after it.
fn pair() -> (Machine, Machine, Vec<u8>) {
    let (ada, mut topic) = (Machine::first(), Topic::default());
    set(&ada.vault, "A", b"one");
    let bob = Machine::member(&ada, Role::Writer, &mut topic);
    set(&ada.vault, "A", b"two");
    let two = ada.record("A", RecordKind::Value);
    (ada, bob, two)
}

fn temporary(machine: &Machine) -> Vec<String> {
    let [vault, history] = [machine.home.vault_path(), machine.home.history_path()];
    let all = [files(&vault), files(&history)].concat();
    all.into_iter().filter(|file| file.starts_with(".tmp-")).collect()
}

#[test]
fn what_is_not_committed_changes_nothing() {
    let (ada, bob, two) = pair();
    let before = fs::read(bob.home.file("A")).expect("a file");
    delete(&ada.vault, "A").expect("deleted");
    for bytes in [two, ada.record("A", RecordKind::Deleted)] {
        let take = DocumentTake::prepare(&bob.vault, &bytes).expect("prepared");
        assert!(is_secret(take.outcome(), "A"));
        assert_eq!(temporary(&bob).len(), 1, "what can fail was done before the audit line");
        drop(take);
        assert!(temporary(&bob).is_empty());
        assert_eq!(fs::read(bob.home.file("A")).expect("a file"), before);
        assert!(earlier(&bob, "A").is_empty());
    }
}

#[test]
fn a_value_that_was_kept_before_the_kill_is_kept_once() {
    let (_ada, bob, two) = pair();
    bob.vault.secrets().history().keep(&name("A")).expect("kept");
    assert_eq!(value(&bob, "A").expect("a value"), b"one");
    assert!(is_secret(&outcome(&bob, &two), "A"));
    assert_eq!(value(&bob, "A").expect("a value"), b"two");
    assert_eq!(earlier(&bob, "A"), [b"one"]);
}

#[test]
fn a_history_in_which_versions_were_moved_before_the_kill_is_in_order() {
    let (ada, bob, two) = pair();
    let mut records = vec![two];
    for number in [b"three", b"four!", b"five!"] {
        set(&ada.vault, "A", number);
        records.push(ada.record("A", RecordKind::Value));
    }
    // All but the second.
    for at in [0, 2, 3] {
        outcome(&bob, &records[at]);
    }
    let expected = [&b"one"[..], b"two", b"three", b"four!"];
    let directory = bob.home.history_path().join("A");
    assert_eq!(files(&directory), ["1.age", "2.age", "3.age"]);
    fs::rename(directory.join("3.age"), directory.join("5.age")).expect("renamed");
    assert_eq!(earlier(&bob, "A"), [&b"one"[..], b"two", b"four!"], "the same as before");
    assert!(is_secret(&outcome(&bob, &records[1]), "A"));
    assert_eq!(earlier(&bob, "A"), expected);
    assert_eq!(outcome(&bob, &records[1]), TakenOutcome::Known);
    assert_eq!(earlier(&bob, "A"), expected);
    assert_eq!(value(&bob, "A").expect("a value"), b"five!");
}

#[test]
fn a_value_that_is_put_back_before_newer_ones_is_there_once_after_a_kill() {
    let (ada, bob, two) = pair();
    outcome(&bob, &two);
    set(&ada.vault, "A", b"three");
    let one = bob.home.history_path().join("A/1.age");
    // A checkout of an old commit: the history has a newer value than the file.
    bob.vault.secrets().history().keep(&name("A")).expect("kept");
    fs::rename(&one, bob.home.file("A")).expect("checked out");
    let three = ada.record("A", RecordKind::Value);
    let take = DocumentTake::prepare(&bob.vault, &three).expect("prepared");
    drop(take);
    // It was killed after the older value had its place.
    fs::copy(bob.home.file("A"), bob.home.history_path().join("A/1.age")).expect("copied");
    let date = fs::metadata(bob.home.file("A")).and_then(|found| found.modified()).expect("a date");
    let copy = fs::File::open(bob.home.history_path().join("A/1.age")).expect("a file");
    copy.set_modified(date).expect("dated");
    assert!(is_secret(&outcome(&bob, &three), "A"));
    assert_eq!(earlier(&bob, "A"), [b"one", b"two"]);
    assert_eq!(value(&bob, "A").expect("a value"), b"three");
}

#[test]
fn a_mark_that_was_written_before_the_kill_counts_and_its_secret_is_removed() {
    for is_purge in [false, true] {
        let (ada, bob, two) = pair();
        outcome(&bob, &two);
        let (kind, directory) = match is_purge {
            true => (RecordKind::Purged, ".purged"),
            false => (RecordKind::Deleted, ".deleted"),
        };
        match is_purge {
            true => purge(&ada.vault, "A").expect("purged"),
            false => delete(&ada.vault, "A").expect("deleted"),
        }
        let mark = ada.record("A", kind);
        let marks = bob.home.vault_path().join(directory);
        fs::create_dir_all(&marks).expect("a directory");
        fs::write(marks.join("A.age"), &mark).expect("written");
        assert_eq!(value(&bob, "A"), None);
        assert_eq!(outcome(&bob, &mark), TakenOutcome::Known);
        assert!(!bob.home.file("A").exists());
        let expected: &[&[u8]] = if is_purge { &[] } else { &[b"one", b"two"] };
        assert_eq!(earlier(&bob, "A"), expected);
    }
}

#[test]
fn a_list_that_was_written_before_the_kill_is_accepted() {
    let (ada, mut topic) = (Machine::first(), Topic::default());
    let dan = Machine::newcomer(&ada.vault, Role::Writer);
    topic.publish(&dan);
    topic.read(&ada);
    ada.admit(&dan);
    let key = SyncDocumentKey::Members { version: ada.list().version() };
    let list = Publication::of(&ada.vault).get(&key).expect("a list").bytes;
    let directory = dan.home.vault_path().join(".members");
    fs::create_dir(&directory).expect("a directory");
    let path = directory.join(ada.list().version().to_string());
    fs::write(path, ada.list().bytes()).expect("written");
    assert_eq!(outcome(&dan, &list), TakenOutcome::Members, "it was not accepted");
    assert_eq!(dan.list().hash(), ada.list().hash());
    assert_eq!(outcome(&dan, &list), TakenOutcome::Known);
    assert!(!dan.home.vault_path().join("requests").join(dan.fingerprint()).exists(), "answered");
}

#[test]
fn a_secret_whose_value_cannot_be_kept_stays_as_it_is() {
    let (_ada, bob, two) = pair();
    // There is a file where its history should be.
    let history = bob.home.history_path().join("A");
    fs::write(&history, b"").expect("a file");
    let taken = DocumentTake::prepare(&bob.vault, &two).and_then(DocumentTake::commit);
    assert!(taken.is_err());
    fs::remove_file(history).expect("removed");
    assert_eq!(value(&bob, "A").expect("a value"), b"one");
    assert!(is_secret(&outcome(&bob, &two), "A"));
    assert_eq!(earlier(&bob, "A"), [b"one"]);
}
