//! Change a secret, and the connector that was given it runs with the new value.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use crate::hardening::copies;
use crate::harness::ask::Asker;
use crate::harness::watch::{CONNECTOR, Watched, children, config, git, starts};
use crate::harness::{Home, canary, eventually, need};

/// A home with two secrets, of which the connector that is watched references the first.
fn watched_home() -> (Home, PathBuf, Watched) {
    let home = Home::new();
    home.set("A", "one");
    home.set("OTHER", "one");
    let path = home.write("config.yaml", config(1, &["A"]));
    let mut watched = Watched::run(&home, &path, &[], &CONNECTOR);
    watched.expect("started");
    watched.until_started_with(&home, "1 A=one");
    (home, path, watched)
}

/// Waits for a restart that was for this secret alone.
fn restarted_for_a(home: &Home, watched: &mut Watched, value: &str) {
    let event = watched.expect("restarted");
    assert_eq!(event["secrets"], serde_json::json!(["A"]), "{event}");
    assert_eq!(event["files"], serde_json::json!([]), "{event}");
    watched.until_started_with(home, &format!("1 A={value}"));
}

#[test]
fn f6_another_value_restarts_and_the_same_or_another_secret_does_not() {
    let (home, _, mut watched) = watched_home();
    home.set("OTHER", "two");
    home.set("A", "one");
    home.set("NEW", "x");
    home.ok(&["delete", "NEW"]);
    let changed = home.set("A", "two");
    assert!(changed.err.is_empty(), "who is started again is not to be started again: {changed:?}");
    restarted_for_a(&home, &mut watched, "two");
    home.set("A", "two");
    // The newest version in the history has the same value.
    home.ok(&["restore", "A"]);
    let file = home.write("secrets.txt", "A=two\nOTHER=three\n");
    home.ok(&["import", "--overwrite", file.to_str().unwrap()]);
    home.write("secrets.txt", "A=three\nOTHER=three\n");
    home.ok(&["import", "--overwrite", file.to_str().unwrap()]);
    restarted_for_a(&home, &mut watched, "three");
    home.ok(&["restore", "A", "--version", "1"]);
    restarted_for_a(&home, &mut watched, "one");
    assert_eq!(starts(&home).len(), 4);
    assert!(watched.end().is_empty());
}

#[test]
fn f6_another_value_that_is_set_twice_or_sealed_anew_restarts_too() {
    let (home, _, mut watched) = watched_home();
    let mut client = Asker::connect(&home).unwrap();
    for _ in 0..2 {
        client.set("A", b"two").unwrap().unwrap();
    }
    restarted_for_a(&home, &mut watched, "two");
    client.set("A", b"three").unwrap().unwrap();
    home.ok(&["key", "rotate"]);
    watched.until_started_with(&home, "1 A=three");
    watched.end();
}

#[test]
fn f6_a_secret_counts_after_a_configuration_that_would_not_start_was_taken_back() {
    let (home, path, mut watched) = watched_home();
    home.write("config.yaml", config(1, &["MISSING"]));
    watched.expect("held");
    fs::write(path, config(1, &["A"])).unwrap();
    watched.expect("note");
    home.set("A", "two");
    restarted_for_a(&home, &mut watched, "two");
    assert!(watched.end().is_empty());
}

#[test]
fn f6_fifty_changes_in_a_second_are_two_restarts_at_the_most() {
    let (home, _, mut watched) = watched_home();
    let mut client = Asker::connect(&home).unwrap();
    let begun = Instant::now();
    for n in 0..50 {
        client.set("A", format!("value-{n}").as_bytes()).unwrap().unwrap();
    }
    let took = begun.elapsed();
    watched.until_started_with(&home, "1 A=value-49");
    let restarts = watched.end();
    assert!(restarts.iter().all(|event| event["event"] == "restarted"), "{restarts:?}");
    // A busy machine takes longer for them.
    let most = 2 + usize::try_from(took.as_secs()).unwrap();
    assert!(restarts.len() <= most, "in {took:?}: {restarts:?}");
}

