//! Earlier versions survive: where a file cannot have a second name, while they are moved out of the
//! vault, and when the vault itself is moved.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::harness::ask::Asker;
use crate::harness::mount::Mount;
use crate::harness::trace::{Trace, WRITES, call};
use crate::harness::{Home, Layout, eventually, is_alive, make_folder, need, said};

/// Each version of each secret.
type Versions = BTreeMap<PathBuf, Vec<u8>>;

/// The versions in a directory, by NAME/N.age.
fn versions(folder: &Path) -> Versions {
    let mut found = BTreeMap::new();
    for secret in fs::read_dir(folder).unwrap().flatten() {
        let is_secret = !secret.file_name().to_string_lossy().starts_with('.');
        if !is_secret || !secret.file_type().unwrap().is_dir() {
            continue;
        }
        for version in fs::read_dir(secret.path()).unwrap().flatten() {
            if version.file_type().unwrap().is_file() {
                let name = PathBuf::from(secret.file_name()).join(version.file_name());
                found.insert(name, fs::read(version.path()).unwrap());
            }
        }
    }
    found
}

/// Runs a shell with these arguments.
fn sh(home: &Home, script: &str, args: &[&Path]) {
    let said = said(home.foreign("sh").args(["-ec", script, "sh"]).args(args));
    assert!(said.status.success(), "{script}: {said:?}");
}

/// The value of a secret as a connector gets it.
fn delivered(home: &Home, name: &str) -> String {
    let config = home.config(&[name]);
    let script = format!("printf %s \"${name}\"");
    let said = said(&mut home.run(&config, &["--as-is"], &["sh", "-c", &script]));
    assert!(said.status.success(), "{said:?}");
    said.out
}

/// A vault as an earlier release left it, with what there was in its history. No daemon runs.
fn old_vault(layout: Layout) -> (Home, Versions, PathBuf) {
    let home = Home::of(layout);
    for (name, value) in [("A", "a1"), ("A", "a2"), ("A", "a3"), ("B", "b1"), ("B", "b2")] {
        assert!(home.set(name, value).status.success());
    }
    home.kill_daemon();
    let place = home.history();
    let old = home.vault().join(".history");
    sh(
        &home,
        "cp -a \"$1\" \"$2\"; rm -r \"$2\"/.vault \"$2\"/.seen; rm -r \"$1\"",
        &[&place, &old],
    );
    fs::write(home.vault().join(".gitignore"), "/.lock\n/.tmp-*\n/.history/\n").unwrap();
    let versions = versions(&old);
    assert_eq!(versions.len(), 3);
    (home, versions, place)
}

/// All versions are where they belong now, and only there.
fn is_moved(home: &Home, before: &Versions, what: &str) {
    let now = versions(&home.history());
    for (version, sealed) in before {
        assert!(now.get(version) == Some(sealed), "{what}: {} is lost", version.display());
    }
    assert!(!home.vault().join(".history").exists(), "{what}: it is still in the vault");
}

#[test]
fn a18_the_history_of_an_earlier_release_is_moved_out_of_the_vault() {
    for &layout in Layout::all() {
        let (home, before, _) = old_vault(layout);
        home.ok(&["list"]);
        eventually("the move", || !home.vault().join(".history").exists());
        is_moved(&home, &before, &format!("{layout:?}"));
        home.ok(&["restore", "A", "--version", "1"]);
        assert_eq!(delivered(&home, "A"), "a1");
        assert_eq!(home.ok(&["history", "B"]).lines().count(), 3);
        // Once: what is put there later is not ours.
        make_folder(&home.vault().join(".history/A"), 0o700);
        fs::write(home.vault().join(".history/A/99.age"), "x").unwrap();
        home.kill_daemon();
        assert!(!home.ok(&["history", "A"]).contains("99"));
        assert!(home.vault().join(".history/A/99.age").exists());
    }
}

