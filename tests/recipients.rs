//! Who can open the secrets: a vault that is shared, keys that are given, and what is said.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::pty::Pty;
use crate::harness::{Home, Said, need, said};

/// Runs git in a directory.
fn git(folder: &Path, args: &[&str]) {
    let mut git = Command::new("git");
    // The configuration of the user who runs the tests may have hooks, or ignore everything.
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    git.arg("-C").arg(folder).args(["-c", "user.name=test", "-c", "user.email=test@localhost"]);
    git.args(["-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"]).args(args);
    let said = said(&mut git);
    assert!(said.status.success(), "{args:?}: {said:?}");
}

fn commit(home: &Home) {
    git(&home.vault(), &["add", "--all"]);
    git(&home.vault(), &["commit", "--quiet", "--message", "change"]);
    git(&home.vault(), &["push", "--quiet", "origin", "main"]);
}

fn pull(home: &Home) {
    git(&home.vault(), &["pull", "--quiet", "--rebase", "origin", "main"]);
}

/// This machine's recipient.
fn own(home: &Home) -> String {
    let identity = fs::read_to_string(home.path("config/identity.txt")).unwrap();
    let mut lines = identity.lines();
    lines.find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned()
}

/// What a connector gets.
fn delivered(home: &Home, name: &str) -> Said {
    let config = home.config(&[name]);
    let script = format!("printf %s \"${name}\"");
    said(&mut home.run(&config, &["--as-is"], &["sh", "-c", &script]))
}

fn refused(said: &Said, status: i32, why: &str) {
    assert_eq!(said.code(), Some(status), "{said:?}");
    assert!(said.err.contains(why), "{said:?}");
    assert!(!said.err.contains("cnry"), "{said:?}");
}

/// An identity of stock age's, and its recipient.
fn identity(home: &Home, name: &str) -> (PathBuf, String) {
    let path = home.path(name);
    assert!(said(home.foreign("age-keygen").arg("-o").arg(&path)).status.success());
    let said = said(home.foreign("age-keygen").arg("-y").arg(&path));
    (path, said.out.trim().to_owned())
}

#[test]
fn d14_a_vault_that_two_share_by_git_works_both_ways_and_stops_at_who_is_not_accepted() {
    if !need::tool("git") {
        return;
    }
    let (ada, bob) = (Home::new(), Home::new());
    let origin = ada.path("origin.git");
    git(Path::new("/"), &["init", "--quiet", "--bare", origin.to_str().unwrap()]);
    ada.ok(&["set", "API_TOKEN", "from ada"]);
    // He uses it already, and so has an identity.
    bob.ok(&["set", "MINE", "x"]);
    ada.ok(&["key", "recipient", "add", &own(&bob), "--note", "bob's laptop"]);
    git(&ada.vault(), &["init", "--quiet"]);
    git(&ada.vault(), &["remote", "add", "origin", origin.to_str().unwrap()]);
    commit(&ada);

    bob.ok(&["daemon", "stop"]);
    fs::rename(bob.vault(), bob.path("before")).unwrap();
    let there = bob.vault();
    let (from, to) = (origin.to_str().unwrap(), there.to_str().unwrap());
    git(Path::new("/"), &["clone", "--quiet", from, to]);
    fs::set_permissions(bob.vault(), fs::Permissions::from_mode(0o700)).unwrap();
    refused(&bob.cli(&["list"]), 69, "daemon start --accept-vault");
    bob.ok(&["daemon", "start", "--accept-vault"]);
    assert_eq!(delivered(&bob, "API_TOKEN").out, "from ada");
    refused(&bob.cli(&["set", "FROM_BOB", "x"]), 1, "key recipient accept");
    let file = bob.write("secrets.txt", "FROM_BOB=x\n");
    refused(&bob.cli(&["import", file.to_str().unwrap()]), 1, "key recipient accept");
    refused(&bob.cli(&["key", "rotate"]), 1, "key recipient accept");
    refused(&bob.cli(&["key", "recipient", "accept"]), 1, "--yes");
    let shown = bob.ok(&["key", "recipient", "accept", "--yes"]);
    assert!(shown.contains(&format!("+ {}", own(&ada))), "{shown}");
    assert!(shown.contains(&format!("  {}  bob's laptop", own(&bob))), "{shown}");
    bob.ok(&["set", "FROM_BOB", "from bob"]);
    commit(&bob);

    pull(&ada);
    assert_eq!(delivered(&ada, "FROM_BOB").out, "from bob");
    ada.ok(&["set", "API_TOKEN", "from ada again"]);
    commit(&ada);
    pull(&bob);
    assert_eq!(delivered(&bob, "API_TOKEN").out, "from ada again");

    // A user who may write there adds a key of their own.
    let stranger = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
    let list = bob.vault().join(".recipients");
    let text = fs::read_to_string(&list).unwrap();
    fs::write(&list, format!("{text}# ada's new laptop\n{stranger}\n")).unwrap();
    commit(&bob);
    pull(&ada);
    refused(&ada.cli(&["set", "API_TOKEN", "x"]), 1, "key recipient accept");
    assert_eq!(delivered(&ada, "FROM_BOB").out, "from bob", "reading goes on");
    let shown = ada.cli(&["key", "recipient", "accept"]);
    assert!(shown.out.contains(&format!("+ {stranger}  ada's new laptop")), "{shown:?}");
    let list = ada.ok(&["key", "recipient", "list", "-O", "json"]);
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let added = list.as_array().unwrap().iter().find(|one| one["recipient"] == stranger).unwrap();
    let expected = serde_json::json!({
        "recipient": stranger, "note": "ada's new laptop",
        "own": false, "listed": true, "accepted": false,
    });
    assert_eq!(*added, expected);
}