#[test]
fn a_secret_that_goes_away_leaves_the_connector_alone() {
    let (home, _, mut watched) = watched_home();
    let before = children(watched.child.id());
    home.ok(&["delete", "A"]);
    let held = watched.expect("held");
    assert!(held["because"].as_str().unwrap().contains("`A`"), "{held}");
    assert_eq!(children(watched.child.id()), before);
    // What comes back as it was is what the connector has.
    home.ok(&["restore", "A"]);
    watched.expect("note");
    home.set("A", "two");
    restarted_for_a(&home, &mut watched, "two");
    assert_eq!(starts(&home).len(), 2);
    assert!(watched.end().is_empty());
}

#[test]
fn a_secret_that_is_missing_is_waited_for() {
    let home = Home::new();
    let path = home.write("config.yaml", config(1, &["A"]));
    let mut watched = Watched::run(&home, &path, &[], &CONNECTOR);
    watched.expect("started");
    let ended = watched.expect("ended");
    assert_eq!(ended["again_in_s"], serde_json::Value::Null, "{ended}");
    assert!(watched.words.contains("fluvio-secret set A"), "{}", watched.words);
    home.set("A", "one");
    restarted_for_a(&home, &mut watched, "one");
    assert!(watched.end().is_empty());
}

#[test]
fn a_daemon_that_is_started_again_is_listened_to_again() {
    let (home, _, mut watched) = watched_home();
    home.ok(&["daemon", "stop"]);
    watched.expect("note");
    home.set("A", "two");
    restarted_for_a(&home, &mut watched, "two");
    home.kill_daemon();
    watched.expect("note");
    // A new daemon, and nothing that changed.
    home.ok(&["list"]);
    home.set("A", "three");
    restarted_for_a(&home, &mut watched, "three");
    home.ok(&["daemon", "restart"]);
    watched.expect("note");
    home.set("A", "four");
    restarted_for_a(&home, &mut watched, "four");
    assert_eq!(starts(&home).len(), 4);
    assert!(watched.end().is_empty());
}

#[test]
fn a11_what_others_do_to_the_vault_is_noticed() {
    if !need::tool("git") {
        return;
    }
    let (home, _, mut watched) = watched_home();
    let (file, kept) = (home.secret_file("A"), home.path("kept"));
    fs::copy(&file, &kept).unwrap();
    home.set("A", "two");
    restarted_for_a(&home, &mut watched, "two");
    // Restored from a backup: by a rename, and in place.
    let two = fs::read(&file).unwrap();
    let new = home.vault().join("new");
    fs::copy(&kept, &new).unwrap();
    fs::rename(&new, &file).unwrap();
    restarted_for_a(&home, &mut watched, "one");
    fs::write(&file, &two).unwrap();
    restarted_for_a(&home, &mut watched, "two");
    watched.until_apart();
    // By git.
    let vault = home.vault();
    git(&home, &vault, &["init", "-q"]);
    git(&home, &vault, &["add", "."]);
    git(&home, &vault, &["commit", "-qm", "two"]);
    home.set("A", "three");
    restarted_for_a(&home, &mut watched, "three");
    git(&home, &vault, &["checkout", "-q", "."]);
    restarted_for_a(&home, &mut watched, "two");
    watched.until_apart();
    // By a daemon that was not there.
    home.ok(&["daemon", "stop"]);
    watched.expect("note");
    fs::copy(&kept, &file).unwrap();
    home.ok(&["list"]);
    restarted_for_a(&home, &mut watched, "one");
    // The same bytes in another file, and another date, are nothing.
    fs::remove_file(&new).ok();
    fs::copy(&kept, &new).unwrap();
    fs::rename(&new, &file).unwrap();
    home.set("A", "four");
    restarted_for_a(&home, &mut watched, "four");
    assert_eq!(starts(&home).len(), 8);
    assert!(watched.end().is_empty());
}

