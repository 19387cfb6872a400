//! No key is lost: the one that is replaced is kept, and none is taken for another.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::doctor;
use crate::harness::passphrase::{protect, unlock};
use crate::harness::pty::Pty;
use crate::harness::trace::{Trace, WRITES, call};
use crate::harness::{Home, need};
use crate::own_vault::{copy, delivered, home};

/// The line of a key in an identity file: the current one is the first.
fn key_of(identity: &Path) -> String {
    let text = fs::read_to_string(identity).unwrap();
    text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap().to_owned()
}

#[test]
fn a16_the_key_before_is_kept_and_named() {
    let home = home();
    let identity = home.path("config/identity.txt");
    let mut kept = Vec::new();
    let mut changed = |args: &[&str]| {
        kept.push(key_of(&identity));
        let said = home.cli(args);
        assert!(said.status.success(), "{said:?}");
        assert!(said.err.contains(&format!("{} keeps the old key as retired", identity.display())));
        let text = fs::read_to_string(&identity).unwrap();
        let parts: Vec<_> = text.split("# retired: 20").collect();
        assert_eq!(parts.len(), kept.len() + 1, "{text}");
        for (key, part) in kept.iter().rev().zip(&parts[1..]) {
            assert!(part.contains(key), "the newest one first: {text}");
        }
        assert_eq!(fs::metadata(&identity).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(delivered(&home, "A").out, "one");
    };
    for _ in 0..2 {
        changed(&["key", "rotate"]);
    }
    // Another identity, and then one that opens everything already.
    let other = Home::new();
    other.ok(&["set", "A", "other"]);
    let key = other.path("config/identity.txt");
    changed(&["key", "use", key.to_str().unwrap()]);
    let friend = Home::new();
    friend.ok(&["set", "A", "other"]);
    let shown = friend.ok(&["key", "show", "-O", "json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    home.ok(&["member", "add", shown["recipient"].as_str().unwrap()]);
    let key = friend.path("config/identity.txt");
    changed(&["key", "use", key.to_str().unwrap()]);
    // All are behind one passphrase.
    let before = fs::read_to_string(&identity).unwrap();
    protect(&home, "p1");
    assert!(unlock(&home, &[], "p1").status.success());
    let passphrase = home.write("passphrase", "p1\n");
    home.ok(&["key", "rotate", "--passphrase-file", passphrase.to_str().unwrap()]);
    assert!(fs::read(&identity).unwrap().starts_with(b"age-encryption.org/"));
    home.ok(&["key", "passphrase", "--remove", "--passphrase-file", passphrase.to_str().unwrap()]);
    let text = fs::read_to_string(&identity).unwrap();
    assert!(text.ends_with(&before) && text.len() > before.len(), "{text}");
    assert_eq!(delivered(&home, "A").out, "one");
}

#[test]
fn on_a_terminal_a_rotation_is_explained_and_asked_for() {
    let home = home();
    let before = fs::read(home.path("config/identity.txt")).unwrap();
    for (answer, is_rotated) in [("n", false), ("y", true)] {
        let mut rotate = home.command("fluvio-secret");
        let mut pty = Pty::start(rotate.args(["key", "rotate"]));
        let explained = pty.expect("Rotate the identity? [y/N] ");
        assert!(explained.contains("marked as retired"), "{explained}");
        pty.type_keys(&format!("{answer}\r"));
        pty.expect(if is_rotated { "rotated successfully" } else { "nothing was changed" });
        assert_eq!(pty.child.wait().unwrap().success(), is_rotated);
        let now = fs::read(home.path("config/identity.txt")).unwrap();
        assert_eq!(now != before, is_rotated);
    }
}

/// The keys in the file, the current one first, as `key show` has them.
fn shown_keys(home: &Home) -> Vec<String> {
    let shown: serde_json::Value =
        serde_json::from_str(&home.ok(&["key", "show", "-O", "json"])).unwrap();
    let retired = shown["retired"].as_array().unwrap().iter();
    let keys = std::iter::once(&shown).chain(retired);
    keys.map(|key| key["recipient"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a16_retired_keys_are_removed_when_nothing_needs_them_and_not_before() {
    let home = home();
    let [before] = &shown_keys(&home)[..] else { panic!("one key") };
    let said = home.cli(&["key", "retire"]);
    assert!(said.out.contains("There are no retired keys"), "{said:?}");
    let old = fs::read(home.secret_file("A")).unwrap();
    home.ok(&["key", "rotate"]);
    assert_eq!(&shown_keys(&home)[1..], std::slice::from_ref(before));
    assert!(home.ok(&["key", "show"]).contains(&format!("Retired     {before} (20")));
    // As a teammate's older commit brings it back.
    let new = fs::read(home.secret_file("A")).unwrap();
    fs::write(home.secret_file("A"), old).unwrap();
    let unasked = home.cli(&["key", "retire"]);
    assert_eq!(unasked.code(), Some(1), "{unasked:?}");
    assert!(unasked.err.contains("nothing was removed: there is no terminal"), "{unasked:?}");
    let said = home.cli(&["key", "retire", "--yes"]);
    assert_eq!(said.code(), Some(1), "{said:?}");
    assert!(said.err.contains("every version in ") && said.err.contains("of `A`"), "{said:?}");
    assert_eq!(shown_keys(&home).len(), 2);
    fs::write(home.secret_file("A"), new).unwrap();
    let mut retire = home.command("fluvio-secret");
    for (answer, is_removed) in [("n", false), ("y", true)] {
        let mut pty = Pty::start(retire.args(["key", "retire"]));
        let explained = pty.expect("Remove 1 retired key for good? [y/N] ");
        assert!(explained.contains("git history and backups") && explained.contains(before));
        pty.type_keys(&format!("{answer}\r"));
        pty.expect(if is_removed { "1 retired key removed" } else { "nothing was removed" });
        assert_eq!(pty.child.wait().unwrap().success(), is_removed);
        assert_eq!(shown_keys(&home).len(), if is_removed { 1 } else { 2 });
        retire = home.command("fluvio-secret");
    }
    assert_eq!(delivered(&home, "A").out, "one");
    home.ok(&["restore", "A", "--version", "1"]);
    assert_eq!(delivered(&home, "A").out, "earlier");
}

#[test]
fn a16_a_key_that_an_earlier_version_kept_stays_and_can_be_used() {
    let home = home();
    let at = |name: &str| home.path("config").join(name);
    let old = key_of(&at("identity.txt"));
    copy(&at("identity.txt"), &at("identity.old.txt"));
    home.ok(&["key", "rotate"]);
    home.ok(&["key", "use", at("identity.old.txt").to_str().unwrap()]);
    assert_eq!(key_of(&at("identity.txt")), old);
    assert_eq!(key_of(&at("identity.old.txt")), old);
    assert_eq!(delivered(&home, "A").out, "one");
}

#[test]
fn a16_the_file_with_both_keys_is_on_the_disk_before_anything_is_encrypted_for_the_new_one() {
    if !need::root() || !need::tool("strace") {
        return;
    }
    let home = home();
    home.ok(&["list"]);
    let daemon = home.daemon_pid().unwrap();
    let trace = Trace::attach(&home, daemon, WRITES, &["decode-fds=path"]);
    home.ok(&["key", "rotate"]);
    let calls = trace.end();
    let renamed = |to: &str| {
        let is_it = |line: &String| call(line).starts_with("rename") && line.contains(to);
        calls.iter().position(is_it).unwrap()
    };
    let (replaced, listed) = (renamed("/identity.txt\""), renamed("/members.next\""));
    let encrypted = renamed("A.age\"").min(renamed("1.age\""));
    let synced = |path: &str, calls: &[String]| {
        let path = home.path(path);
        let is_it = |line: &&String| call(line) == "fsync" && line.contains(path.to_str().unwrap());
        calls.iter().filter(is_it).count()
    };
    assert!(synced("config/.tmp-", &calls[..replaced]) > 0, "the file");
    assert!(replaced < listed && synced("config>", &calls[replaced..listed]) > 0, "its name");
    assert!(listed < encrypted, "the lists, before any secret");
}

/// All lists of members that a home has.
fn lists(home: &Home) -> Vec<(PathBuf, String)> {
    let files = ["config/members", "config/members.next", "data/vault/.members/1"];
    let lists = files.iter().map(|file| home.path(file));
    lists.filter_map(|path| Some((path.clone(), fs::read_to_string(path).ok()?))).collect()
}

#[test]
fn a16_a_change_that_an_earlier_version_began_is_finished_by_the_command_that_is_named() {
    let home = home();
    let (identity, next) =
        (home.path("config/identity.txt"), home.path("config/identity.next.txt"));
    let other = Home::new();
    other.ok(&["set", "A", "other"]);
    // Another key, and a copy of the current one, as a backup may have it.
    for new in [other.path("config/identity.txt"), identity.clone()] {
        let (before, after) = (key_of(&identity), key_of(&new));
        copy(&new, &next);
        for args in [&["key", "rotate"][..], &["set", "B", "new"]] {
            let said = home.cli(args);
            assert_eq!(said.code(), Some(1), "{args:?}: {said:?}");
            let help = format!("fluvio-secret key use {}", next.display());
            assert!(said.err.contains(&help), "{args:?}: {said:?}");
        }
        assert_eq!(delivered(&home, "A").out, "one");
        home.ok(&["key", "use", next.to_str().unwrap()]);
        assert!(!next.exists());
        assert_eq!(key_of(&identity), after);
        assert!(fs::read_to_string(&identity).unwrap().contains(&before));
        for (list, text) in lists(&home) {
            assert!(text.contains("\"recipient\":\"age1"), "{}: {text}", list.display());
        }
        home.ok(&["set", "C", "new"]);
        home.ok(&["key", "rotate"]);
        assert_eq!(delivered(&home, "A").out, "one");
        let found = doctor::looks(&mut doctor::doctor(&home));
        assert!(doctor::is_ok(&found, "members"), "{found:?}");
    }
}

#[test]
fn a16_a_damaged_list_of_members_of_this_machine_is_refused_and_one_in_the_vault_is_replaced() {
    for file in ["config/members", "config/members.next", "data/vault/.members/1"] {
        for text in ["", "# a note\n", "{}\n\n"] {
            let home = home();
            let (path, whole) = (home.path(file), fs::read(home.path("config/members")).unwrap());
            let is_in_vault = file.starts_with("data");
            fs::write(&path, text).unwrap();
            for args in [&["set", "B", "new"][..], &["key", "rotate"]] {
                let said = home.cli(args);
                assert_eq!(said.status.success(), is_in_vault, "{file}: {said:?}");
                if !is_in_vault {
                    assert!(said.err.contains("invalid list of members"), "{file}: {said:?}");
                    assert!(said.err.contains("restore a copy of the file"), "{file}: {said:?}");
                }
            }
            if is_in_vault {
                assert_eq!(delivered(&home, "A").out, "one", "{file}");
                assert!(fs::read(&path).unwrap() == whole, "the accepted one is put back");
                continue;
            }
            // Without it, no signature can be verified.
            let refused = delivered(&home, "A");
            assert!(refused.err.contains("invalid list of members"), "{file}: {refused:?}");
            fs::write(&path, whole).unwrap();
            home.ok(&["set", "B", "new"]);
            home.ok(&["key", "rotate"]);
            assert_eq!(delivered(&home, "A").out, "one", "{file}");
        }
    }
}

#[test]
fn a16_the_retired_key_decrypts_an_older_copy_of_a_vault_with_a_history() {
    let home = Home::new();
    for name in ["A", "B"] {
        home.ok(&["set", name, "first"]);
        home.ok(&["set", name, "second"]);
    }
    home.ok(&["daemon", "stop"]);
    copy(&home.vault(), &home.path("backup"));
    home.ok(&["key", "rotate"]);
    home.ok(&["set", "A", "third"]);
    home.ok(&["daemon", "stop"]);
    fs::remove_dir_all(home.vault()).unwrap();
    copy(&home.path("backup"), &home.vault());
    for name in ["A", "B"] {
        assert_eq!(delivered(&home, name).out, "second");
        home.ok(&["restore", name, "--version", "1"]);
        assert_eq!(delivered(&home, name).out, "first");
    }
    // The list of a stranger in the copy is not taken by that.
    home.ok(&["key", "rotate"]);
    home.ok(&["daemon", "stop"]);
    fs::remove_dir_all(home.vault()).unwrap();
    copy(&home.path("backup"), &home.vault());
    let stranger = Home::new();
    stranger.ok(&["set", "A", "other"]);
    fs::copy(stranger.vault().join(".members/1"), home.vault().join(".members/1")).unwrap();
    home.ok(&["key", "rotate"]);
    let listed = home.ok(&["member", "list"]);
    assert!(!listed.contains(&shown_keys(&stranger)[0]), "{listed}");
}