#[test]
fn a_secret_for_others_is_not_called_damaged_and_no_command_replaces_it() {
    let (ada, bob) = (Home::new(), Home::new());
    ada.ok(&["set", "A", "one"]);
    bob.ok(&["set", "B", "one"]);
    // As git brings it to a machine that does not belong to the vault any more.
    let (_, friend) = identity(&ada, "friend.txt");
    ada.ok(&["key", "recipient", "add", &friend]);
    fs::copy(ada.secret_file("A"), bob.secret_file("A")).unwrap();
    fs::copy(ada.vault().join(".recipients"), bob.vault().join(".recipients")).unwrap();
    let said = delivered(&bob, "A");
    let config = bob.config(&["A"]);
    let run = |options: &[&str]| self::said(&mut bob.run(&config, options, &["true"]));
    let (checked, unchecked) = (run(&[]), run(&["--no-check"]));
    let check = bob.cli(&["check", config.to_str().unwrap()]);
    for said in [said, checked, unchecked, check] {
        let said = said.out + &said.err;
        assert!(said.contains("is not encrypted for this machine's key"), "{said}");
        assert!(said.contains("fluvio-secret key show"), "{said}");
        assert!(!said.contains("damaged") && !said.contains("fluvio-secret set"), "{said}");
        assert!(!said.contains("--no-check"), "it does not start either: {said}");
    }
    let doctor: serde_json::Value =
        serde_json::from_str(&bob.cli(&["doctor", "-O", "json"]).out).unwrap();
    let about_it = |one: &&serde_json::Value| one["text"].as_str().unwrap().contains("`A`");
    let found = doctor.as_array().unwrap().iter().find(about_it).unwrap();
    assert_eq!((&found["state"], &found["fix"]), (&"error".into(), &serde_json::Value::Null));
    assert!(found["text"].as_str().unwrap().contains("not encrypted for this machine's key"));
}

#[test]
fn a12_stock_age_opens_what_is_sealed_to_each_recipient() {
    if !need::tool("age") {
        return;
    }
    let home = Home::new();
    home.ok(&["set", "A", "earlier"]);
    home.ok(&["set", "A", "one"]);
    let (friend, key) = identity(&home, "friend.txt");
    home.ok(&["key", "recipient", "add", &key]);
    let opened = |identity: &Path, file: &Path| {
        said(home.foreign("age").args(["--decrypt", "--identity"]).arg(identity).arg(file))
    };
    let own = home.path("config/identity.txt");
    let earlier = home.history().join("A/1.age");
    for identity in [&own, &friend] {
        assert!(opened(identity, &home.secret_file("A")).out.ends_with("\none"));
        assert!(opened(identity, &earlier).out.ends_with("\nearlier"));
    }
    // Its own form of the list is stock age's.
    let plain = home.write("plain", "x");
    let list = home.vault().join(".recipients");
    let sealed = home.path("sealed");
    let mut age = home.foreign("age");
    age.arg("-R").arg(list).arg("-o").arg(&sealed).arg(plain);
    assert!(said(&mut age).status.success());
    assert_eq!(opened(&friend, &sealed).out, "x");

    let removed = home.cli(&["key", "recipient", "remove", &key]);
    assert!(
        removed.status.success() && removed.err.contains("fluvio-secret set NAME"),
        "{removed:?}"
    );
    for file in [&home.secret_file("A"), &earlier] {
        assert_eq!(opened(&friend, file).code(), Some(1));
        assert!(opened(&own, file).status.success());
    }
    // An identity that you have already, and one whose file has a passphrase.
    home.ok(&["key", "use", friend.to_str().unwrap()]);
    assert!(opened(&friend, &home.secret_file("A")).out.ends_with("\none"));
    assert_eq!(delivered(&home, "A").out, "one");
}