#[test]
fn a11_a_vault_that_is_moved_away_and_back_is_watched_again() {
    let (home, _, mut watched) = watched_home();
    let away = home.path("away");
    let kept = fs::read(home.secret_file("A")).unwrap();
    home.set("A", "two");
    restarted_for_a(&home, &mut watched, "two");
    fs::rename(home.vault(), &away).unwrap();
    // The secret is not gone, so nothing is reported.
    eventually("a line of the daemon's log", || {
        let log = fs::read_to_string(home.path("state/daemon.log")).unwrap();
        log.contains("was moved, replaced or unmounted")
    });
    fs::create_dir(home.vault()).unwrap();
    fs::remove_dir(home.vault()).unwrap();
    fs::rename(&away, home.vault()).unwrap();
    fs::write(home.secret_file("A"), kept).unwrap();
    restarted_for_a(&home, &mut watched, "one");
    assert!(watched.end().is_empty());
}

#[test]
fn d8_who_watches_a_connector_sees_no_value() {
    // The supervisor is closed to its own user.
    if !need::root() {
        return;
    }
    let home = Home::new();
    let (first, second) = (canary(), canary());
    home.set("A", &first);
    let path = home.write("config.yaml", config(1, &["A"]));
    let script = "echo x >> ready; exec sleep 1000";
    let command = ["sh", "-c", script, "sh"];
    let mut watched = Watched::run(&home, &path, &["--inject", "env"], &command);
    watched.expect("started");
    eventually("the connector", || home.path("ready").exists());
    home.set("A", &second);
    watched.expect("restarted");
    eventually("the connector", || fs::read(home.path("ready")).unwrap().len() == 4);
    let supervisor = watched.child.id();
    let connector = children(supervisor)[0];
    eventually("the control: its environment", || copies(connector, second.as_bytes()) > 0);
    for value in [first, second] {
        assert_eq!(copies(supervisor, value.as_bytes()), 0);
    }
    assert!(watched.end().is_empty());
}

#[test]
fn who_subscribes_and_goes_away_takes_no_place() {
    let home = Home::new();
    home.set("A", "one");
    // More than there are places.
    for _ in 0..200 {
        Asker::connect(&home).unwrap().subscribe_and_go("A").unwrap();
    }
    // The daemon notices each of them only when it comes to its connection.
    let has_place = || Asker::connect(&home).unwrap().subscribe("A").unwrap().is_ok();
    eventually("a place", has_place);
}

#[test]
fn a_subscription_ends_with_its_configuration_also_when_it_was_made_anew() {
    let (home, path, mut watched) = watched_home();
    home.ok(&["daemon", "restart"]);
    watched.expect("note");
    // When it hears of this, it listens to the daemon that is there now.
    home.set("A", "two");
    restarted_for_a(&home, &mut watched, "two");
    let supervisor = watched.child.id();
    assert_eq!(listeners(supervisor), 1);
    fs::write(&path, config(1, &["OTHER"])).unwrap();
    watched.expect("restarted");
    watched.until_started_with(&home, "1 OTHER=one");
    eventually("one listener", || listeners(supervisor) == 1);
    home.set("A", "three");
    home.set("OTHER", "three");
    let event = watched.expect("restarted");
    assert_eq!(event["secrets"], serde_json::json!(["OTHER"]));
    assert!(watched.end().is_empty());
}

/// How many threads of a supervisor wait for changes of secrets.
fn listeners(supervisor: u32) -> usize {
    let threads = fs::read_dir(format!("/proc/{supervisor}/task")).unwrap().flatten();
    let names = threads.filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok());
    names.filter(|name| name == "secrets\n").count()
}

#[test]
fn a_new_configuration_is_watched_for_its_own_secrets() {
    let (home, path, mut watched) = watched_home();
    fs::write(&path, config(1, &["OTHER"])).unwrap();
    watched.expect("restarted");
    watched.until_started_with(&home, "1 OTHER=one");
    home.set("A", "two");
    home.set("OTHER", "two");
    let event = watched.expect("restarted");
    assert_eq!(event["secrets"], serde_json::json!(["OTHER"]));
    watched.until_started_with(&home, "1 OTHER=two");
    assert_eq!(starts(&home).len(), 3);
    assert!(watched.end().is_empty());
}
