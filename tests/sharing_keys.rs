//! New keys of machines that share the vault of a project by git.

use std::fs;

use serde_json::Value;

use crate::harness::need;
use crate::sharing::{Machine, Origin, admitted, first, refused};

/// The public keys in the identity file of a machine, the current one first.
fn keys(machine: &Machine) -> Vec<String> {
    let shown: Value =
        serde_json::from_str(&machine.ok(&["key", "show", "-O", "json"]).out).unwrap();
    let retired = shown["retired"].as_array().unwrap().iter();
    let keys = std::iter::once(&shown).chain(retired);
    keys.map(|key| key["recipient"].as_str().unwrap().to_owned()).collect()
}

/// Has the first machine admit what another one asks for.
fn admit(first: &Machine, machine: &Machine) {
    machine.push();
    first.pull();
    first.ok(&["member", "admit", "--yes"]);
    first.push();
    machine.pull();
}

/// The command that the last `help:` line names.
fn advised(text: &str) -> Vec<&str> {
    let step = text.rsplit_once("fluvio-secret ").expect("a command").1;
    step.trim().split(' ').collect()
}

#[test]
fn the_advised_steps_replace_the_key_of_a_reader_and_of_a_writer() {
    if !need::tool("git") {
        return;
    }
    for role in ["reader", "writer"] {
        let origin = Origin::new();
        let ada = first(&origin);
        let bob = admitted(&origin, &ada, "bob", role);
        let join = format!("fluvio-secret vault join {}", bob.vault().display());
        if role == "writer" {
            // It has an earlier version of its own, which does not travel.
            bob.ok(&["set", "TOKEN", "from bob"]);
            bob.push();
            ada.pull();
        }
        let before = keys(&bob).remove(0);
        let rotated = bob.ok(&["key", "rotate", "--yes"]);
        assert!(rotated.err.contains(&join), "{rotated:?}");
        let next = advised(&rotated.err);
        // Before the new key is admitted, the old one stays.
        let early = bob.cli(&["key", "retire", "--yes"]);
        refused(&early, "no admin has admitted the current key");
        assert!(early.err.contains(&join), "{early:?}");
        bob.ok(&["vault", "join", bob.vault().to_str().unwrap()]);
        admit(&ada, &bob);
        if role == "writer" {
            let said = bob.cli(&[&next[..], &["--yes"]].concat());
            refused(&said, "of `TOKEN`");
            let finished = bob.ok(&[&advised(&said.err)[..], &["--yes"]].concat());
            assert!(finished.out.contains("Earlier rotation finished"), "{finished:?}");
        }
        let changed = bob.git(&["status", "--porcelain"]).out;
        assert_eq!(changed, "", "the vault is as it was");
        bob.ok(&[&next[..], &["--yes"]].concat());
        let now = keys(&bob);
        assert!(now.len() == 1 && now[0] != before, "{now:?}");
        let value = if role == "writer" { "from bob" } else { "from ada" };
        assert_eq!(bob.value("TOKEN"), value);
    }
}

#[test]
fn a_reader_has_an_admin_encrypt_what_only_its_old_key_decrypts() {
    if !need::tool("git") {
        return;
    }
    let origin = Origin::new();
    let ada = first(&origin);
    let bob = admitted(&origin, &ada, "bob", "reader");
    let file = bob.vault().join("TOKEN.age");
    let old = fs::read(&file).unwrap();
    bob.ok(&["key", "rotate", "--yes"]);
    bob.ok(&["vault", "join", bob.vault().to_str().unwrap()]);
    admit(&ada, &bob);
    // As a writer sets it who does not have the list with the new key.
    for machine in [&ada, &bob] {
        fs::write(machine.vault().join("TOKEN.age"), &old).unwrap();
    }
    let said = bob.cli(&["key", "retire", "--yes"]);
    refused(&said, "of `TOKEN`");
    assert_eq!(keys(&bob).len(), 2);
    ada.ok(&advised(&said.err));
    ada.push();
    bob.git_ok(&["checkout", "--quiet", "."]);
    bob.pull();
    bob.ok(&["key", "retire", "--yes"]);
    assert_eq!(bob.value("TOKEN"), "from ada");
}

#[test]
fn an_admin_who_changes_its_key_is_told_to_push_the_vaults_of_its_projects() {
    if !need::tool("git") {
        return;
    }
    let origin = Origin::new();
    let ada = first(&origin);
    let bob = admitted(&origin, &ada, "bob", "writer");
    ada.home.ok(&["set", "PRIVATE", "x"]);
    let rotated = ada.ok(&["key", "rotate", "--yes"]);
    let all = "2 secrets and 0 earlier versions re-encrypted, including those of 1 project vault";
    assert!(rotated.out.contains(all), "{rotated:?}");
    let push = format!("help: commit and push the vault {}", ada.vault().display());
    assert!(rotated.err.contains(&push), "{rotated:?}");
    ada.push();
    bob.pull();
    assert_eq!(bob.value("TOKEN"), "from ada");
}
