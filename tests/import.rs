//! `import`: a secrets file as connectors read it, all of it or nothing.

use std::fs;
use std::os::unix::fs::symlink;

use crate::harness::pty::Pty;
use crate::harness::{Home, canary, eventually, is_alive, kill, said, spawn};

fn delivered(home: &Home, name: &str) -> Option<String> {
    let config = home.config(&[name]);
    let script = format!("printf %s \"${name}\"");
    let said = said(&mut home.run(&config, &["--as-is"], &["sh", "-c", &script]));
    said.status.success().then_some(said.out)
}

#[test]
fn a_secrets_file_is_read_as_connectors_read_it() {
    let home = Home::new();
    let text = "# a comment\nA=one\n  B = t w o \nC=\"quoted\"\nA=later\nD=\nnothing here\nE=a=b\n";
    home.write("secrets.txt", text);
    let said = home.cli(&["import", "secrets.txt"]);
    assert!(said.status.success(), "{said:?}");
    assert_eq!(said.out, "5 secrets imported from secrets.txt: 5 new, 0 replaced, 0 unchanged\n");
    for (name, value) in
        [("A", "one"), ("B", "t w o"), ("C", "\"quoted\""), ("D", ""), ("E", "a=b")]
    {
        assert_eq!(delivered(&home, name).as_deref(), Some(value), "{name}");
    }
    for note in [
        "line 1: skipped: a line that begins with #",
        "line 4: the quotes are part of the value",
        "line 5: skipped: an earlier line has the same name",
        "line 7: skipped: a line without =",
        "secrets.txt still has the values in plain text",
        "the key that opens your secrets was made",
    ] {
        assert!(said.err.contains(note), "{note}: {said:?}");
    }
    assert!(home.path("secrets.txt").exists());
    assert_eq!(home.audit_log()[0]["names"], serde_json::json!(["A", "B", "C", "D", "E"]));
}

#[test]
fn a_dry_run_shows_what_is_new_the_same_and_another() {
    let home = Home::new();
    home.ok(&["set", "SAME", "one"]);
    home.ok(&["set", "OTHER", "two"]);
    home.write("secrets.txt", "SAME=one\nOTHER=three\nNEW=four\n");
    let before = home.audit_log().len();
    assert_eq!(
        home.ok(&["import", "--dry-run", "secrets.txt"]),
        "SecretNames  InFile\nSAME         the same\nOTHER        another value\nNEW          new\n"
    );
    assert_eq!(home.audit_log().len(), before, "nothing was done");
    assert!(delivered(&home, "NEW").is_none());
}

#[test]
fn another_value_is_replaced_only_when_that_is_said() {
    let home = Home::new();
    home.ok(&["set", "SAME", "one"]);
    home.ok(&["set", "OTHER", "two"]);
    home.write("secrets.txt", "NEW=four\nSAME=one\nOTHER=three\n");
    let said = home.cli(&["import", "secrets.txt"]);
    assert_eq!(said.code(), Some(1));
    assert!(said.err.contains("another value for `OTHER`; to replace it: --overwrite"), "{said:?}");
    assert!(said.err.contains("nothing was set") && delivered(&home, "NEW").is_none(), "{said:?}");
    let said = home.ok(&["import", "--overwrite", "secrets.txt"]);
    assert!(said.contains("1 new, 1 replaced, 1 unchanged"), "{said}");
    assert_eq!(delivered(&home, "OTHER").as_deref(), Some("three"));
    // What was replaced is in the history; what was the same is not there twice.
    assert_eq!(home.ok(&["history", "OTHER"]).lines().count(), 3);
    assert_eq!(home.ok(&["history", "SAME"]).lines().count(), 2);
}

#[test]
fn a_file_with_a_name_that_is_none_is_refused_whole_and_not_repeated() {
    let home = Home::new();
    let canary = canary();
    let text = format!("A=one\nexport B=two\n-----BEGIN KEY-----\n{canary}==\n");
    home.write("secrets.txt", text);
    let said = home.cli(&["import", "secrets.txt"]);
    assert_eq!(said.code(), Some(1));
    assert!(said.err.contains("lines 2, 4: what is before the = is no name"), "{said:?}");
    assert!(!said.err.contains(&canary) && home.audit_log().is_empty(), "{said:?}");
    fs::write(home.path("secrets.txt"), b"A=one\nB=\xff\n").unwrap();
    let said = home.cli(&["import", "secrets.txt"]);
    assert!(said.code() == Some(1) && said.err.contains("line 2 is not UTF-8"), "{said:?}");
    for (path, why) in [("none.txt", "No such file"), (".", "directory")] {
        let said = home.cli(&["import", path]);
        assert!(said.code() == Some(1) && said.err.contains(why), "{said:?}");
    }
}

