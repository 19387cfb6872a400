//! No line, no delivery.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::harness::{Home, Said, canary, passphrase, said};

#[test]
fn d10_every_change_and_every_delivery_has_its_line() {
    let home = Home::new();
    let canary = canary();
    home.set("A", &canary);
    home.set("B", &canary);
    let config = home.config(&["A"]);
    assert!(said(&mut home.run(&config, &[], &["true"])).status.success());
    home.ok(&["delete", "B"]);
    home.ok(&["list"]);
    home.ok(&["status"]);
    let lines = home.audit_log();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["set", "set", "grant", "delete"]);
    assert_eq!(lines[2]["names"], serde_json::json!(["A"]));
    assert_eq!(lines[2]["program"], "true");
    assert_eq!(lines[2]["config"].as_str().unwrap(), config.to_str().unwrap());
    // The command line asked, which this process started.
    let ours = fs::read_to_string(format!("/proc/{}/comm", std::process::id())).unwrap();
    let asked_by = serde_json::json!(["fluvio-secret", ours.trim_end()]);
    assert_eq!(lines[2]["asked_by"].as_array().unwrap()[..2], asked_by.as_array().unwrap()[..]);
    assert!(lines[3]["asked_by"].is_null(), "{}", lines[3]);
    let log = home.ok(&["log", "--asked-by"]);
    assert!(log.contains(&format!("fluvio-secret < {}", ours.trim_end())), "{log}");
    assert!(!home.ok(&["log"]).contains(ours.trim_end()));
    assert!(lines.iter().all(|line| line["pid"].is_number() && line["time"].is_string()));
    assert!(!fs::read_to_string(home.path("state/audit.log")).unwrap().contains(&canary));
}

/// The file of somebody's key: the example of age's own documentation.
const FRIENDS: &str =
    "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33\n";
const FRIEND: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";

/// What changes something, with the event that its line has.
fn changes(home: &Home) -> Vec<(&'static str, Vec<String>)> {
    let at = |name: &str| home.path(name).display().to_string();
    let one = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
    vec![
        ("set", one("set A three")),
        ("set", one(&format!("import {} --overwrite", at("secrets.txt")))),
        ("restore", one("restore A")),
        ("copy", one("copy A D")),
        ("rename", one("rename C E")),
        ("delete", one("delete A")),
        ("purge", one("delete B --purge --yes")),
        ("request-membership", one("member request --role reader")),
        ("add-member", one(&format!("member add {FRIEND}"))),
        ("admit-members", one("member admit --yes --all --role admin")),
        ("remove-member", one(&format!("member remove {FRIEND}"))),
        ("rotate", one("key rotate")),
        ("retire", one("key retire --yes")),
        ("use-identity", one(&format!("key use {}", at("key.txt")))),
        ("passphrase", one(&format!("key passphrase --new-passphrase-file {}", at("passphrase")))),
        ("lock", one("lock")),
        ("unlock", one(&format!("unlock --passphrase-file {}", at("passphrase")))),
    ]
}

fn home_to_change() -> Home {
    let home = Home::new();
    for (name, value) in [("A", "one"), ("A", "two"), ("B", "one"), ("C", "one")] {
        home.set(name, value);
    }
    home.write("secrets.txt", "A=four\n");
    home.write("passphrase", "p\n");
    let key = home.write("key.txt", FRIENDS);
    fs::set_permissions(key, fs::Permissions::from_mode(0o600)).unwrap();
    home
}

#[test]
fn d10_each_kind_of_change_has_its_line() {
    let home = home_to_change();
    for (event, words) in changes(&home) {
        let before = home.audit_log().len();
        home.ok(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let lines = home.audit_log();
        assert_eq!(lines.len(), before + 1, "{words:?}: {lines:?}");
        assert_eq!(lines[before]["event"], event, "{words:?}");
    }
}

#[test]
fn d10_without_its_line_nothing_is_changed() {
    let home = home_to_change();
    for (event, words) in changes(&home) {
        match event {
            // What they need is made by one before, which is refused here.
            "lock" | "unlock" => continue,
            "admit-members" => drop(home.ok(&["member", "request", "--role", "reader"])),
            "remove-member" => drop(home.ok(&["member", "add", FRIEND])),
            _ => {}
        }
        refused_without_a_line(&home, &words);
        if event == "remove-member" {
            home.ok(&["member", "remove", FRIEND]);
        }
    }
    passphrase::protect(&home, "p");
    let unlock = changes(&home).pop().unwrap().1;
    refused_without_a_line(&home, &unlock);
    assert!(home.ok(&["status"]).contains("Locked    yes"));
    home.ok(&unlock.iter().map(String::as_str).collect::<Vec<_>>());
    // What protects is done all the same, and the fault is reported.
    let said = without_a_line(&home, &["lock".to_owned()]);
    assert!(said.err.contains("but the vault is locked"), "{said:?}");
    assert!(home.ok(&["status"]).contains("Locked    yes"));
}

fn refused_without_a_line(home: &Home, words: &[String]) {
    let files = || contents(&[home.vault(), home.path("config")]);
    let before = files();
    let said = without_a_line(home, words);
    assert_eq!(said.code(), Some(1), "{words:?}: {said:?}");
    assert!(said.err.contains("audit.log"), "{words:?}: {said:?}");
    assert!(files() == before, "{words:?}");
}

/// Gives a command while no line can be written.
fn without_a_line(home: &Home, words: &[String]) -> Said {
    let (log, away) = (home.path("state/audit.log"), home.path("state/away"));
    fs::rename(&log, &away).unwrap();
    fs::create_dir(&log).unwrap();
    let said = home.cli(&words.iter().map(String::as_str).collect::<Vec<_>>());
    fs::remove_dir(&log).unwrap();
    fs::rename(&away, &log).unwrap();
    said
}

/// Every file below these directories, with what is in it.
fn contents(folders: &[PathBuf]) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = folders.to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

#[test]
fn d10_without_its_line_a_connector_does_not_start() {
    let home = Home::new();
    home.set("A", "one");
    let log = home.path("state/audit.log");
    fs::remove_file(&log).unwrap();
    fs::create_dir(&log).unwrap();
    let config = home.config(&["A"]);
    let started = home.path("started");
    let said = said(&mut home.run(&config, &[], &["touch", started.to_str().unwrap()]));
    assert_eq!(said.code(), Some(125));
    assert!(said.err.contains("audit.log"), "{said:?}");
    assert!(!started.exists());
}