#[test]
fn a_key_that_cannot_be_used_is_told_by_its_kind() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    let before = fs::read(home.path("config/identity.txt")).unwrap();
    let add = |key: &str| home.cli(&["key", "recipient", "add", key]);
    refused(&add("ssh-rsa AAAAcnry ada@laptop"), 1, "SSH key");
    refused(&add(&format!("ssh-rsa {}", "cnry".repeat(200))), 1, "SSH key");
    refused(&add("AGE-SECRET-KEY-1CNRY"), 1, "is secret");
    refused(&add("age1yubikey1cnry"), 1, "plugin");
    refused(&add("age1cnry"), 1, "not a complete age recipient");
    refused(&add(&"x".repeat(5000)), 2, "4096 bytes");
    let note = "x".repeat(129);
    let key = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
    refused(&home.cli(&["key", "recipient", "add", key, "--note", &note]), 2, "128 bytes");
    refused(&home.cli(&["key", "recipient", "remove", key]), 1, "is not one of");
    refused(&home.cli(&["key", "recipient", "remove", &own(&home)]), 1, "key rotate");

    let given = |name: &str, text: &str| home.write(name, text).to_str().unwrap().to_owned();
    let used = |path: &str| home.cli(&["key", "use", path]);
    refused(&used("nothing"), 1, "No such file");
    refused(&used("."), 1, "not a regular file");
    refused(&used(&given("large", &"#".repeat(70_000))), 1, "too large");
    refused(&used(&given("ssh", "-----BEGIN OPENSSH PRIVATE KEY-----\ncnry\n")), 1, "SSH key");
    refused(&used(&given("public", key)), 1, "is public");
    refused(&used(&given("plugin", "AGE-PLUGIN-CNRY-1CNRY\n")), 1, "plugin");
    refused(&used(&given("damaged", "AGE-SECRET-KEY-1CNRY\n")), 1, "damaged");
    refused(&used(&given("text", "cnry\n")), 1, "no AGE-SECRET-KEY-1");
    let sealed = given("sealed", "age-encryption.org/v1\n-> scrypt cnry\n");
    refused(&used(&sealed), 1, "terminal");
    let wrong = given("passphrase", "cnry");
    let said = home.cli(&["key", "use", &sealed, "--passphrase-file", &wrong]);
    refused(&said, 1, "damaged");
    assert_eq!(fs::read(home.path("config/identity.txt")).unwrap(), before);
    assert_eq!(delivered(&home, "A").out, "one");
}

#[test]
fn a_file_of_a_key_that_may_not_be_read_is_told_as_that() {
    if !need::plain_user() {
        return;
    }
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    let file = home.write("key.txt", "AGE-SECRET-KEY-1\n");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    refused(&home.cli(&["key", "use", file.to_str().unwrap()]), 1, "Permission denied");
}

#[test]
fn a_key_that_others_may_read_is_used_with_a_warning() {
    if !need::tool("age") {
        return;
    }
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    let (file, key) = identity(&home, "key.txt");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let said = home.cli(&["key", "use", file.to_str().unwrap()]);
    assert!(said.status.success() && said.err.contains("chmod 0600"), "{said:?}");
    assert!(said.out.contains(&key), "{said:?}");
    let again = home.cli(&["key", "use", file.to_str().unwrap()]);
    assert!(again.status.success() && !again.out.contains("sealed anew"), "{again:?}");
}

