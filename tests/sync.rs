//! Machines that replicate a vault over a topic.

use std::fs;

use crate::hardening::copies;
use crate::harness::sync::{Cluster, Machine, all_files, until};
use crate::harness::watch::{CONNECTOR, Watched, config};
use crate::harness::{canary, files_with, need, said};

#[test]
fn a_secret_that_is_set_restarts_the_watched_connector_of_another_machine() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "writer");
    let path = bob.write("config.yaml", config(1, &["A"]));
    ada.set("A", "one");
    bob.until_has("A", "one");
    let mut watched = Watched::run(&bob, &path, &[], &CONNECTOR);
    watched.expect("started");
    watched.until_started_with(&bob, "1 A=one");
    ada.set("A", "two");
    let event = watched.expect("restarted");
    assert_eq!(event["secrets"], serde_json::json!(["A"]), "{event}");
    watched.until_started_with(&bob, "1 A=two");
    // Both ways.
    bob.set("B", "three");
    ada.until_has("B", "three");
    bob.ok(&["delete", "A"]);
    ada.until_lacks("A");
    ada.ok(&["restore", "A"]);
    bob.until_has("A", "two");
    watched.end();
}

#[test]
fn a_new_member_gets_all_secrets_that_were_there_before() {
    let cluster = Cluster::new();
    let ada = Machine::new(&cluster);
    let lines: String = (0..200).map(|n| format!("S{n}=value-{n}\n")).collect();
    let file = ada.write("secrets.txt", lines);
    ada.set("FIRST", "first");
    ada.ok(&["import", file.to_str().unwrap()]);
    ada.ok(&["delete", "S7"]);
    ada.sync(&["start", "--topic", cluster.topic()]);
    let bob = Machine::admitted_by(&ada, "reader");
    bob.until_has("S199", "value-199");
    until("all names", || bob.names() == ada.names());
    assert!(bob.value("S7").is_err());
    assert!(bob.has("S0", "value-0"));
}

#[test]
fn d28_a_machine_that_was_not_admitted_decrypts_nothing() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let canary = canary();
    ada.set("CANARY", &canary);
    let bob = Machine::new(&cluster);
    let said = bob.join(&ada, "reader");
    assert!((said.out + &said.err).contains(&bob.fingerprint()), "the command for the admin");
    let request = bob.vault().join("requests").join(bob.fingerprint());
    let request = fs::read(request).unwrap();
    // Each side has what the other one sent.
    until("the request", || ada.ok(&["member", "list"]).contains(&bob.fingerprint()));
    ada.set("LATER", &canary);
    let records = || cluster.records();
    let before = records().len();
    bob.sync(&["now"]);
    for record in records() {
        // Its own request is encrypted for the admin and for itself.
        let plain = bob.decrypt(&record.bytes()).filter(|plain| *plain != request);
        assert!(plain.is_none(), "record {}", record.offset);
    }
    assert!(before > 2);
    for file in all_files(&bob.path("data")) {
        let plain = bob.decrypt(&fs::read(&file).unwrap());
        assert!(plain.is_none(), "{}", file.display());
    }
    assert!(files_with(&bob.path(""), canary.as_bytes()).is_empty());
    assert!(bob.names().is_empty());
    // The same check finds all of it after the machine was admitted.
    ada.admit(&bob);
    bob.until_has("CANARY", &canary);
    bob.until_has("LATER", &canary);
    let opened = records().into_iter().filter_map(|record| bob.decrypt(&record.bytes()));
    assert!(opened.filter(|plain| plain.ends_with(canary.as_bytes())).count() >= 2);
}

#[test]
fn d27_a_machine_that_waits_to_be_admitted_changes_nothing() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::new(&cluster);
    bob.join(&ada, "admin");
    let refused = bob.set("A", "one");
    assert_eq!(refused.code(), Some(1), "{refused:?}");
    assert!(refused.err.contains("fluvio-secret member admit"), "{refused:?}");
    assert!(refused.err.contains(&bob.fingerprint()), "{refused:?}");
    assert!(ada.value("A").is_err());
    let run = said(&mut bob.run(&bob.config(&["FIRST"]), &[], &["true"]));
    assert!(run.err.contains("this machine waits to be admitted"), "{run:?}");
    assert!(run.err.contains(&format!("member admit {}", bob.fingerprint())), "{run:?}");
    ada.admit(&bob);
    bob.until_has("FIRST", "first");
    bob.ok(&["set", "A", "one"]);
    ada.until_has("A", "one");
}

