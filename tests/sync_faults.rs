//! Topics that lose, repeat and damage records, and processes that are killed.

use std::collections::BTreeMap;

use crate::harness::sync::{Cluster, Machine, Record, until};
use crate::harness::{Home, is_alive, kill};

/// All values of a machine, the earlier ones too.
fn state(machine: &Machine) -> BTreeMap<String, (Vec<u8>, Vec<String>)> {
    let names = machine.names().into_iter();
    let state = names.map(|name| {
        let value = machine.value(&name).unwrap();
        let earlier = machine.earlier_values(&name);
        (name, (value, earlier))
    });
    state.collect()
}

/// The audit log's lines about what came from a topic.
fn taken(home: &Home) -> usize {
    home.audit_log().iter().filter(|line| line["event"] == "take-document").count()
}

/// Waits until a machine has taken everything that is on the topic.
fn until_caught_up(machine: &Machine) {
    machine.sync(&["now"]);
}

/// Two machines with secrets that were set, changed and deleted on both.
fn used_vault(cluster: &Cluster) -> (Machine<'_>, Machine<'_>) {
    let ada = Machine::first(cluster);
    let bob = Machine::admitted_by(&ada, "writer");
    for round in ["one", "two", "three"] {
        ada.set("A", round);
        bob.until_has("A", round);
        bob.set("B", round);
        ada.until_has("B", round);
    }
    ada.set("C", "one");
    bob.until_has("C", "one");
    ada.ok(&["delete", "C"]);
    bob.until_lacks("C");
    ada.ok(&["delete", "--purge", "--yes", "B"]);
    bob.until_lacks("B");
    bob.set("B", "four");
    ada.until_has("B", "four");
    (ada, bob)
}

#[test]
fn records_that_come_twice_and_in_another_order_change_nothing() {
    let cluster = Cluster::new();
    let (ada, bob) = used_vault(&cluster);
    let before = [&ada, &bob].map(|machine| (state(machine), taken(machine)));
    let mut records = cluster.records();
    for _ in 0..2 {
        records.reverse();
        let lines = records.iter().map(|Record { key, value, .. }| (&**key, &**value));
        cluster.publish(lines);
    }
    // What comes after them shows that they were looked at.
    ada.set("LAST", "one");
    bob.until_has("LAST", "one");
    bob.set("LAST", "two");
    ada.until_has("LAST", "two");
    ada.ok(&["delete", "--purge", "--yes", "LAST"]);
    bob.until_lacks("LAST");
    for (machine, (state_before, taken_before)) in [&ada, &bob].into_iter().zip(before) {
        assert_eq!(state(machine), state_before);
        // Two of LAST.
        assert!(taken(machine) <= taken_before + 3, "{:?}", machine.audit_log());
    }
}

#[test]
fn a_newcomer_that_reads_everything_in_another_order_has_the_same() {
    let cluster = Cluster::new();
    if !cluster.has_faults() {
        return;
    }
    let (ada, bob) = used_vault(&cluster);
    cluster.order("consume-reversed", "7");
    cluster.order("consume-twice", "");
    let carol = Machine::admitted_by(&ada, "writer");
    carol.until_has("A", "three");
    carol.until_has("B", "four");
    until("the same names", || carol.names() == ada.names());
    carol.set("A", "four");
    for machine in [&ada, &bob] {
        machine.until_has("A", "four");
    }
}

#[test]
fn records_that_were_cut_off_are_refused_and_the_others_taken() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "writer");
    ada.set("A", "one");
    bob.until_has("A", "one");
    let before = state(&bob);
    let records = cluster.records();
    for Record { key, value, .. } in &records {
        let halves = [&value[..value.len() / 2], &value[..value.len() / 8 * 4], &value[1..], ""];
        cluster.publish(halves.map(|half| (key.as_str(), half)));
    }
    cluster.publish([("", ""), ("no-vault", "no-base64 \u{1}"), (&ada.vault_id(), "====")]);
    assert_eq!(state(&bob), before);
    ada.set("A", "two");
    bob.until_has("A", "two");
    until("a count", || bob.status()["refused"].as_u64() > Some(0));
}

#[test]
fn half_a_record_from_a_consumer_that_is_killed_is_read_again() {
    let cluster = Cluster::new();
    if !cluster.has_faults() {
        return;
    }
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "writer");
    // Either of the two machines has each fault.
    for fault in ["consume-die", "consume-cut", "consume-skip", "consume-garbage"] {
        for round in ["one", "two"] {
            cluster.order(fault, "noise \u{1}");
            ada.set("A", format!("{fault} {round}"));
            until(fault, || cluster.has_had(fault));
            bob.until_has("A", format!("{fault} {round}"));
        }
    }
    bob.set("B", "one");
    ada.until_has("B", "one");
}

#[test]
fn a_record_whose_producer_was_killed_or_that_was_lost_is_published_again() {
    let cluster = Cluster::new();
    if !cluster.has_faults() {
        return;
    }
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "writer");
    for fault in ["produce-die", "produce-hang", "produce-lost", "produce-refused"] {
        cluster.order(fault, "");
        ada.set("A", fault);
        until(fault, || cluster.has_had(fault));
        bob.until_has("A", fault);
    }
    cluster.order("produce-twice", "");
    ada.set("A", "twice");
    bob.until_has("A", "twice");
}

#[test]
fn a_topic_that_was_deleted_and_made_again_gets_everything_again() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "writer");
    ada.set("A", "one");
    bob.until_has("A", "one");
    cluster.delete_topic();
    ada.set("A", "two");
    cluster.fluvio_ok(&["topic", "create", cluster.topic()]);
    bob.until_has("A", "two");
    bob.set("B", "one");
    ada.until_has("B", "one");
    // All that a newcomer needs is there.
    let carol = Machine::admitted_by(&ada, "reader");
    carol.until_has("A", "two");
    carol.until_has("B", "one");
}

#[test]
fn a_process_that_is_killed_in_the_middle_loses_nothing() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "writer");
    for round in 0..10 {
        for machine in [&ada, &bob] {
            let pid = machine.sync_pid().unwrap();
            ada.set(&format!("A{round}"), "one");
            bob.set(&format!("B{round}"), "one");
            kill("KILL", pid);
            until("its end", || !is_alive(pid));
            machine.sync(&["start", "--topic", cluster.topic()]);
        }
        bob.until_has(&format!("A{round}"), "one");
        ada.until_has(&format!("B{round}"), "one");
    }
    until("the same names", || ada.names() == bob.names());
}

#[test]
fn a_daemon_that_is_killed_or_locked_is_waited_for() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "writer");
    bob.kill_daemon();
    ada.set("A", "one");
    bob.until_has("A", "one");
    ada.kill_daemon();
    ada.set("A", "two");
    bob.until_has("A", "two");
    bob.ok(&["daemon", "restart"]);
    ada.set("A", "three");
    bob.until_has("A", "three");
    until_caught_up(&ada);
}

#[test]
fn the_largest_values_arrive() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "writer");
    let large = "x".repeat(1024 * 1024);
    for name in ["A", "B", "C"] {
        ada.set(name, &large);
    }
    ada.set("SMALL", "one");
    for name in ["A", "B", "C"] {
        bob.until_has(name, &large);
    }
    bob.until_has("SMALL", "one");
    // And to a machine that reads them from the beginning.
    let carol = Machine::admitted_by(&ada, "reader");
    for name in ["A", "B", "C"] {
        carol.until_has(name, &large);
    }
}
