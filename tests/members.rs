//! Who can decrypt the secrets: vaults that are shared, keys that are given, and what is printed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::harness::pty::Pty;
use crate::harness::watch::folder;
use crate::harness::{Home, Said, need, said};
use crate::own_vault::copy;

/// A key that is in use already: the example of age's own documentation.
const FRIEND: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";

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
fn a_secret_for_others_is_not_called_damaged_and_no_command_replaces_it() {
    let (ada, bob) = (Home::new(), Home::new());
    ada.ok(&["set", "A", "one"]);
    bob.ok(&["set", "B", "one"]);
    bob.ok(&["daemon", "stop"]);
    // The vault of a machine that has removed this one.
    fs::remove_dir_all(bob.vault()).unwrap();
    copy(&ada.vault(), &bob.vault());
    for file in ["config/vault-id", "config/members"] {
        fs::copy(ada.path(file), bob.path(file)).unwrap();
    }
    let said = delivered(&bob, "A");
    let config = bob.config(&["A"]);
    let run = |options: &[&str]| self::said(&mut bob.run(&config, options, &["true"]));
    let (checked, unchecked) = (run(&[]), run(&["--no-check"]));
    let check = bob.cli(&["check", config.to_str().unwrap()]);
    for said in [said, checked, unchecked, check] {
        let said = said.out + &said.err;
        assert!(said.contains("is not encrypted for this machine's key"), "{said}");
        assert!(said.contains("fluvio-secret member request"), "{said}");
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
fn a12_stock_age_decrypts_what_is_encrypted_for_each_member() {
    if !need::tool("age") {
        return;
    }
    let home = Home::new();
    home.ok(&["set", "A", "earlier"]);
    home.ok(&["set", "A", "one"]);
    let (friend, key) = identity(&home, "friend.txt");
    home.ok(&["member", "add", &key]);
    let opened = |identity: &Path, file: &Path| {
        said(home.foreign("age").args(["--decrypt", "--identity"]).arg(identity).arg(file))
    };
    let own = home.path("config/identity.txt");
    let earlier = home.history().join("A/1.age");
    for identity in [&own, &friend] {
        assert!(opened(identity, &home.secret_file("A")).out.ends_with("\none"));
        assert!(opened(identity, &earlier).out.ends_with("\nearlier"));
    }
    let removed = home.cli(&["member", "remove", &key]);
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
fn a_key_that_cannot_be_used_is_reported_by_its_kind() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    let before = fs::read(home.path("config/identity.txt")).unwrap();
    let add = |key: &str| home.cli(&["member", "add", key]);
    refused(&add("ssh-rsa AAAAcnry ada@laptop"), 1, "SSH key");
    refused(&add(&format!("ssh-rsa {}", "cnry".repeat(200))), 1, "SSH key");
    refused(&add("AGE-SECRET-KEY-1CNRY"), 1, "is secret");
    refused(&add("age1yubikey1cnry"), 1, "plugin");
    refused(&add("age1cnry"), 1, "not a complete age recipient");
    refused(&add(&"x".repeat(5000)), 2, "4096 bytes");
    let note = "x".repeat(129);
    let key = FRIEND;
    refused(&home.cli(&["member", "add", key, "--note", &note]), 2, "128 bytes");
    refused(&home.cli(&["member", "remove", key]), 1, "is not a member");
    refused(&home.cli(&["member", "remove", &own(&home)]), 1, "key rotate");

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
    home.ok(&["member", "add", &key, "--note", note]);
    for (args, also) in
        [(&["member", "list"][..], "reader"), (&["member", "list", "-O", "json"], &key)]
    {
        let listed = home.ok(args);
        assert!(listed.contains("dmin") && listed.contains(also), "{listed:?}");
        assert!(!listed.contains(['\u{202e}', '\u{200b}', '\u{2066}']), "{listed:?}");
    }
}

#[test]
fn members_are_listed_with_a_warning_if_requests_cannot_be_read() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    std::os::unix::fs::symlink("/", home.vault().join("requests")).unwrap();
    let (listed, admitted) = (home.cli(&["member", "list"]), home.cli(&["member", "admit"]));
    for said in [&listed, &admitted] {
        assert!(said.status.success() && said.err.contains("is a symbolic link"), "{said:?}");
        assert!(said.err.contains("warning: ") && said.err.contains("help: "), "{said:?}");
    }
    assert!(listed.out.contains("(this machine)"), "{listed:?}");
}

/// A file with more secrets than are re-encrypted in no time.
fn many(home: &Home) -> PathBuf {
    let lines = (0..300).map(|number| format!("A{number}=one\n"));
    home.write("secrets.txt", lines.collect::<String>())
}

#[test]
fn on_a_terminal_machines_are_admitted_by_an_answer_and_progress_is_shown() {
    let (home, other) = (Home::new(), Home::new());
    let one = folder(&home, "one");
    home.ok(&["vault", "init", "one"]);
    let file = many(&home);
    home.ok(&["import", "--vault", "one", file.to_str().unwrap()]);
    copy(&one, &other.path("one"));
    other.ok(&["vault", "join", "--yes", "--note", "carol@edge", "--role", "reader", "one"]);
    fs::remove_dir_all(&one).unwrap();
    copy(&other.path("one"), &one);
    let requests = one.join(".fluvio-secret/requests");
    let request = fs::read_dir(&requests).unwrap().next().unwrap().unwrap().path();
    let name = request.file_name().unwrap().to_str().unwrap();
    let admit = || {
        let mut admit = home.command("fluvio-secret");
        let mut pty = Pty::start(admit.args(["member", "admit", "--vault", "one"]));
        let shown = pty.expect("Encrypt all secrets for these machines, too? [y/N] ");
        // The terminal is narrow.
        assert!(shown.contains("carol@edge  asks for reader"), "{shown}");
        assert!(shown.contains(&name[..16]), "{shown}");
        pty
    };
    let mut pty = admit();
    pty.type_keys("n\r");
    pty.expect("nothing was admitted");
    assert_eq!(pty.child.wait().unwrap().code(), Some(1));
    assert!(home.ok(&["member", "list", "--vault", "one"]).contains("asks for reader"));
    let mut pty = admit();
    pty.type_keys("y\r");
    pty.expect("300 of 300 secrets");
    pty.expect("1 member admitted successfully");
    assert!(pty.child.wait().unwrap().success());
    assert!(!home.ok(&["member", "list", "--vault", "one"]).contains("asks for"));
    assert!(home.ok(&["member", "list", "--vault", "one", "-O", "json"]).contains(&own(&other)));
    assert!(!request.exists(), "a request that was granted is gone");
    let again = home.ok(&["member", "admit", "--vault", "one"]);
    assert_eq!(again, "No machine has asked to join\n");
}

#[test]
fn on_a_terminal_a_rotation_without_the_history_asks_and_shows_progress() {
    let home = Home::new();
    home.ok(&["import", many(&home).to_str().unwrap()]);
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
