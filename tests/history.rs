//! What was overwritten or deleted can be brought back, and what is purged cannot.

use crate::harness::pty::Pty;
use crate::harness::{Home, said};

fn delivered(home: &Home) -> Option<String> {
    let config = home.config(&["A"]);
    let said = said(&mut home.run(&config, &["--as-is"], &["sh", "-c", "printf %s \"$A\""]));
    said.status.success().then_some(said.out)
}

/// The numbers of the versions, as they are shown.
fn versions(home: &Home) -> Vec<String> {
    let history = home.ok(&["history", "A"]);
    let rows = history.lines().skip(1).map(|line| line.split("  ").next().unwrap().to_owned());
    rows.collect()
}

#[test]
fn versions_are_walked_through_also_after_a_kill_between_any_two() {
    let home = Home::new();
    let step = |args: &[&str]| {
        home.ok(args);
        home.kill_daemon();
        delivered(&home)
    };
    assert_eq!(step(&["set", "A", "one"]).as_deref(), Some("one"));
    assert_eq!(step(&["set", "A", "two"]).as_deref(), Some("two"));
    assert_eq!(step(&["delete", "A"]), None);
    assert_eq!(versions(&home), ["2", "1"]);
    assert_eq!(step(&["restore", "A"]).as_deref(), Some("two"));
    assert_eq!(versions(&home), ["present", "1"]);
    assert_eq!(step(&["restore", "A"]).as_deref(), Some("one"));
    assert_eq!(versions(&home), ["present", "2"]);
    // The same again takes it back.
    assert_eq!(step(&["restore", "A"]).as_deref(), Some("two"));
    assert_eq!(step(&["set", "A", "three"]).as_deref(), Some("three"));
    assert_eq!(versions(&home).len(), 3);
    let oldest = versions(&home).pop().unwrap();
    assert_eq!(step(&["restore", "A", "--version", &oldest]).as_deref(), Some("one"));
    let newest = versions(&home).remove(1);
    assert_eq!(step(&["restore", "A", "--version", &newest]).as_deref(), Some("three"));
}

#[test]
fn restoring_again_and_again_pushes_no_version_out() {
    let home = Home::new();
    for n in 0..15 {
        home.ok(&["set", "A", &format!("v{n}")]);
    }
    let before = versions(&home);
    assert_eq!(before.len(), 11, "the present one and ten earlier ones");
    for _ in 0..20 {
        home.ok(&["restore", "A"]);
    }
    assert_eq!(versions(&home).len(), 11);
    let oldest = before.last().unwrap();
    home.ok(&["restore", "A", "--version", oldest]);
    assert_eq!(delivered(&home).as_deref(), Some("v4"));
}

#[test]
fn while_locked_versions_are_shown_and_none_is_restored() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    home.ok(&["set", "A", "two"]);
    home.ok(&["delete", "A"]);
    home.kill_daemon();
    let identity = home.path("config/identity.txt");
    let opened = std::fs::read(&identity).unwrap();
    std::fs::write(&identity, "age-encryption.org/v1\n-> scrypt x 18\n").unwrap();
    assert!(home.ok(&["list"]).lines().count() == 1);
    assert!(home.ok(&["status"]).contains("Locked    yes"));
    assert_eq!(versions(&home), ["2", "1"]);
    // A restored value is a new change, which is signed after it was decrypted.
    let refused = home.cli(&["restore", "A", "--version", "1"]);
    assert!(
        !refused.status.success() && refused.err.contains("fluvio-secret unlock"),
        "{refused:?}"
    );
    assert_eq!(versions(&home), ["2", "1"]);
    std::fs::write(&identity, opened).unwrap();
    home.ok(&["restore", "A", "--version", "1"]);
    assert_eq!(delivered(&home).as_deref(), Some("one"));
}

#[test]
fn a_version_that_is_damaged_or_anothers_is_not_restored() {
    let home = Home::new();
    home.ok(&["set", "B", "other"]);
    home.ok(&["set", "A", "one"]);
    home.ok(&["set", "A", "two"]);
    let version = home.history().join("A/1.age");
    let genuine = std::fs::read(&version).unwrap();
    for (bytes, why) in [
        (std::fs::read(home.secret_file("B")).unwrap(), "holds the secret `B`"),
        (genuine[..genuine.len() - 1].to_vec(), "damaged"),
    ] {
        std::fs::remove_file(&version).unwrap();
        std::fs::write(&version, bytes).unwrap();
        let said = home.cli(&["restore", "A"]);
        assert_eq!(said.code(), Some(1));
        assert!(said.err.contains(why) && said.err.contains("A/1.age"), "{said:?}");
        let only = "help: there is no other earlier version; set it with: fluvio-secret set A";
        assert!(said.err.contains(only), "{said:?}");
        assert_eq!(delivered(&home).as_deref(), Some("two"), "left as it was");
    }
    home.ok(&["set", "A", "three"]);
    let said = home.cli(&["restore", "A", "--version", "1"]);
    assert!(said.err.contains("help: restore another version"), "{said:?}");
}

