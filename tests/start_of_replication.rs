//! `sync start` and `sync join`: which vault is published over which topic, and what has to wait.

use std::fs;

use crate::harness::is_alive;
use crate::harness::passphrase::{protect, unlock};
use crate::harness::sync::{Cluster, Machine, until};

#[test]
fn a_new_vault_is_not_published_on_the_topic_of_another_one() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::new(&cluster);
    let before = cluster.records().len();
    let said = bob.sync_said(&["start", "--topic", cluster.topic()]);
    assert_eq!(said.code(), Some(1), "{said:?}");
    assert!(said.err.contains("fluvio-secret sync join --admin"), "{said:?}");
    assert_eq!(bob.sync_said(&["status"]).code(), Some(1), "nothing is remembered");
    assert_eq!(cluster.records().len(), before);
    // As an earlier version has left it.
    let config = bob.path("config/sync.json");
    let topic = cluster.topic();
    let earlier =
        format!(r#"{{"id":"{}","path":null,"topic":"{topic}","generation":1}}"#, "0".repeat(32));
    fs::write(&config, format!(r#"{{"format":1,"vaults":[{earlier}]}}"#)).unwrap();
    bob.join(&ada, "reader");
    let text = fs::read_to_string(&config).unwrap();
    assert_eq!(text.matches("\"id\"").count(), 1, "{text}");
    assert!(text.contains(&ada.vault_id()), "{text}");
    // It has nothing of its own, and says for whom it waits.
    let said = bob.sync(&["start"]);
    assert!(said.err.contains(&ada.fingerprint()), "{said:?}");
    assert!(said.err.contains("fluvio-secret member admit"), "{said:?}");
}

#[test]
fn a_vault_that_was_replicated_before_is_again_when_the_cluster_is_there() {
    let cluster = Cluster::new();
    if !cluster.can_stop() {
        return;
    }
    let ada = Machine::first(&cluster);
    ada.sync(&["stop"]);
    cluster.stop();
    let said = ada.sync(&["start"]);
    assert!(said.err.contains("help: "), "{said:?}");
    assert!(ada.sync_pid().is_some());
    assert_eq!(ada.status()["to_publish"], serde_json::Value::Null);
    cluster.start();
    until("a topic that is followed", || ada.status()["to_publish"] == 0);
}

#[test]
fn stopping_where_nothing_was_used_makes_nothing() {
    let cluster = Cluster::new();
    let machine = Machine::new(&cluster);
    let files = || fs::read_dir(machine.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    let before: Vec<_> = files().collect();
    machine.sync(&["stop", "--all"]);
    assert_eq!(machine.sync_said(&["status"]).code(), Some(1));
    assert_eq!(machine.sync_said(&["leave"]).code(), Some(1));
    assert_eq!(files().collect::<Vec<_>>(), before);
}

#[test]
fn the_replication_of_a_forgotten_vault_ends() {
    let cluster = Cluster::new();
    let machine = Machine::new(&cluster);
    fs::create_dir(machine.path("project")).unwrap();
    let project = machine.path("project").display().to_string();
    machine.ok(&["vault", "init", &project]);
    machine.ok(&["set", "--vault", &project, "A", "one"]);
    let start = ["start", "--topic", cluster.topic(), "--vault", &project];
    machine.sync(&start);
    let status = || {
        let said = machine.sync_said(&["status", "--vault", &project, "-O", "json"]);
        serde_json::from_str::<serde_json::Value>(&said.out).unwrap()
    };
    let pid = status()["pid"].as_u64().unwrap();
    let said = machine.cli(&["vault", "forget", "--yes", &project]);
    assert!(said.err.contains("fluvio-secret sync start"), "{said:?}");
    assert!(!is_alive(pid.try_into().unwrap()), "{said:?}");
    machine.ok(&["vault", "trust", "--yes", &project]);
    assert_eq!(status()["topic"], cluster.topic(), "it is remembered");
    machine.sync(&["start", "--vault", &project]);
    assert!(status()["pid"].is_u64());
    // Its replication is known by the directory in which it began.
    let moved = machine.path("moved").display().to_string();
    fs::rename(&project, &moved).unwrap();
    machine.ok(&["list", "--vault", &moved]);
    let said = machine.cli(&["vault", "forget", "--yes", "--for-good", &moved]);
    assert!(said.err.contains("does not follow the topic"), "{said:?}");
    machine.ok(&["vault", "trust", "--yes", &moved]);
    let said = machine.sync_said(&["status", "--vault", &moved]);
    assert_eq!(said.code(), Some(1), "{said:?}");
}

#[test]
fn what_does_not_begin_is_not_remembered() {
    let cluster = Cluster::new();
    let machine = Machine::new(&cluster);
    machine.set("A", "one");
    machine.ok(&["daemon", "stop"]);
    protect(&machine, "p");
    let start = ["start", "--topic", cluster.topic()];
    let said = machine.sync_said(&start);
    assert!(said.code() != Some(0) && said.err.contains("fluvio-secret unlock"), "{said:?}");
    let said = machine.sync_said(&["status"]);
    assert!(said.code() == Some(1) && said.err.contains("not replicated"), "{said:?}");
    unlock(&machine, &[], "p");
    machine.sync(&start);
    assert!(machine.sync_pid().is_some());
}
