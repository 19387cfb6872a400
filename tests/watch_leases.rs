//! `watch`: connectors of `cdk` restart when their files or secrets change.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, getpgid, kill_process_group};
use serde_json::{Value, json};

use crate::hardening::copies;
use crate::harness::cdk::{Project, leases};
use crate::harness::passphrase::{protect, unlock};
use crate::harness::watch::Watched;
use crate::harness::{Home, behind, canary, eventually, is_alive, kill, need, said};
use crate::restart::{cli, got, project, shut_down, start};

/// Follows connectors, which are running or not.
fn watch(home: &Home, project: &Project<'_>, args: &[&str]) -> Watched {
    Watched::start(&cli(home, project, &[&["watch", "-O", "json"], args].concat()))
}

/// The next event, which must be of this kind and about this connector.
fn expect(watched: &mut Watched, kind: &str, connector: &str) -> Value {
    let event = watched.expect(kind);
    assert_eq!(event["connector"], connector, "{event}");
    event
}

/// Saves a configuration with another number in a comment.
fn save(project: &Project<'_>, connector: &str, number: u32) {
    let text = fs::read_to_string(project.path(&format!("{connector}.yaml"))).unwrap();
    let text = text.split("# ").next().unwrap().to_owned();
    project.write(&format!("{connector}.yaml"), &format!("{text}# {number}\n"));
}

fn pid_of(restarted: &Value) -> u32 {
    u32::try_from(restarted["pid"].as_u64().unwrap()).unwrap()
}

fn group(pid: u32) -> Pid {
    getpgid(Pid::from_raw(pid.cast_signed())).unwrap()
}