#[test]
fn a_key_is_taken_from_a_pipe() {
    if !need::tool("age") || !need::tool("bash") {
        return;
    }
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    let (file, key) = identity(&home, "key.txt");
    let used = |script: &str| {
        let mut bash = home.command("fluvio-secret");
        let program = bash.get_program().to_owned();
        bash = crate::harness::behind(&["bash", "-c", script, "bash"], &bash);
        said(bash.arg(program).arg(&file))
    };
    let by_substitution = used(r#"exec "$1" key use <(cat "$3")"#);
    assert!(by_substitution.status.success(), "{by_substitution:?}");
    assert!(by_substitution.out.contains(&key) && !by_substitution.err.contains("still has"));
    // An endless one is refused at the limit, and one without a key is reported.
    for (script, why) in [
        (r#"exec "$1" key use <(yes)"#, "too large"),
        (r#"exec "$1" key use <(:)"#, "error: "),
        (r#"exec "$1" key use /dev/zero"#, "not a regular file"),
    ] {
        let refused = used(script);
        assert!(refused.code() == Some(1) && refused.err.contains(why), "{script}: {refused:?}");
    }
}

#[test]
fn d18_a_note_cannot_reorder_or_hide_what_is_listed() {
    if !need::tool("age") {
        return;
    }
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    let (_, key) = identity(&home, "key.txt");
    let note = "a\u{202e}dmin\u{200b}\u{2066}x";
    home.ok(&["key", "recipient", "add", &key, "--note", note]);
    for args in [&["key", "recipient", "list"][..], &["key", "recipient", "list", "-O", "json"]] {
        let listed = home.ok(args);
        assert!(listed.contains("dmin") && listed.contains(&key), "{listed:?}");
        assert!(!listed.contains(['\u{202e}', '\u{200b}', '\u{2066}']), "{listed:?}");
    }
}

#[test]
fn on_a_terminal_recipients_are_accepted_by_an_answer_and_progress_is_shown() {
    let home = Home::new();
    // More than are re-encrypted in no time.
    let lines = (0..300).map(|number| format!("A{number}=one\n"));
    let file = home.write("secrets.txt", lines.collect::<String>());
    home.ok(&["import", file.to_str().unwrap()]);
    let list = home.vault().join(".recipients");
    let text = fs::read_to_string(&list).unwrap();
    let key = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
    fs::write(&list, format!("{text}{key}\n")).unwrap();
    let accept = || {
        let mut accept = home.command("fluvio-secret");
        accept.args(["key", "recipient", "accept"]);
        let mut pty = Pty::start(&accept);
        let shown = pty.expect("from now on? [y/N] ");
        assert!(shown.contains(&format!("+ {key}")), "{shown}");
        pty
    };
    let mut pty = accept();
    pty.type_keys("n\r");
    pty.expect("nothing was accepted");
    assert_eq!(pty.child.wait().unwrap().code(), Some(1));
    let mut pty = accept();
    pty.type_keys("y\r");
    pty.expect("300 of 300 secrets");
    pty.expect("2 recipients accepted successfully");
    assert!(pty.child.wait().unwrap().success());
    let said = home.ok(&["key", "recipient", "accept"]);
    assert!(said.contains("already accepted the vault's recipients"), "{said}");

    let mut rotate = home.command("fluvio-secret");
    rotate.args(["key", "rotate", "--drop-history"]);
    let mut pty = Pty::start(&rotate);
    pty.expect("for good? [y/N] ");
    pty.type_keys("y\r");
    pty.expect("300 of 300 secrets");
    pty.expect("Identity rotated successfully");
    assert!(pty.child.wait().unwrap().success());
    let mut rotate = home.command("fluvio-secret");
    rotate.args(["key", "rotate", "--drop-history"]);
    let mut pty = Pty::start(&rotate);
    pty.expect("for good? [y/N] ");
    pty.type_keys("\r");
    pty.expect("nothing was changed");
    let said = home.cli(&["key", "rotate", "--drop-history"]);
    assert!(said.err.contains("nothing was changed: there is no terminal"), "{said:?}");
}

#[test]
fn a_rotation_keeps_the_passphrase_and_asks_for_it() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    let passphrase = home.write("passphrase", "correct horse\n");
    fs::set_permissions(&passphrase, fs::Permissions::from_mode(0o600)).unwrap();
    let passphrase = passphrase.to_str().unwrap();
    home.ok(&["key", "passphrase", "--new-passphrase-file", passphrase]);
    refused(&home.cli(&["key", "rotate"]), 1, "terminal");
    let wrong = home.write("wrong", "wrong");
    let said = home.cli(&["key", "rotate", "--passphrase-file", wrong.to_str().unwrap()]);
    refused(&said, 1, "not the passphrase");
    home.ok(&["lock"]);
    refused(&home.cli(&["key", "rotate", "--passphrase-file", passphrase]), 77, "unlock");
    home.ok(&["unlock", "--passphrase-file", passphrase]);
    let before = fs::read(home.path("config/identity.txt")).unwrap();
    home.ok(&["key", "rotate", "--passphrase-file", passphrase]);
    let now = fs::read(home.path("config/identity.txt")).unwrap();
    assert!(now != before && now.starts_with(b"age-encryption.org/"));
    assert_eq!(delivered(&home, "A").out, "one");
    home.ok(&["lock"]);
    home.ok(&["set", "B", "set while locked"]);
    home.ok(&["unlock", "--passphrase-file", passphrase]);
    assert_eq!(delivered(&home, "A").out, "one");
    assert_eq!(delivered(&home, "B").out, "set while locked");
}
