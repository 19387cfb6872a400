//! What `sync` names as the next step: it is right for this vault, this topic and this machine.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::said;

use crate::harness::sync::{Cluster, Machine, until};
use crate::sharing::PAPER;

/// A directory for a project in the home of a machine.
fn directory(machine: &Machine, name: &str) -> PathBuf {
    let directory = machine.path(name);
    fs::create_dir(&directory).unwrap();
    directory
}

/// A machine with the vault of a project that it replicates, and what it printed about that.
fn with_project(cluster: &Cluster) -> (Machine<'_>, String, String) {
    let machine = Machine::new(cluster);
    let project = directory(&machine, "weather").display().to_string();
    machine.ok(&["vault", "init", &project]);
    machine.ok(&["set", "--vault", &project, "A", "one"]);
    let started = machine.sync(&["start", "--topic", cluster.topic(), "--vault", &project]);
    (machine, project, started.err)
}

/// Runs a command that a message names, in a directory.
fn typed(machine: &Machine, directory: &Path, command: &str) -> crate::harness::Said {
    let words: Vec<_> = command.split(' ').collect();
    assert_eq!(words[..2], ["fluvio-secret", "sync"]);
    said(machine.sync_command(&words[2..]).current_dir(directory))
}

/// The command after this text.
fn command_after<'a>(text: &'a str, advice: &str) -> &'a str {
    let (_, rest) = text.split_once(advice).unwrap_or_else(|| panic!("{advice:?} in {text}"));
    rest.lines().next().unwrap()
}

#[test]
fn the_command_to_join_makes_the_vault_of_a_project_the_vault_of_that_project() {
    let cluster = Cluster::new();
    let (ada, project, started) = with_project(&cluster);
    let join = command_after(&started, "another machine joins in the project with: ");
    let bob = Machine::new(&cluster);
    let clone = directory(&bob, "clone");
    let joined = typed(&bob, &clone, join);
    assert!(joined.status.success(), "{joined:?}");
    let id = |path: PathBuf| fs::read_to_string(path.join(".fluvio-secret/.vault-id")).unwrap();
    assert_eq!(id(clone.clone()), id(PathBuf::from(&project)));
    let waits = typed(&bob, &clone, "fluvio-secret sync status").out;
    assert!(waits.contains("have an admin run in the project: "), "{waits}");
    // A file in the directory does not make it the personal vault.
    let carol = Machine::new(&cluster);
    let clone = directory(&carol, "clone");
    fs::create_dir(clone.join(".fluvio-secret")).unwrap();
    let id_file = ".fluvio-secret/.vault-id";
    fs::copy(Path::new(&project).join(id_file), clone.join(id_file)).unwrap();
    let personal = join.replace("--vault .", "--vault personal");
    let refused = typed(&carol, &clone, &personal);
    assert_eq!(refused.code(), Some(1), "{refused:?}");
    assert!(refused.err.contains(&format!("in that project with: {join}\n")), "{refused:?}");
    assert_eq!(carol.sync_said(&["status", "--vault", "personal"]).code(), Some(1));
    drop(ada);
}

#[test]
fn a_vault_that_is_not_registered_is_registered_first() {
    let cluster = Cluster::new();
    let (ada, project, _) = with_project(&cluster);
    let forgotten = ada.cli(&["vault", "forget", "--yes", &project]);
    let start = format!("fluvio-secret sync start --vault {project}\n");
    assert!(forgotten.err.contains(&start), "{forgotten:?}");
    let trust = "fluvio-secret vault trust ";
    let status = ada.sync(&["status", "--vault", &project]).out;
    assert!(status.contains(trust) && !status.contains("sync start"), "{status}");
    let started = ada.sync_said(&["start", "--vault", &project]);
    assert_eq!(started.code(), Some(1), "{started:?}");
    assert!(started.err.contains(trust), "{started:?}");
    let found = ada.cli(&["doctor"]).out;
    let line = "it is not registered, so nothing is replicated";
    assert!(found.contains(line) && !found.contains("sync start"), "{found}");
}

#[test]
fn a_reader_that_joins_again_keeps_its_role() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "reader");
    let join = ["join", "--admin", &ada.fingerprint(), "--topic", cluster.topic()];
    let again = bob.sync(&join);
    assert!(again.err.contains("a member already, with the role reader"), "{again:?}");
    assert!(!again.err.contains("waits") && bob.status()["admitted"] == true, "{again:?}");
    assert!(!ada.ok(&["member", "list"]).contains("asks for"));
    let other = bob.sync(&[&join[..], &["--role", "writer"]].concat());
    assert!(other.err.contains("stays a member with the role reader"), "{other:?}");
}

#[test]
fn the_topic_is_in_the_command_that_is_advised() {
    let cluster = Cluster::new();
    let topic = format!("{}-mine", cluster.topic());
    let ada = Machine::new(&cluster);
    ada.set("FIRST", "first");
    ada.sync(&["start", "--topic", &topic]);
    let start = format!("fluvio-secret sync start --topic {topic}");
    let bob = Machine::new(&cluster);
    let fingerprint = ada.fingerprint();
    let join = ["join", "--admin", &fingerprint, "--topic"];
    let missing = bob.sync_said(&[&join[..], &["nope"]].concat());
    let advice = "have an admin run: fluvio-secret sync start --topic nope\n";
    assert!(missing.err.contains(advice), "{missing:?}");
    bob.sync(&[&join[..], &[&topic]].concat());
    ada.admit(&bob);
    bob.until_has("FIRST", "first");
    let left = bob.sync(&["leave"]);
    assert!(left.err.contains(&format!("help: to follow it again, run: {start}\n")), "{left:?}");
    let missing = bob.sync_said(&["start", "--topic", "nope"]);
    assert!(missing.err.contains(advice), "{missing:?}");
}