#[test]
fn f6_e20_what_changes_restarts_the_connectors_that_have_it() {
    let home = Home::new();
    let project = project(&home);
    home.set("B", "one");
    let old = start(&project, "facts");
    let other = project.start(&project.config("other", &["B"]));
    let mut watched = watch(&home, &project, &[]);
    let config = project.path("facts.yaml").display().to_string();
    let mut following = [(); 2].map(|()| watched.expect("following"));
    following.sort_by_key(|event| event["connector"].to_string());
    let found = following.each_ref().map(|event| event["connector"].as_str().unwrap());
    assert_eq!((found, &following[0]["config"]), (["facts", "other"], &json!(config)));
    home.set("A", "two");
    let restarted = expect(&mut watched, "restarted", "facts");
    assert_eq!((&restarted["secrets"], &restarted["files"]), (&json!(["A"]), &json!([])));
    eventually("the new value", || got(&project, "facts").ends_with("A=two\n"));
    assert!(got(&project, "facts").starts_with("again "));
    assert!(!is_alive(old) && is_alive(pid_of(&restarted)) && is_alive(other));
    // The same value, the same content, and what no connector has.
    home.set("A", "two");
    home.set("C", "one");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text).unwrap();
    save(&project, "facts", 2);
    let again = expect(&mut watched, "restarted", "facts");
    assert_eq!((&again["secrets"], &again["files"]), (&json!([]), &json!([config])));
    assert!(!project.path("overlap").exists(), "the old one was gone");
    // One that is started later, and one that stops.
    shut_down_one(&home, &project, "other");
    expect(&mut watched, "gone", "other");
    let other = project.start("other.yaml");
    expect(&mut watched, "following", "other");
    home.set("B", "two");
    let restarted = expect(&mut watched, "restarted", "other");
    let last = pid_of(&restarted);
    assert!(!is_alive(other) && is_alive(last));
    kill("INT", watched.child.id());
    assert_eq!(watched.child.wait().unwrap().code(), Some(130));
    let rest = watched.told_to_the_end();
    let text = rest.iter().map(|event| event["text"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(text, ["stopped: the connectors keep running"], "{rest:?}");
    assert!(is_alive(pid_of(&again)) && is_alive(last));
    shut_down(&home, &project, &["facts", "other"]);
}

fn shut_down_one(home: &Home, project: &Project<'_>, name: &str) {
    let before = leases(home).len();
    project.said(&format!("deploy shutdown --name {name}"));
    eventually("the end of its lease", || leases(home).len() < before);
}

#[test]
fn an_earlier_value_is_replaced_when_the_connector_is_found() {
    let home = Home::new();
    let project = project(&home);
    let old = start(&project, "facts");
    home.set("A", "two");
    let mut watched = watch(&home, &project, &[]);
    expect(&mut watched, "following", "facts");
    let restarted = expect(&mut watched, "restarted", "facts");
    assert_eq!(restarted["secrets"], json!(["A"]));
    eventually("the new value", || got(&project, "facts").ends_with("A=two\n"));
    assert!(!is_alive(old));
    // A restart by you is no change, and is followed.
    let told = said(&mut cli(&home, &project, &["restart", "facts"]));
    assert!(told.status.success(), "{told:?}");
    let next = watched.next_event();
    let next = if next["event"] == "gone" { watched.next_event() } else { next };
    assert_eq!((&next["event"], &next["connector"]), (&json!("following"), &json!("facts")));
    home.set("A", "three");
    expect(&mut watched, "restarted", "facts");
    assert_eq!(watched.end().len(), 1);
    shut_down(&home, &project, &["facts"]);
}

#[test]
fn only_the_named_connectors_are_followed_and_waited_for() {
    let home = Home::new();
    let project = project(&home);
    let other = start(&project, "other");
    let mut watched = watch(&home, &project, &["--only", "facts", "--only=more"]);
    for name in ["facts", "more"] {
        let note = expect(&mut watched, "note", name);
        assert!(note["text"].as_str().unwrap().contains("waiting for it"), "{note}");
    }
    start(&project, "facts");
    expect(&mut watched, "following", "facts");
    home.set("A", "two");
    expect(&mut watched, "restarted", "facts");
    assert!(is_alive(other));
    assert_eq!(watched.end().len(), 1);
    shut_down(&home, &project, &["facts", "other"]);
    let mut watched = watch(&home, &project, &[]);
    let note = watched.expect("note");
    assert!(note["text"].as_str().unwrap().contains("waiting for connectors"), "{note}");
    assert_eq!(watched.end().len(), 1);
}

#[test]
fn f4_a_change_with_which_it_would_not_start_restarts_nothing() {
    let home = Home::new();
    let project = project(&home);
    let pid = start(&project, "facts");
    let mut watched = watch(&home, &project, &[]);
    expect(&mut watched, "following", "facts");
    let good = fs::read_to_string(project.path("facts.yaml")).unwrap();
    project.write("facts.yaml", &good.replace("{name: A}", "{name: MISSING}"));
    let held = expect(&mut watched, "held", "facts");
    assert!(held["because"].as_str().unwrap().contains("`MISSING` is not in the vault"), "{held}");
    assert_eq!(held["runs"], true);
    assert!(is_alive(pid));
    // As it was: there is nothing to do.
    project.write("facts.yaml", &good);
    let note = expect(&mut watched, "note", "facts");
    assert!(note["text"].as_str().unwrap().starts_with("fine again: "), "{note}");
    project.write("facts.yaml", &format!("{good}: [\n"));
    let held = expect(&mut watched, "held", "facts");
    let help = "\nhelp: fix and save the file, which restarts it";
    assert!(held["because"].as_str().unwrap().ends_with(help), "{held}");
    project.write("facts.yaml", &good);
    expect(&mut watched, "note", "facts");
    protect(&home, "p");
    home.set("A", "two");
    let held = expect(&mut watched, "held", "facts");
    assert!(held["because"].as_str().unwrap().starts_with("the vault is locked\nhelp: "), "{held}");
    assert_eq!(held["secrets"], json!(["A"]));
    assert!(is_alive(pid));
    unlock(&home, &[], "p");
    assert_eq!(expect(&mut watched, "restarted", "facts")["secrets"], json!(["A"]));
    eventually("the new value", || got(&project, "facts").ends_with("A=two\n"));
    assert_eq!(watched.end().len(), 1);
    shut_down(&home, &project, &["facts"]);
}

#[test]
fn f7_a_connector_that_cdk_does_not_start_is_tried_again() {
    let home = Home::new();
    let project = project(&home);
    start(&project, "facts");
    project.script("build", "#!/bin/sh\necho no semicolon >&2; exit 1\n");
    let mut watched = watch(&home, &project, &[]);
    expect(&mut watched, "following", "facts");
    home.set("A", "two");
    for pause in [1, 2] {
        let failed = expect(&mut watched, "failed", "facts");
        assert!(failed["because"].as_str().unwrap().contains("cdk did not start it"), "{failed}");
        assert_eq!((&failed["runs"], &failed["again_in_s"]), (&json!(false), &json!(pause)));
    }
    assert!(watched.words.contains("no semicolon"), "{}", watched.words);
    fs::remove_file(project.path("build")).unwrap();
    assert_eq!(expect(&mut watched, "restarted", "facts")["secrets"], json!(["A"]));
    eventually("the new value", || got(&project, "facts").ends_with("A=two\n"));
    // It is followed as before.
    save(&project, "facts", 2);
    expect(&mut watched, "restarted", "facts");
    assert_eq!(watched.end().len(), 1);
    shut_down(&home, &project, &["facts"]);
}

#[test]
fn f7_a_connector_that_stops_right_after_its_restart_starts_again_after_a_change() {
    let home = Home::new();
    let project = project(&home);
    let script = fs::read_to_string(project.path("connector")).unwrap();
    let check = "grep -q broken \"$config\" && { echo no endpoint; exit 1; }\nname=$(";
    project.script("connector", &script.replacen("name=$(", check, 1));
    start(&project, "facts");
    let mut watched = watch(&home, &project, &[]);
    expect(&mut watched, "following", "facts");
    let good = fs::read_to_string(project.path("facts.yaml")).unwrap();
    project.write("facts.yaml", &format!("{good}# broken\n"));
    let stops = |watched: &mut Watched| {
        expect(watched, "restarted", "facts");
        let exited = expect(watched, "exited", "facts");
        let log = exited["log"].as_str().unwrap();
        assert_eq!(Path::new(log), project.path("facts.log"));
        assert!(fs::read_to_string(log).unwrap().contains("no endpoint"));
    };
    stops(&mut watched);
    let told = said(&mut cli(&home, &project, &["restart", "facts"]));
    let help = "cdk deploy shutdown --name facts && cdk deploy start --config FILE\n";
    assert!(told.code() == Some(1) && told.err.ends_with(help), "{told:?}");
    home.set("A", "two");
    stops(&mut watched);
    project.write("facts.yaml", &format!("{good}# fixed\n"));
    let pid = pid_of(&expect(&mut watched, "restarted", "facts"));
    eventually("the new value", || got(&project, "facts").ends_with("A=two\n"));
    assert!(is_alive(pid) && !project.path("overlap").exists());
    // One that you remove from the list of cdk stays so.
    project.write("facts.yaml", &format!("{good}# broken\n"));
    stops(&mut watched);
    assert!(project.said("deploy shutdown --name facts").status.success());
    expect(&mut watched, "gone", "facts");
    project.write("facts.yaml", &good);
    start(&project, "facts");
    expect(&mut watched, "following", "facts");
    assert_eq!(watched.end().len(), 1);
    shut_down(&home, &project, &["facts"]);
}

#[test]
fn changes_count_although_the_daemon_was_killed() {
    let home = Home::new();
    let project = project(&home);
    start(&project, "facts");
    let mut watched = watch(&home, &project, &[]);
    expect(&mut watched, "following", "facts");
    home.kill_daemon();
    let note = watched.expect("note");
    assert!(note["text"].as_str().unwrap().starts_with("the daemon stopped, so "), "{note}");
    // This starts another daemon.
    home.set("A", "two");
    expect(&mut watched, "restarted", "facts");
    eventually("the new value", || got(&project, "facts").ends_with("A=two\n"));
    home.kill_daemon();
    save(&project, "facts", 2);
    let next = watched.next_event();
    // It may be back before it is missed.
    let next = if next["event"] == "note" { watched.next_event() } else { next };
    assert_eq!(next["event"], "restarted", "{next}");
    watched.end();
    shut_down(&home, &project, &["facts"]);
}

#[test]
fn f12_ctrl_c_leaves_connectors_running_and_lets_a_restart_end() {
    let home = Home::new();
    let project = project(&home);
    start(&project, "facts");
    // A build that takes until the test wants it to end.
    project.script(
        "build",
        "#!/bin/sh\ntouch \"$PROJECT/building\"\nwhile [ ! -e \"$PROJECT/go\" ]; do sleep 0.02; done\n",
    );
    let follow = cli(&home, &project, &["watch", "-O", "json"]);
    let mut watched = Watched::start(&behind(&["setsid"], &follow));
    expect(&mut watched, "following", "facts");
    home.set("A", "two");
    let is_building = || project.path("building").exists();
    eventually("the build", is_building);
    let ours = group(watched.child.id());
    assert_ne!(ours, group(std::process::id()));
    kill_process_group(ours, Signal::INT).unwrap();
    let note = watched.expect("note");
    assert!(note["text"].as_str().unwrap().contains("waiting until the restart is over"), "{note}");
    project.write("go", "");
    let pid = pid_of(&expect(&mut watched, "restarted", "facts"));
    assert_eq!(watched.child.wait().unwrap().code(), Some(130));
    assert!(is_alive(pid) && group(pid) != ours);
    // The second signal does not wait.
    fs::remove_file(project.path("go")).unwrap();
    fs::remove_file(project.path("building")).unwrap();
    let mut watched = watch(&home, &project, &[]);
    expect(&mut watched, "following", "facts");
    save(&project, "facts", 2);
    eventually("the build", is_building);
    kill("TERM", watched.child.id());
    watched.expect("note");
    kill("TERM", watched.child.id());
    assert_eq!(watched.child.wait().unwrap().code(), Some(143));
    project.write("go", "");
    // What was begun is finished without it.
    eventually("the connector", || Path::new(&project.path("alive-facts")).exists());
    shut_down(&home, &project, &["facts"]);
}

#[test]
fn d8_what_follows_connectors_sees_no_value() {
    // It is closed to its own user.
    if !need::root() {
        return;
    }
    let (home, first, second) = (Home::new(), canary(), canary());
    let project = project(&home);
    home.set("A", &first);
    start(&project, "facts");
    let mut watched = watch(&home, &project, &[]);
    expect(&mut watched, "following", "facts");
    home.set("A", &second);
    expect(&mut watched, "restarted", "facts");
    eventually("the new value", || got(&project, "facts").contains(&second));
    let follower = watched.child.id();
    assert!(copies(follower, b"facts.yaml") > 0, "the control: it is read");
    for value in [first, second] {
        assert_eq!(copies(follower, value.as_bytes()), 0);
    }
    assert_eq!(watched.end().len(), 1);
    shut_down(&home, &project, &["facts"]);
}