#[test]
fn a_command_about_a_deleted_secret_advises_to_restore_it() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    let commands = [&["delete", "A"][..], &["copy", "A", "B"], &["rename", "A", "B"]];
    let refused = |help: &str| {
        for args in commands {
            let said = home.cli(args);
            assert!(said.err.contains(&format!("no secret `A`\nhelp: {help}")), "{said:?}");
        }
    };
    home.ok(&["delete", "A"]);
    refused("it was deleted; restore it with: fluvio-secret restore A\n");
    home.ok(&["delete", "--purge", "--yes", "A"]);
    refused("list the secrets with: fluvio-secret list\n");
}

#[test]
fn what_is_not_there_is_told_with_the_next_step() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    let said = home.cli(&["history", "NONE"]);
    assert!(
        said.code() == Some(1) && said.err.contains("no secret `NONE`\nhelp: list"),
        "{said:?}"
    );
    let said = home.cli(&["restore", "NONE"]);
    assert!(said.err.contains("no secret `NONE`\nhelp: list the deleted secrets"), "{said:?}");
    for args in [&["restore", "A"][..], &["restore", "A", "--version", "7"]] {
        let said = home.cli(args);
        assert_eq!(said.code(), Some(1));
        assert!(said.err.contains("no such earlier version of `"), "{said:?}");
        assert!(said.err.contains("list the versions with: fluvio-secret history"), "{said:?}");
    }
    assert_eq!(versions(&home), ["present"]);
}

#[test]
fn a_purged_secret_has_no_history() {
    let home = Home::new();
    for name in ["A", "B"] {
        home.ok(&["set", name, "cnry-one"]);
        home.ok(&["set", name, "cnry-two"]);
    }
    home.ok(&["delete", "B"]);
    // Without a terminal there is no answer. A deleted secret can be purged, too.
    let said = home.cli(&["delete", "--purge", "A", "B"]);
    assert_eq!(said.code(), Some(1), "{said:?}");
    assert!(said.err.contains("nothing was deleted") && said.err.contains("--yes"), "{said:?}");
    assert!(home.history().join("A").exists());
    let said = home.ok(&["delete", "--purge", "--yes", "A", "B"]);
    assert_eq!(said, "Secret \"A\" purged successfully\nSecret \"B\" purged successfully\n");
    for name in ["A", "B"] {
        assert_eq!(home.cli(&["history", name]).code(), Some(1));
        assert_eq!(home.cli(&["restore", name]).code(), Some(1));
        assert!(!home.history().join(name).exists());
        assert!(home.cli(&["delete", "--purge", "--yes", name]).err.contains("no secret"));
    }
    let events: Vec<_> = home.audit_log().iter().map(|line| line["event"].clone()).collect();
    assert_eq!(events[5..], ["purge", "purge"]);
}

#[test]
fn purging_is_asked_for_on_a_terminal() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    let mut purge = home.command("fluvio-secret");
    purge.args(["delete", "--purge", "A"]);
    for (answer, status) in [("n\r", 1), ("\r", 1), ("y\r", 0)] {
        let mut pty = Pty::start(&purge);
        pty.expect("Delete `A` and all earlier versions for good? [y/N] ");
        pty.type_keys(answer);
        pty.expect(if status == 0 { "purged successfully" } else { "nothing was deleted" });
        assert_eq!(pty.child.wait().unwrap().code(), Some(status), "{answer:?}");
        assert_eq!(delivered(&home).is_some(), status == 1);
    }
    home.ok(&["set", "A", "one"]);
    let mut pty = Pty::start(purge.arg("--yes"));
    pty.expect("purged successfully");
    pty.child.wait().unwrap();
}

#[test]
fn deleted_secrets_are_listed_until_they_are_purged_or_restored() {
    let home = Home::new();
    for name in ["A", "B", "C", "D"] {
        home.set(name, "x");
    }
    let none = home.cli(&["list", "--deleted"]);
    assert!(none.err.contains("no deleted secrets") && !none.out.contains('A'), "{none:?}");
    home.ok(&["delete", "A", "B", "C"]);
    let names = || {
        let json = home.ok(&["list", "--deleted", "-O", "json"]);
        let listed: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
        listed.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(), ["A", "B", "C"]);
    home.ok(&["restore", "A"]);
    home.ok(&["delete", "--purge", "--yes", "B"]);
    assert_eq!(names(), ["C"]);
}
