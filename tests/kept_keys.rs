//! No key is lost: the one that is replaced is kept, and none is taken for another.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::doctor;
use crate::harness::passphrase::{protect, unlock};
use crate::harness::trace::{Trace, WRITES, call};
use crate::harness::{Home, Said, make_folder, need};
use crate::own_vault::{copy, delivered, home};

#[test]
fn a16_the_key_before_is_kept_and_named() {
    let home = home();
    let (config, identity) = (home.path("config"), home.path("config/identity.txt"));
    let mut kept = Vec::new();
    let mut changed = |said: &Said, before: Vec<u8>| {
        assert!(said.status.success(), "{said:?}");
        kept.push(before);
        for (n, key) in kept.iter().enumerate() {
            let name =
                if n == 0 { "identity.old.txt" } else { &format!("identity.old.{}.txt", n + 1) };
            let path = config.join(name);
            assert_eq!(fs::read(&path).unwrap(), *key, "{name}");
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            if n + 1 == kept.len() {
                assert!(said.err.contains(path.to_str().unwrap()), "{said:?}");
            }
        }
        assert_eq!(delivered(&home, "A").out, "one");
    };
    for _ in 0..2 {
        let before = fs::read(&identity).unwrap();
        changed(&home.cli(&["key", "rotate"]), before);
    }
    // Another identity, and then one that opens everything already.
    let other = Home::new();
    other.ok(&["set", "A", "other"]);
    let key = other.path("config/identity.txt");
    let before = fs::read(&identity).unwrap();
    changed(&home.cli(&["key", "use", key.to_str().unwrap()]), before);
    let friend = Home::new();
    friend.ok(&["set", "A", "other"]);
    let shown = friend.ok(&["key", "show", "-O", "json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    home.ok(&["key", "recipient", "add", shown["recipient"].as_str().unwrap()]);
    let before = fs::read(&identity).unwrap();
    let key = friend.path("config/identity.txt");
    changed(&home.cli(&["key", "use", key.to_str().unwrap()]), before);
    // A passphrase stays on it.
    protect(&home, "p1");
    assert!(unlock(&home, &[], "p1").status.success());
    let before = fs::read(&identity).unwrap();
    assert!(before.starts_with(b"age-encryption.org/"));
    let passphrase = home.write("passphrase", "p1\n");
    let rotate = ["key", "rotate", "--passphrase-file", passphrase.to_str().unwrap()];
    changed(&home.cli(&rotate), before);
}

#[test]
fn a16_a_kept_key_is_never_overwritten_whatever_has_its_name() {
    let home = home();
    let at = |name: &str| home.path("config").join(name);
    fs::write(at("identity.old.txt"), "somebody's own\n").unwrap();
    make_folder(&at("identity.old.2.txt"), 0o700);
    symlink("/nowhere", at("identity.old.3.txt")).unwrap();
    let before = fs::read(at("identity.txt")).unwrap();
    home.ok(&["key", "rotate"]);
    assert_eq!(fs::read(at("identity.old.4.txt")).unwrap(), before);
    assert_eq!(fs::read(at("identity.old.txt")).unwrap(), b"somebody's own\n");
    assert!(at("identity.old.2.txt").is_dir());
    assert_eq!(fs::read_link(at("identity.old.3.txt")).unwrap(), Path::new("/nowhere"));
}

#[test]
fn a16_the_copy_of_the_old_key_is_on_the_disk_before_another_takes_its_place() {
    if !need::root() || !need::tool("strace") {
        return;
    }
    let home = home();
    home.ok(&["list"]);
    let daemon = home.daemon_pid().unwrap();
    let trace = Trace::attach(&home, daemon, WRITES, &["decode-fds=path"]);
    home.ok(&["key", "rotate"]);
    let calls = trace.end();
    let last = |what: &dyn Fn(&str) -> bool| calls.iter().rposition(|line| what(line)).unwrap();
    let renamed = |line: &str, to: &str| call(line).starts_with("rename") && line.contains(to);
    let kept = last(&|line| renamed(line, "/identity.old.txt\""));
    let replaced = last(&|line| renamed(line, "/identity.txt\""));
    let synced = |path: &str, calls: &[String]| {
        let path = home.path(path);
        let is_it = |line: &&String| call(line) == "fsync" && line.contains(path.to_str().unwrap());
        calls.iter().filter(is_it).count()
    };
    assert!(synced("config/.tmp-", &calls[..kept]) > 0, "the copy");
    assert!(kept < replaced && synced("config>", &calls[kept..replaced]) > 0, "its name");
    assert!(synced("config>", &calls[replaced..]) > 0, "the new identity");
}

/// All lists of recipients that a home has.
fn lists(home: &Home) -> Vec<(PathBuf, String)> {
    let files = ["config/recipients.txt", "config/recipients.next.txt", "data/vault/.recipients"];
    let lists = files.iter().map(|file| home.path(file));
    lists.filter_map(|path| Some((path.clone(), fs::read_to_string(path).ok()?))).collect()
}

#[test]
fn a16_a_next_identity_that_is_the_present_one_is_not_another_one() {
    let home = home();
    let (identity, next) =
        (home.path("config/identity.txt"), home.path("config/identity.next.txt"));
    let passphrase = home.write("passphrase", "p1\n");
    let passphrase = ["--new-passphrase-file", passphrase.to_str().unwrap()];
    let rotate = &["key", "rotate"][..];
    let accept = &["key", "recipient", "accept", "--yes"][..];
    let set = &["set", "B", "new"][..];
    let protect = &["key", "passphrase", passphrase[0], passphrase[1]][..];
    let commands = [
        (rotate, true),
        (rotate, false),
        (accept, true),
        (set, true),
        (set, false),
        (protect, true),
    ];
    for (args, is_running) in commands {
        copy(&identity, &next);
        if !is_running {
            home.ok(&["daemon", "stop"]);
        }
        let said = home.cli(args);
        assert!(said.status.success(), "{args:?}: {said:?}");
        for (list, text) in lists(&home) {
            assert!(text.starts_with("age1"), "{args:?}: {}: {text}", list.display());
        }
        home.ok(&["set", "C", "new"]);
        assert_eq!(delivered(&home, "A").out, "one", "{args:?}");
        let found = doctor::looks(&mut doctor::doctor(&home));
        assert!(doctor::is_right(&found, "recipients"), "{args:?}: {found:?}");
        if args == protect {
            assert!(!next.exists(), "no copy of the key without the passphrase is left");
        }
    }
}

#[test]
fn a16_a_list_without_a_recipient_is_refused_and_the_command_that_is_told_helps() {
    for file in ["config/recipients.txt", "config/recipients.next.txt", "data/vault/.recipients"] {
        for text in ["", "# a note\n", "\n\n"] {
            let home = home();
            fs::write(home.path(file), text).unwrap();
            for args in [&["set", "B", "new"][..], &["key", "rotate"]] {
                let said = home.cli(args);
                assert_eq!(said.code(), Some(1), "{file}: {said:?}");
                assert!(said.err.contains("has no recipients"), "{file}: {said:?}");
            }
            assert_eq!(delivered(&home, "A").out, "one", "{file}");
            let found = doctor::looks(&mut doctor::doctor(&home));
            doctor::mend(&home, doctor::one(&found, "recipients"));
            home.ok(&["set", "B", "new"]);
            home.ok(&["key", "rotate"]);
            assert_eq!(delivered(&home, "A").out, "one", "{file}");
        }
    }
}

#[test]
fn a16_the_key_before_decrypts_an_older_copy_of_a_vault_with_a_history() {
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
    let kept = home.path("config/identity.old.txt");
    // What doctor names is the key, and not an earlier version in place of the newer value.
    let help = format!("fluvio-secret key use {}", kept.display());
    let found = home.cli(&["doctor"]);
    assert!(found.out.contains(&help) && !found.out.contains("restore"), "{found:?}");
    home.ok(&["key", "use", kept.to_str().unwrap()]);
    for name in ["A", "B"] {
        assert_eq!(delivered(&home, name).out, "second");
        home.ok(&["restore", name, "--version", "1"]);
        assert_eq!(delivered(&home, name).out, "first");
    }
    // A recipient that was never accepted is not accepted by that.
    home.ok(&["key", "rotate"]);
    home.ok(&["daemon", "stop"]);
    fs::remove_dir_all(home.vault()).unwrap();
    copy(&home.path("backup"), &home.vault());
    let list = home.vault().join(".recipients");
    let stranger = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa\n";
    fs::write(&list, fs::read_to_string(&list).unwrap() + stranger).unwrap();
    let refused = home.cli(&["key", "use", kept.to_str().unwrap()]);
    assert!(!refused.status.success() && refused.err.contains("recipients"), "{refused:?}");
}
