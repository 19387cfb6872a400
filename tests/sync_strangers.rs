//! Records on a topic from machines that may not write to the vault.

use std::fs;

use crate::harness::Home;
use crate::harness::forged::forged;
use crate::harness::sync::{Cluster, Machine, until};

/// The encrypted file of a secret.
fn file(home: &Home, name: &str) -> Vec<u8> {
    fs::read(home.secret_file(name)).unwrap()
}

fn refused(machine: &Machine) -> u64 {
    machine.status()["refused"].as_u64().unwrap()
}

#[test]
fn d28_a_record_of_a_stranger_is_refused() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "writer");
    ada.set("A", "one");
    bob.until_has("A", "one");
    // A vault of its own that has everybody as a member.
    let mallory = Home::new();
    mallory.ok(&["set", "A", "forged"]);
    for machine in [&ada, &bob] {
        let identity = fs::read_to_string(machine.path("config/identity.txt")).unwrap();
        let recipient = identity.lines().find_map(|line| line.strip_prefix("# public key: "));
        mallory.ok(&["member", "add", recipient.unwrap()]);
    }
    mallory.ok(&["set", "A", "forged again"]);
    let lists = fs::read_dir(mallory.vault().join(".members")).unwrap();
    let mut documents: Vec<_> = lists.map(|list| fs::read(list.unwrap().path()).unwrap()).collect();
    documents.push(file(&mallory, "A"));
    let before = [&ada, &bob].map(refused);
    cluster.publish_documents(&ada.vault_id(), &documents);
    for (machine, before) in [&ada, &bob].into_iter().zip(before) {
        until("refused records", || refused(machine) >= before + documents.len() as u64);
        assert!(machine.has("A", "one"));
        assert!(machine.earlier_values("A").is_empty());
    }
    ada.set("A", "two");
    bob.until_has("A", "two");
}

#[test]
fn a_record_of_another_vault_is_left_alone() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "reader");
    let other = Machine::new(&cluster);
    other.set("A", "other");
    let id = fs::read_to_string(other.vault().join(".vault-id")).unwrap();
    cluster.publish_documents(id.trim(), &[file(&other, "A")]);
    until("a foreign record", || bob.status()["foreign"].as_u64() > Some(0));
    ada.set("A", "one");
    bob.until_has("A", "one");
    assert!(bob.earlier_values("A").is_empty());
    // The other vault has to use another topic.
    let refused = other.sync_said(&["start", "--topic", cluster.topic()]);
    assert!(!refused.status.success() && refused.err.contains("of another vault"), "{refused:?}");
}

#[test]
fn d28_a_record_of_a_reader_is_refused() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "reader");
    ada.set("A", "one");
    bob.until_has("A", "one");
    let writer = format!("\"{}\"", bob.fingerprint());
    let fields = [("revision", "7"), ("writer", &*writer)];
    let document = forged(&bob, "A", &fields, &[&ada, &bob]);
    let before = [&ada, &bob].map(refused);
    cluster.publish_documents(&ada.vault_id(), &[document]);
    for (machine, before) in [&ada, &bob].into_iter().zip(before) {
        until("a refused record", || refused(machine) > before);
        assert!(machine.earlier_values("A").is_empty());
    }
    // The same by a writer is taken, so it was refused for this alone.
    let writer = format!("\"{}\"", ada.fingerprint());
    let fields = [("revision", "7"), ("writer", &*writer)];
    cluster.publish_documents(&ada.vault_id(), &[forged(&ada, "A", &fields, &[&ada, &bob])]);
    let revision = |machine: &Machine| {
        let file = file(machine, "A");
        String::from_utf8(machine.decrypt(&file).unwrap()).unwrap().contains("\"revision\":7,")
    };
    until("the record of a writer", || revision(&ada) && revision(&bob));
}

#[test]
fn d28_a_record_of_a_former_writer_is_refused() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "writer");
    ada.set("A", "one");
    bob.until_has("A", "one");
    bob.sync(&["stop"]);
    bob.ok(&["set", "A", "of a former writer"]);
    let document = file(&bob, "A");
    ada.ok(&["member", "remove", &bob.fingerprint()]);
    let before = refused(&ada);
    cluster.publish_documents(&ada.vault_id(), &[document]);
    until("a refused record", || refused(&ada) > before);
    assert!(ada.has("A", "one"));
}

#[test]
fn d28_a_removed_member_neither_changes_nor_reads_anything() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "writer");
    let carol = Machine::admitted_by(&ada, "reader");
    ada.ok(&["member", "remove", &bob.fingerprint()]);
    ada.set("A", "after");
    carol.until_has("A", "after");
    let end = cluster.records().len();
    assert!(bob.value("A").is_err());
    let set = bob.set("B", "of a removed member");
    if set.status.success() {
        cluster.publish_documents(&ada.vault_id(), &[file(&bob, "B")]);
    }
    ada.set("A", "later");
    carol.until_has("A", "later");
    assert!(ada.value("B").is_err() && carol.value("B").is_err());
    for record in &cluster.records()[end..] {
        let plain = bob.decrypt(&record.bytes()).unwrap_or_default();
        assert!(!plain.ends_with(b"later"), "record {}", record.offset);
    }
}

#[test]
fn a_removed_machine_may_ask_again() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "writer");
    ada.ok(&["member", "remove", &bob.fingerprint()]);
    ada.set("A", "after");
    let refused = || {
        let set = bob.set("B", "one");
        (set.status.code() == Some(1)).then_some(set.err)
    };
    until("its removal", || refused().is_some());
    let why = refused().unwrap();
    assert!(why.contains("fluvio-secret member request"), "{why}");
    let asked = bob.cli(&["member", "request", "--role", "reader"]);
    let admit =
        format!("help: have an admin run: fluvio-secret member admit {}", bob.fingerprint());
    assert!(asked.err.contains(&admit) && !asked.err.contains("commit"), "{asked:?}");
    let waits = bob.sync(&["status"]).out;
    assert!(waits.contains("for an admin to admit this machine"), "{waits}");
    ada.admit(&bob);
    bob.until_has("A", "after");
}

#[test]
fn compacting_leaves_nothing_of_a_purged_secret_in_any_topic() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "writer");
    ada.set("A", "purged");
    ada.set("B", "kept");
    bob.until_has("A", "purged");
    bob.until_has("B", "kept");
    bob.sync(&["stop"]);
    ada.ok(&["delete", "--purge", "--yes", "A"]);
    let has_it = |topic: &str| {
        let records = cluster.records_of(topic).into_iter();
        let mut plain = records.filter_map(|record| ada.decrypt(&record.bytes()));
        plain.any(|plain| plain.ends_with(b"\npurged"))
    };
    assert!(has_it(cluster.topic()), "the check finds what is there");
    ada.sync(&["compact", "--yes"]);
    let topics = cluster.topics();
    assert_eq!(topics.len(), 2, "{topics:?}");
    assert!(!topics.iter().any(|topic| has_it(topic)));
    // What is left under the old name is no secret's.
    for record in cluster.records_of(cluster.topic()) {
        let plain = ada.decrypt(&record.bytes()).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&plain).contains("\"kind\""), "record {}", record.offset);
    }
    // A machine that was away finds the new topic.
    bob.sync(&["start"]);
    bob.until_lacks("A");
    assert!(bob.has("B", "kept"));
    bob.set("C", "one");
    ada.until_has("C", "one");
    // And a newcomer that knows the name of the first one.
    let carol = Machine::admitted_by(&ada, "reader");
    carol.until_has("C", "one");
}