#[test]
fn the_file_is_removed_when_all_is_kept_and_only_then() {
    let home = Home::new();
    let file = home.write("secrets.txt", "A=one\n");
    symlink("secrets.txt", home.path("link.txt")).unwrap();
    let said = home.cli(&["import", "--remove", "link.txt"]);
    assert!(said.code() == Some(1) && said.err.contains("no regular file"), "{said:?}");
    home.ok(&["set", "A", "two"]);
    assert_eq!(home.cli(&["import", "--remove", "secrets.txt"]).code(), Some(1));
    assert!(file.exists(), "it was refused");
    let said = home.cli(&["import", "--remove", "--overwrite", "secrets.txt"]);
    assert!(said.status.success() && said.err.contains("secrets.txt is deleted"), "{said:?}");
    assert!(!file.exists() && !said.err.contains("plain text"), "{said:?}");
    assert_eq!(delivered(&home, "A").as_deref(), Some("one"));
    // A value of several lines, of which a line of such a file can hold one; a second value; none.
    for (text, why) in [
        ("B=-----BEGIN\ncnry\n-----END\n", "what is in lines 2, 3 is"),
        ("B=-----BEGIN\nB=other\n", "what is in line 2 is"),
        ("cnry\n", "what is in line 1 is"),
        ("# cnry\n", "it has no secret"),
    ] {
        let file = home.write("more.txt", text);
        let said = home.cli(&["import", "--remove", "more.txt"]);
        assert_eq!((said.code(), file.exists()), (Some(1), true), "{said:?}");
        assert!(said.err.contains(why) && !said.err.contains("cnry"), "{said:?}");
    }
}

/// A secrets file of so many lines.
fn many(home: &Home, count: usize, value: &str) {
    let lines = (0..count).map(|n| format!("NAME_{n}={value} {n}\n"));
    home.write("many.txt", lines.collect::<String>());
}

#[test]
fn ten_thousand_lines_show_progress_and_every_command_works_on_them() {
    let home = Home::new();
    many(&home, 10_000, "value");
    let mut import = home.command("fluvio-secret");
    let mut pty = Pty::start(import.args(["import", "many.txt"]));
    pty.expect("2560 of 10000 secrets");
    pty.expect("10000 secrets imported from many.txt: 10000 new");
    pty.child.wait().unwrap();
    assert_eq!(home.ok(&["list"]).lines().count(), 10_001);
    assert!(home.ok(&["status"]).contains("Secrets   10000"));
    assert_eq!(delivered(&home, "NAME_9999").as_deref(), Some("value 9999"));
    home.ok(&["set", "NAME_5", "new"]);
    assert_eq!(home.ok(&["history", "NAME_5"]).lines().count(), 3);
    home.ok(&["restore", "NAME_5"]);
    assert_eq!(delivered(&home, "NAME_5").as_deref(), Some("value 5"));
    home.ok(&["delete", "NAME_6"]);
    home.ok(&["delete", "--purge", "NAME_7"]);
    let dry = home.ok(&["import", "--dry-run", "many.txt"]);
    assert_eq!(dry.matches("the same").count(), 9_998);
    assert_eq!(dry.matches(" new").count(), 2);
    assert_eq!(home.ok(&["log", "--name", "NAME_5"]).lines().count(), 5);
}

#[test]
fn an_import_that_is_cut_off_says_what_was_done_and_goes_on_when_repeated() {
    let home = Home::new();
    many(&home, 3000, "value");
    home.ok(&["list"]);
    let daemon = home.daemon_pid().unwrap();
    let mut import = home.command("fluvio-secret");
    let running = spawn(import.args(["import", "many.txt"]));
    eventually("the first secrets", || home.secret_file("NAME_0").exists());
    kill("KILL", daemon);
    let cut: crate::harness::Said = running.wait_with_output().unwrap().into();
    eventually("its end", || !is_alive(daemon));
    // It may have been quicker than we were.
    if !cut.status.success() {
        assert_eq!(cut.code(), Some(69));
        let (before, _) = cut.err.split_once(" of 3000 secrets have").expect(&cut.err);
        let done: usize = before.rsplit(' ').next().unwrap().parse().unwrap();
        assert_eq!(home.ok(&["list"]).lines().count() - 1, done, "{cut:?}");
    }
    let said = home.ok(&["import", "many.txt"]);
    assert!(said.starts_with("3000 secrets imported"), "{said}");
    assert_eq!(home.ok(&["list"]).lines().count(), 3001);
}
