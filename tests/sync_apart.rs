//! Machines that changed the same vault while they were apart.

use std::collections::BTreeSet;
use std::fs;

use crate::harness::forged::forged;
use crate::harness::sync::{Cluster, Machine, until};

/// Waits until all machines have the same value of a secret, and returns it.
fn until_agreed(machines: &[&Machine], name: &str) -> String {
    let mut agreed = String::new();
    until(&format!("one value of {name}"), || {
        let values: BTreeSet<_> = machines.iter().map(|machine| machine.value(name).ok()).collect();
        let Some(Some(value)) = values.first().filter(|_| values.len() == 1) else { return false };
        agreed = String::from_utf8(value.clone()).unwrap();
        true
    });
    agreed
}

#[test]
fn two_values_that_were_set_while_apart_are_both_kept() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "writer");
    ada.set("A", "before");
    bob.until_has("A", "before");
    for machine in [&ada, &bob] {
        machine.sync(&["stop"]);
    }
    ada.set("A", "of ada");
    bob.set("A", "of bob");
    bob.set("B", "of bob");
    for machine in [&bob, &ada] {
        machine.sync(&["start", "--topic", cluster.topic()]);
    }
    bob.until_has("B", "of bob");
    ada.until_has("B", "of bob");
    let current = until_agreed(&[&ada, &bob], "A");
    // Ada learned of Bob's value before she had published hers.
    let (other, keepers) = match &*current {
        "of ada" => ("of bob", &[&ada, &bob][..]),
        _ => ("of ada", &[&ada][..]),
    };
    for machine in keepers {
        let earlier = machine.earlier_values("A");
        assert!(earlier.contains(&other.to_owned()), "{earlier:?}");
    }
    for machine in [&ada, &bob] {
        assert!(machine.earlier_values("A").contains(&"before".to_owned()));
    }
    // The next change counts more than both.
    ada.set("A", "after");
    bob.until_has("A", "after");
}

#[test]
fn a_secret_that_was_deleted_here_and_set_there_is_one_of_both_everywhere() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "writer");
    for name in ["A", "B"] {
        ada.set(name, "before");
        bob.until_has(name, "before");
    }
    bob.sync(&["stop"]);
    // One change on this side, and two on the other: these count.
    ada.ok(&["delete", "A", "B"]);
    ada.set("B", "between");
    ada.ok(&["delete", "B"]);
    bob.set("A", "one");
    bob.set("A", "two");
    bob.set("B", "one");
    bob.sync(&["start", "--topic", cluster.topic()]);
    ada.until_has("A", "two");
    bob.until_lacks("B");
    assert!(bob.has("A", "two") && ada.value("B").is_err());
    assert!(bob.earlier_values("B").contains(&"one".to_owned()));
}

#[test]
fn d28_a_purged_secret_is_never_published_again() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "writer");
    ada.set("A", "one");
    ada.set("A", "two");
    bob.until_has("A", "two");
    bob.sync(&["stop"]);
    ada.ok(&["delete", "--purge", "--yes", "A"]);
    // It has the purged value, and a topic without it.
    ada.sync(&["stop"]);
    cluster.delete_topic();
    ada.sync(&["start", "--topic", cluster.topic()]);
    bob.sync(&["start", "--topic", cluster.topic()]);
    bob.until_lacks("A");
    assert!(bob.earlier_values("A").is_empty());
    bob.set("B", "one");
    ada.until_has("B", "one");
    assert!(ada.value("A").is_err());
    for record in cluster.records() {
        let plain = ada.decrypt(&record.bytes()).unwrap_or_default();
        assert!(!plain.ends_with(b"\ntwo"), "record {}", record.offset);
    }
}

#[test]
fn what_was_set_while_the_cluster_was_away_arrives_afterwards() {
    let cluster = Cluster::new();
    if !cluster.can_stop() {
        return;
    }
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "writer");
    cluster.stop();
    // A change waits for no network.
    ada.ok(&["set", "A", "of ada"]);
    bob.ok(&["set", "B", "of bob"]);
    until("the report", || ada.status()["state"] != "following");
    cluster.start();
    bob.until_has("A", "of ada");
    ada.until_has("B", "of bob");
    until("the report", || ada.status()["state"] == "following");
}

#[test]
fn clocks_that_are_a_year_apart_change_nothing() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "writer");
    bob.sync(&["stop"]);
    let (past, future) = ("\"2020-01-01T00:00:00Z\"", "\"2099-01-01T00:00:00Z\"");
    for (name, date) in [("PAST", past), ("FUTURE", future)] {
        bob.set(name, "of a wrong clock");
        let document = forged(&bob, name, &[("set_at", date)], &[&ada, &bob]);
        cluster.publish_documents(&ada.vault_id(), &[document]);
        ada.until_has(name, "of a wrong clock");
        // What is set after it counts, whatever the dates are.
        ada.set(name, "later");
    }
    bob.sync(&["start", "--topic", cluster.topic()]);
    for name in ["PAST", "FUTURE"] {
        bob.until_has(name, "later");
        assert!(ada.has(name, "later"));
        assert!(ada.earlier_values(name).contains(&"of a wrong clock".to_owned()));
        bob.set(name, "last");
        ada.until_has(name, "last");
    }
}

#[test]
fn files_that_git_or_a_backup_brings_back_are_replaced_by_the_newest() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "writer");
    ada.set("A", "one");
    bob.until_has("A", "one");
    let file = bob.vault().join("A.age");
    let first = fs::read(&file).unwrap();
    ada.set("A", "two");
    bob.until_has("A", "two");
    fs::write(&file, first).unwrap();
    bob.until_has("A", "two");
    assert!(ada.has("A", "two"));
    fs::remove_file(&file).unwrap();
    bob.until_has("A", "two");
}
