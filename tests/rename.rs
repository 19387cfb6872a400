//! A secret gets another name, with its history, and nothing else changes.

use crate::harness::ask::Asker;
use crate::harness::{Home, eventually, passphrase, said, spawn};

#[test]
fn a_renamed_secret_is_delivered_by_its_new_name_alone() {
    let home = Home::new();
    home.ok(&["set", "OLD", "one"]);
    home.ok(&["set", "OLD", "two"]);
    assert_eq!(
        home.ok(&["rename", "OLD", "NEW"]),
        "Secret \"OLD\" renamed to \"NEW\" successfully\n"
    );
    let mut asker = Asker::connect(&home).unwrap();
    assert_eq!(asker.value("NEW").unwrap().unwrap(), b"two");
    assert_eq!(asker.list().unwrap().unwrap(), ["NEW"]);
    home.ok(&["restore", "NEW"]);
    assert_eq!(asker.value("NEW").unwrap().unwrap(), b"one");
    assert!(home.cli(&["history", "OLD"]).err.contains("no secret `OLD`"));
    assert!(home.cli(&["list", "--deleted"]).err.contains("no deleted secrets"));
    let line = home.audit_log().into_iter().find(|line| line["event"] == "rename").unwrap();
    assert_eq!(line["names"], serde_json::json!(["OLD", "NEW"]));
}

#[test]
fn a_copy_is_a_secret_of_its_own() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    assert_eq!(home.ok(&["copy", "A", "B"]), "Secret \"A\" copied to \"B\" successfully\n");
    home.ok(&["set", "A", "two"]);
    let mut asker = Asker::connect(&home).unwrap();
    assert_eq!(asker.value("A").unwrap().unwrap(), b"two");
    assert_eq!(asker.value("B").unwrap().unwrap(), b"one");
}

#[test]
fn a_name_that_is_taken_is_refused_with_the_next_step() {
    let home = Home::new();
    for name in ["A", "B", "GONE"] {
        home.ok(&["set", name, name]);
    }
    home.ok(&["delete", "GONE"]);
    for command in ["rename", "copy"] {
        for (new, why) in [
            ("B", "the vault already has `B`"),
            ("GONE", "the vault keeps earlier versions of `GONE`"),
        ] {
            let said = home.cli(&[command, "A", new]);
            assert!(said.code() == Some(1) && said.err.contains(why), "{said:?}");
            assert!(
                said.err.contains(&format!("fluvio-secret delete --purge {new}\n")),
                "{said:?}"
            );
        }
        // To purge that one would be wrong.
        let said = home.cli(&[command, "A", "A"]);
        assert_eq!(said.code(), Some(2), "{said:?}");
        assert!(said.err.contains("both names are `A`") && !said.err.contains("purge"), "{said:?}");
        let said = home.cli(&[command, "AA", "C"]);
        assert!(said.err.contains("no secret `AA`\nhelp: "), "{said:?}");
    }
    assert_eq!(Asker::connect(&home).unwrap().list().unwrap().unwrap(), ["A", "B"]);
    home.ok(&["restore", "GONE"]);
}

#[test]
fn a_locked_vault_reports_why_a_name_cannot_change() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    passphrase::protect(&home, "p");
    for command in ["rename", "copy"] {
        let said = home.cli(&[command, "A", "B"]);
        assert_eq!(said.code(), Some(77), "{said:?}");
        let text = "the vault is locked, and the name is encrypted together with the value\n\
                    help: unlock it with: fluvio-secret unlock";
        assert!(said.err.contains(text), "{said:?}");
    }
    let lines = home.audit_log();
    assert!(lines.iter().all(|line| line["event"] != "rename" && line["event"] != "copy"));
}

#[test]
fn connectors_that_run_with_the_old_name_are_listed() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    let config = home.config(&["A"]);
    let mut connector = spawn(&mut home.run(&config, &["--as-is"], &["sleep", "1000"]));
    eventually("the delivery", || home.audit_log().len() == 2);
    let renamed = home.cli(&["rename", "A", "B"]);
    assert!(renamed.status.success(), "{renamed:?}");
    let pid = format!("(pid {})", connector.id());
    assert!(renamed.err.contains("note: still running with `A`: sleep with"), "{renamed:?}");
    assert!(renamed.err.contains(&pid) && renamed.err.contains("write B in their configurations"));
    connector.kill().unwrap();
    connector.wait().unwrap();
    let refused = said(&mut home.run(&config, &["--as-is"], &["true"]));
    assert!(refused.err.contains("no secret `A`"), "{refused:?}");
}
