//! A connector gets what its configuration references, and nothing else crosses the socket.

use std::fs;
use std::process::Stdio;

use crate::harness::{
    Home, canary, contains, eventually, make_folder, need, program, said, spawn, wire,
};

/// Five secrets with a canary each.
fn five(home: &Home) -> Vec<(String, String)> {
    let secrets: Vec<_> = (1..=5).map(|n| (format!("S{n}"), canary())).collect();
    for (name, value) in &secrets {
        assert!(home.set(name, value).status.success());
    }
    secrets
}

const ALL_FORMS: &str = "
apiVersion: 0.1.0
meta:
  name: forms
  version: 0.1.0
  type: forms-source
  topic: forms
  secrets:
    - name: S2
custom:
  template: \"${{ secrets.S2 }}\"
  map:
    - secret:
        name: S4
# S1 is only spoken of: secret {name: S1}
";

#[test]
fn e1_of_five_secrets_the_two_that_are_referenced_cross_the_socket() {
    let home = Home::new();
    let secrets = five(&home);
    // A second home whose socket is ours: what crosses it is kept, on its way to the first.
    let front = Home::new();
    make_folder(&front.path("state/run"), 0o700);
    let crossed = wire::tap(&front.socket(), &home.socket());
    let config = front.write("c.yaml", ALL_FORMS);
    let said = said(&mut front.run(&config, &[], &["sh", "-c", "cat \"$4\"", "sh"]));
    assert!(said.status.success(), "{said:?}");
    fs::remove_file(front.socket()).unwrap();
    let crossed = crossed.lock().unwrap();
    for (name, value) in &secrets {
        let expected = name == "S2" || name == "S4";
        assert_eq!(contains(&crossed, value.as_bytes()), expected, "{name} on the socket");
        assert_eq!(said.out.contains(value), expected, "{name} in the secrets file");
    }
}

#[test]
fn e1_the_daemon_opens_the_files_of_the_referenced_secrets_alone() {
    // Only root may read the names that a process which is not dumpable opens.
    if !need::root() || !need::tool("strace") {
        return;
    }
    let home = Home::new();
    five(&home);
    home.ok(&["daemon", "stop"]);
    let trace = home.path("trace");
    let mut daemon = home.foreign("strace");
    daemon.args(["-f", "-e", "trace=open,openat,openat2", "-o"]).arg(&trace);
    let mut daemon = spawn(daemon.arg(program("fluvio-secretd")).stdin(Stdio::null()));
    eventually("the traced daemon", || home.cli(&["status"]).status.success());
    let before = fs::read_to_string(&trace).unwrap().len();
    let config = home.write("c.yaml", ALL_FORMS);
    assert!(said(&mut home.run(&config, &[], &["true"])).status.success());
    home.ok(&["daemon", "stop"]);
    daemon.wait().unwrap();
    let trace = fs::read_to_string(&trace).unwrap();
    let opened: Vec<_> = trace[before..]
        .lines()
        .filter(|line| line.contains("data/vault/") && line.contains(".age"))
        .collect();
    assert_eq!(opened.len(), 2, "{opened:#?}");
    assert!(opened[0].contains("S2.age") && opened[1].contains("S4.age"), "{opened:#?}");
}

#[test]
fn e2_all_missing_names_are_told_and_the_connector_does_not_start() {
    let home = Home::new();
    home.set("B", "x");
    let config = home.config(&["C", "B", "A"]);
    let started = home.path("started");
    let said = said(&mut home.run(&config, &[], &["touch", started.to_str().unwrap()]));
    assert_eq!(said.code(), Some(125));
    for name in ["A", "C"] {
        assert!(said.err.contains(&format!("the secret `{name}` is not in the vault")), "{said:?}");
        assert!(said.err.contains(&format!("set it with: fluvio-secret set {name}\n")), "{said:?}");
    }
    assert!(!said.err.contains("`B`"), "{said:?}");
    assert!(!started.exists());
    let config = home.config(&["A"]);
    let said = crate::harness::said(&mut home.run(&config, &["--no-check"], &["true"]));
    assert!(
        said.err.contains("no secret `A`\nhelp: set it with: fluvio-secret set A\n"),
        "{said:?}"
    );
}

#[test]
fn a_configuration_without_references_starts_a_connector_without_secrets() {
    let home = Home::new();
    let config = home.config(&[]);
    let said = said(&mut home.run(&config, &[], &["echo"]));
    assert_eq!(said.out, format!("--config {}\n", config.display()));
}

#[test]
fn as_is_adds_nothing_to_the_command() {
    let home = Home::new();
    home.set("A", "value");
    let config = home.config(&["A"]);
    let command = ["sh", "-c", "echo \"$#$A\"", "sh"];
    assert_eq!(said(&mut home.run(&config, &["--as-is"], &command)).out, "0value\n");
    let file = said(&mut home.run(&config, &["--as-is", "--inject", "file"], &command));
    assert_eq!(file.code(), Some(125), "{file:?}");
}

#[test]
fn cargo_run_is_answered_with_the_two_dashes() {
    let home = Home::new();
    let config = home.config(&[]);
    let said = said(&mut home.run(&config, &[], &["cargo", "run"]));
    assert_eq!(said.code(), Some(125));
    assert!(said.err.contains("-- cargo run --"), "{said:?}");
}

#[test]
fn a_command_with_a_secrets_file_of_its_own_gets_nothing_from_the_vault() {
    let home = Home::new();
    home.set("A", "x");
    let config = home.config(&["A"]);
    let said = said(&mut home.run(&config, &[], &["echo", "--secrets", "mine.txt"]));
    assert_eq!(said.out, format!("--secrets mine.txt --config {}\n", config.display()));
    assert!(said.err.contains("its own --secrets"), "{said:?}");
    assert!(home.audit_log().iter().all(|line| line["event"] == "set"), "nothing was delivered");
}

#[test]
fn e10_a_bomb_of_aliases_is_refused_and_the_daemon_goes_on() {
    let home = Home::new();
    let bomb = format!("a: &a {}\nb: [{}]\n", "x".repeat(30_000), "*a,".repeat(10_000));
    let config = home.write("bomb.yaml", bomb);
    let said = said(&mut home.run(&config, &[], &["true"]));
    assert_eq!(said.code(), Some(125));
    assert!(said.err.contains("expands to more than"), "{said:?}");
    home.ok(&["status"]);
}