#[test]
fn d27_an_admin_that_was_not_named_is_not_joined() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let stranger = "0".repeat(ada.fingerprint().len());
    let bob = Machine::new(&cluster);
    let joined = bob.sync_said(&["join", "--admin", &stranger, "--topic", cluster.topic()]);
    assert_eq!(joined.code(), Some(1), "{joined:?}");
    assert!(joined.err.contains(&stranger), "{joined:?}");
    let members = ada.ok(&["member", "list", "-O", "json"]);
    assert_eq!(members.matches("fingerprint").count(), 1, "{members}");
}

#[test]
fn status_shows_the_members_and_what_each_has() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "reader");
    ada.set("A", "one");
    bob.until_has("A", "one");
    let has_acknowledged = |status: &serde_json::Value| {
        let members = status["members"].as_array().unwrap();
        let bob = members.iter().find(|member| member["fingerprint"] == bob.fingerprint());
        bob.is_some_and(|bob| bob["records"].as_u64().is_some())
    };
    until("an acknowledgement", || has_acknowledged(&ada.status()));
    let status = ada.status();
    assert_eq!(status["topic"], cluster.topic(), "{status}");
    assert_eq!(status["state"], "following", "{status}");
    let text = ada.sync(&["status"]).out;
    assert!(text.contains(cluster.topic()) && text.contains("follows the topic"), "{text}");
}

#[test]
fn the_topic_shows_no_name_and_no_note() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::new(&cluster);
    let args = ["join", "--admin", &ada.fingerprint(), "--topic", cluster.topic()];
    bob.sync(&[&args[..], &["--note", "bobs-note"]].concat());
    ada.admit(&bob);
    bob.until_has("FIRST", "first");
    ada.set("NAME_OF_SECRET", "value");
    ada.ok(&["delete", "NAME_OF_SECRET"]);
    bob.set("OTHER_OF_SECRET", "value");
    ada.until_has("OTHER_OF_SECRET", "value");
    for record in cluster.records() {
        assert_eq!(record.key, ada.vault_id());
        let bytes = String::from_utf8_lossy(&record.bytes()).into_owned();
        for word in ["_OF_SECRET", "FIRST", "bobs-note"] {
            assert!(!bytes.contains(word), "{word} in record {}: {bytes}", record.offset);
        }
    }
}

#[test]
fn d29_the_process_that_replicates_never_has_a_value() {
    // Only root may look into every process.
    if !need::root() {
        return;
    }
    let cluster = Cluster::new();
    let (ada, canary) = (Machine::first(&cluster), canary());
    let bob = Machine::admitted_by(&ada, "reader");
    ada.set("A", &canary);
    bob.until_has("A", &canary);
    let identity = fs::read_to_string(bob.path("config/identity.txt")).unwrap();
    let key = crate::hardening::raw(&identity);
    for machine in [&ada, &bob] {
        let pid = machine.sync_pid().unwrap();
        for bytes in [canary.as_bytes(), &key] {
            assert_eq!(copies(pid, bytes), 0);
        }
        // The topic's name is there, so the check can find something.
        assert!(copies(pid, cluster.topic().as_bytes()) > 0);
    }
}

#[test]
fn an_admin_admits_the_new_key_of_a_machine_with_another_role() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    ada.set("A", "one");
    for role in ["writer", "reader"] {
        let bob = Machine::admitted_by(&ada, role);
        bob.until_has("A", "one");
        let key = || {
            let shown: serde_json::Value =
                serde_json::from_str(&bob.ok(&["key", "show", "-O", "json"])).unwrap();
            (shown["recipient"].to_string(), shown["retired"].as_array().unwrap().len())
        };
        let (before, _) = key();
        let rotated = bob.cli(&["key", "rotate", "--yes"]);
        assert!(rotated.status.success(), "{rotated:?}");
        for step in ["fluvio-secret member request", "fluvio-secret key retire"] {
            assert!(rotated.err.contains(step), "{rotated:?}");
        }
        let early = bob.cli(&["key", "retire", "--yes"]);
        assert!(early.err.contains("fluvio-secret member request"), "{early:?}");
        assert!(bob.has("A", "one"), "the retired key decrypts it");
        bob.ok(&["member", "request"]);
        until("the request", || ada.ok(&["member", "list"]).contains(&format!("asks for {role}")));
        ada.admit(&bob);
        until("the vault", || bob.cli(&["key", "retire", "--yes"]).status.success());
        assert!(key().0 != before && key().1 == 0);
        ada.set("LATER", role);
        bob.until_has("LATER", role);
    }
}