#[test]
fn a17_no_link_is_followed_while_a_history_is_moved() {
    for &layout in Layout::all() {
        let (home, before, _) = old_vault(layout);
        let outside = home.path("outside");
        make_folder(&outside, 0o700);
        fs::write(outside.join("1.age"), "not ours").unwrap();
        let old = home.vault().join(".history");
        symlink("B", old.join("L")).unwrap();
        symlink(&outside, old.join("ABS")).unwrap();
        symlink("../B/1.age", old.join("A/7.age")).unwrap();
        symlink(outside.join("1.age"), old.join("A/8.age")).unwrap();
        mknodat(CWD, old.join("A/9.age"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        mknodat(CWD, old.join("FIFO"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        for name in ["L", "ABS", "FIFO"] {
            assert!(home.set(name, "x").status.success());
            assert!(home.set(name, "y").status.success(), "{layout:?}: {name}");
        }
        let now = versions(&home.history());
        for (version, sealed) in &before {
            assert!(now.get(version) == Some(sealed), "{layout:?}: {}", version.display());
        }
        assert_eq!(now.len(), before.len() + 3, "{layout:?}");
        for left in ["L", "ABS", "FIFO"] {
            assert!(fs::symlink_metadata(old.join(left)).is_ok(), "{layout:?}: {left}");
        }
        assert_eq!(fs::read(outside.join("1.age")).unwrap(), b"not ours");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
        eventually("the line of the log", || {
            let log = fs::read_to_string(home.path("state/daemon.log")).unwrap();
            log.contains(".history/ABS is not part of the history")
        });
    }
}

#[test]
fn a17_a_link_in_the_place_of_the_old_history_is_left_alone() {
    for &layout in Layout::all() {
        let (home, _, _) = old_vault(layout);
        let old = home.vault().join(".history");
        let outside = home.path("outside");
        fs::rename(&old, &outside).unwrap();
        let before = versions(&outside);
        for target in
            [outside.as_path(), Path::new("."), Path::new("/nowhere"), Path::new(".history")]
        {
            symlink(target, &old).unwrap();
            let _ = fs::remove_dir_all(home.path("data/history").join("none"));
            assert!(home.set("A", "new").status.success(), "{layout:?}: {}", target.display());
            assert!(home.set("A", "newer").status.success(), "{layout:?}");
            home.kill_daemon();
            assert_eq!(versions(&outside), before);
            assert!(old.is_symlink());
            fs::remove_file(&old).unwrap();
            fs::remove_dir_all(home.history()).unwrap();
        }
    }
}

/// Whether a call changes something on a disk: a kill at any other one leaves what the last of these did.
fn is_change(line: &str) -> bool {
    const CHANGES: [&str; 9] =
        ["fsync", "link", "mkdir", "rename", "unlink", "write", "utimensat", "fdatasync", "close"];
    CHANGES.iter().any(|stem| call(line).starts_with(stem)) || line.contains("O_CREAT")
}

/// The move, with the change that waits for it, while something happens to one of its system calls.
fn traced(layout: Layout, inject: &[&str]) -> (Home, Versions, Vec<String>) {
    let (home, before, place) = old_vault(layout);
    // So that it fails at the start and is made by the first change.
    fs::write(&place, "in the way").unwrap();
    home.ok(&["list"]);
    let daemon = home.daemon_pid().unwrap();
    let trace = Trace::attach(&home, daemon, WRITES, inject);
    fs::remove_file(&place).unwrap();
    let answer = Asker::connect(&home).unwrap().set("A", b"a4");
    let calls = trace.end();
    if answer.is_err() {
        eventually("the daemon's end", || !is_alive(daemon));
    }
    (home, before, calls)
}

fn at_each_call_of_the_move(layout: Layout, happens: &str) {
    if !need::root() || !need::tool("strace") {
        return;
    }
    let (_, _, calls) = traced(layout, &[]);
    let mut counts = BTreeMap::new();
    let mut tried = 0;
    for line in &calls {
        let call = call(line);
        let number = counts.entry(call).or_insert(0);
        *number += 1;
        if !is_change(line) {
            continue;
        }
        tried += 1;
        let what = format!("{layout:?}, {happens}: {call} number {number}");
        let (home, before, _) =
            traced(layout, &[&format!("inject={call}:{happens}:when={number}")]);
        // By the daemon that is there, or the next.
        let set = home.set("A", "a5");
        assert!(set.status.success(), "{what}: {set:?}");
        assert_eq!(delivered(&home, "A"), "a5", "{what}");
        is_moved(&home, &before, &what);
        let left = fs::read_dir(home.history()).unwrap().flatten();
        let left = left.filter(|entry| entry.file_name().to_string_lossy().starts_with(".tmp-"));
        assert!(happens.starts_with("error") || left.count() == 0, "{what}");
    }
    need::say(&format!("a18: {layout:?}, {happens}: {tried} system calls of {}", calls.len()));
    assert!(tried > 10, "{calls:?}");
}

#[test]
fn a18_a_kill_at_any_system_call_of_the_move_loses_no_version() {
    at_each_call_of_the_move(Layout::Together, "signal=KILL");
}

#[test]
fn a18_a_kill_of_the_move_to_another_file_system_loses_no_version() {
    at_each_call_of_the_move(Layout::Apart, "signal=KILL");
}

#[test]
fn a18_a_system_call_of_the_move_that_fails_loses_no_version() {
    at_each_call_of_the_move(Layout::Together, "error=EIO");
    at_each_call_of_the_move(Layout::Apart, "error=EIO");
}

#[test]
fn a18_where_a_file_cannot_have_a_second_name_it_is_copied() {
    if !need::root() || !need::tool("strace") {
        return;
    }
    for error in ["EPERM", "EOPNOTSUPP", "EMLINK", "EXDEV", "ENOSYS"] {
        let home = Home::new();
        home.ok(&["list"]);
        let inject = format!("inject=linkat,link:error={error}");
        let trace = Trace::attach(&home, home.daemon_pid().unwrap(), WRITES, &[&inject]);
        for value in ["one", "two", "three"] {
            let set = home.set("A", value);
            assert!(set.status.success(), "{error}: {set:?}");
        }
        home.ok(&["delete", "A"]);
        home.ok(&["restore", "A", "--version", "2"]);
        let calls = trace.end();
        assert!(calls.iter().any(|line| line.contains("(INJECTED)")), "{calls:?}");
        assert_eq!(delivered(&home, "A"), "two", "{error}");
        assert_eq!(versions(&home.history()).len(), 2, "{error}");
        // No copy is left twice, and a fresh name needs none.
        assert_eq!(home.ok(&["history", "A"]).lines().count(), 4, "{error}");
    }
}

#[test]
fn a18_the_first_identity_is_made_where_no_name_can_be_kept_free() {
    if !need::root() || !need::tool("strace") {
        return;
    }
    let home = Home::new();
    home.ok(&["list"]);
    let inject = ["inject=renameat2:error=EINVAL", "inject=linkat,link:error=EPERM"];
    let trace = Trace::attach(&home, home.daemon_pid().unwrap(), WRITES, &inject);
    let set = home.set("A", "one");
    trace.end();
    assert!(set.status.success(), "{set:?}");
    assert_eq!(delivered(&home, "A"), "one");
}

#[test]
fn a18_a_history_without_room_refuses_the_change() {
    if !need::root() {
        return;
    }
    let home = Home::new();
    make_folder(&home.path("data/history"), 0o700);
    let _mount = Mount::tmpfs(&home.path("data/history"), "size=64k");
    let value = "o".repeat(20_000);
    let kept = (0..20).take_while(|_| home.set("A", &value).status.success()).count();
    assert!(kept > 1 && kept < 10, "{kept}");
    let said = home.set("A", "new");
    assert!(said.err.contains("disk full") && said.err.contains("data/history"), "{said:?}");
    assert_eq!(delivered(&home, "A"), value);
    assert_eq!(versions(&home.history()).len() + 1, kept);
    assert_eq!(home.cli(&["delete", "A"]).code(), Some(1));
    home.ok(&["delete", "--purge", "--yes", "A"]);
    assert!(home.set("A", "new").status.success());
}

#[test]
fn a_vault_that_is_moved_takes_its_history_along() {
    let home = Home::new();
    for value in ["one", "two"] {
        assert!(home.set("A", value).status.success());
    }
    home.kill_daemon();
    let first = home.history();
    // Into a directory of its own, and a link in its place.
    let (vault, elsewhere) = (home.vault(), home.path("elsewhere"));
    fs::rename(&vault, &elsewhere).unwrap();
    symlink(&elsewhere, &vault).unwrap();
    assert_eq!(home.ok(&["history", "A"]).lines().count(), 3);
    assert_ne!(home.history(), first);
    home.kill_daemon();
    // And to another place.
    let third = home.path("third");
    fs::rename(&elsewhere, &third).unwrap();
    fs::remove_file(&vault).unwrap();
    symlink(&third, &vault).unwrap();
    assert_eq!(home.ok(&["history", "A"]).lines().count(), 3);
    home.kill_daemon();
    // And back.
    fs::remove_file(&vault).unwrap();
    fs::rename(&third, &vault).unwrap();
    home.ok(&["restore", "A"]);
    assert_eq!(delivered(&home, "A"), "one");
    assert_eq!(home.history(), first);
}

#[test]
fn a_clone_does_not_take_the_history_of_a_vault_that_is_still_there() {
    let home = Home::new();
    for value in ["one", "two"] {
        assert!(home.set("A", value).status.success());
    }
    home.kill_daemon();
    let (vault, first) = (home.vault(), home.path("first"));
    fs::rename(&vault, &first).unwrap();
    symlink(&first, &vault).unwrap();
    assert_eq!(home.ok(&["history", "A"]).lines().count(), 3);
    home.kill_daemon();
    let clone = home.path("clone");
    sh(&home, "cp -a \"$1\" \"$2\"; rm \"$3\"; ln -s \"$2\" \"$3\"", &[&first, &clone, &vault]);
    assert_eq!(home.ok(&["history", "A"]).lines().count(), 2, "its present version alone");
    home.ok(&["delete", "--purge", "--yes", "A"]);
    home.kill_daemon();
    sh(&home, "rm \"$2\"; ln -s \"$1\" \"$2\"", &[&first, &vault]);
    assert_eq!(home.ok(&["history", "A"]).lines().count(), 3);
    home.kill_daemon();
    // A whole home that is copied has its own.
    let other = Home::new();
    sh(&home, "rm \"$1\"; mv \"$2\" \"$1\"", &[&vault, &first]);
    sh(
        &home,
        "cp -a \"$1\" \"$2\" \"$3\"",
        &[&home.path("data"), &home.path("config"), &other.path("")],
    );
    home.ok(&["list"]);
    assert_eq!(other.ok(&["history", "A"]).lines().count(), 3);
    other.ok(&["delete", "--purge", "--yes", "A"]);
    assert_eq!(home.ok(&["history", "A"]).lines().count(), 3);
}