#[test]
fn a_topic_that_lacks_something_is_not_left_without_a_warning() {
    let cluster = Cluster::new();
    if !cluster.can_stop() {
        return;
    }
    let ada = Machine::first(&cluster);
    until("a process that has read the topic", || ada.status()["to_publish"] == 0);
    cluster.stop();
    ada.set("A", "one");
    let file = ada.path("state").join(format!("sync-{}.json", ada.vault_id()));
    let unpublished = || {
        let text = fs::read_to_string(&file).unwrap_or_default();
        serde_json::from_str::<Value>(&text).unwrap_or_default()["unpublished"] == 1
    };
    until("something to publish", unpublished);
    let left = ada.sync(&["leave"]);
    assert!(left.err.contains("warning: the topic lacks 1 document"), "{left:?}");
    assert!(left.err.contains("`sync now`") && left.err.contains("sync start"), "{left:?}");
    cluster.start();
    ada.sync(&["start", "--topic", cluster.topic()]);
    until("everything to be published", || ada.status()["to_publish"] == 0);
    let left = ada.sync(&["leave"]);
    assert!(!left.err.contains("warning"), "{left:?}");
}

#[test]
fn a_machine_that_was_removed_learns_it_from_each_command() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let bob = Machine::admitted_by(&ada, "writer");
    ada.ok(&["member", "add", "--note", "Backup", PAPER[0]]);
    let status = ada.sync(&["status"]).out;
    assert!(status.contains("Backup: a key without a machine"), "{status}");
    ada.ok(&["member", "remove", &bob.fingerprint()]);
    until("its removal", || bob.status()["admitted"] == false);
    let topic = cluster.topic();
    let again = match topic {
        "fluvio-secrets" => "sync join --admin FINGERPRINT\n".to_owned(),
        _ => format!("sync join --admin FINGERPRINT --topic {topic}\n"),
    };
    let is_said = |text: &str| {
        text.contains("this machine is not a member of the vault any more\n")
            && text.contains(&again)
    };
    let status = bob.sync(&["status"]);
    assert!(is_said(&status.out), "{status:?}");
    let now = bob.sync_said(&["now"]);
    assert!(now.code() == Some(1) && is_said(&now.err), "{now:?}");
    let start = bob.sync(&["start"]);
    assert!(is_said(&start.err) && !start.err.contains("no secrets yet"), "{start:?}");
    bob.sync(&["leave"]);
    let start = bob.sync_said(&["start", "--topic", cluster.topic()]);
    assert!(start.code() == Some(1) && is_said(&start.err), "{start:?}");
    // It cannot decrypt the list of this change.
    ada.ok(&["member", "add", "--note", "Other", PAPER[1]]);
    let joined = bob.join(&ada, "reader");
    assert!(joined.err.contains("to admit it"), "{joined:?}");
    let now = bob.sync(&["now"]);
    assert!(now.err.contains("to admit it") && !now.out.contains("equal"), "{now:?}");
    ada.admit(&bob);
    ada.set("AGAIN", "it");
    bob.until_has("AGAIN", "it");
}

#[test]
fn a_machine_that_cannot_begin_is_not_advised_to() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    let reader = Machine::admitted_by(&ada, "reader");
    let waiting = Machine::new(&cluster);
    waiting.join(&ada, "reader");
    let advice = |machine: &Machine, command| {
        let said = machine.sync_said(&[command]);
        assert!(said.code() == Some(1) && said.err.contains("not replicated"), "{said:?}");
        command_after(&said.err, "help: ").to_owned()
    };
    for machine in [&ada, &reader, &waiting] {
        machine.sync(&["leave"]);
        // A daemon that runs knows what the machine may do.
        machine.cli(&["list"]);
    }
    for command in ["stop", "leave", "status", "now", "compact"] {
        assert_eq!(advice(&ada, command), "replicate it with: fluvio-secret sync start");
        for machine in [&reader, &waiting] {
            let admin = "have an admin run: fluvio-secret sync start";
            assert_eq!(advice(machine, command), admin, "{command}");
        }
    }
    let project = directory(&ada, "weather").display().to_string();
    ada.ok(&["vault", "init", &project]);
    let said = ada.sync_said(&["status", "--vault", &project]);
    let start = format!("replicate it with: fluvio-secret sync start --vault {project}\n");
    assert!(said.err.contains(&start), "{said:?}");
}

#[test]
fn older_files_of_a_vault_on_a_topic_come_back_over_it() {
    let cluster = Cluster::new();
    let ada = Machine::first(&cluster);
    ada.set("A", "one");
    let file = ada.vault().join("A.age");
    let first = fs::read(&file).unwrap();
    ada.set("A", "two");
    ada.sync(&["now"]);
    ada.sync(&["stop"]);
    fs::write(&file, first).unwrap();
    for args in [&["list"][..], &["list", "--used"], &["list", "--all-vaults"]] {
        let listed = ada.cli(args);
        let step = "help: get the newest files with: fluvio-secret sync now";
        assert!(listed.err.contains(step) && !listed.err.contains("git"), "{listed:?}");
    }
    ada.sync(&["now"]);
    assert!(ada.has("A", "two"));
}
