//! No line, no delivery.

use std::fs;

use crate::harness::{Home, canary, said};

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
    assert!(lines.iter().all(|line| line["pid"].is_number() && line["time"].is_string()));
    assert!(!fs::read_to_string(home.path("state/audit.log")).unwrap().contains(&canary));
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
    let set = home.cli(&["set", "A", "two"]);
    assert_eq!(set.code(), Some(1));
    assert!(set.err.contains("audit.log"), "{set:?}");
}
