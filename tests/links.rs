//! No directory of the vault or of its history is entered through a link, no matter who made it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::doctor;
use crate::harness::{Home, Layout, Said, make_folder, need, said};

/// Every file below a directory, without following a link.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(files(&entry.path()));
        } else if kind.is_file() {
            found.insert(entry.path(), fs::read(entry.path()).unwrap());
        }
    }
    found
}

/// A directory that belongs to something else, with files that look like versions.
fn outside(home: &Home) -> PathBuf {
    let outside = home.path("outside");
    make_folder(&outside, 0o777);
    for name in ["", "A", "B"] {
        fs::create_dir_all(outside.join(name)).unwrap();
        for number in 1..=20 {
            fs::write(outside.join(name).join(format!("{number}.age")), "not ours").unwrap();
        }
    }
    outside
}

/// How many earlier versions a secret has.
fn versions(home: &Home, name: &str) -> usize {
    home.ok(&["history", name]).lines().skip(2).count()
}

/// Everything that changes a history.
fn change_everything(home: &Home) {
    for value in 0..12 {
        assert!(home.set("A", value.to_string()).status.success());
    }
    home.ok(&["restore", "A"]);
    home.ok(&["key", "rotate"]);
    home.ok(&["delete", "--purge", "--yes", "A"]);
}

/// A home whose secret B has ten earlier versions.
fn home(layout: Layout) -> Home {
    let home = Home::of(layout);
    for value in 1..=12 {
        assert!(home.set("B", value.to_string()).status.success());
    }
    assert!(home.set("A", "one").status.success());
    home
}

fn git(home: &Home, folder: &Path, args: &[&str]) -> Said {
    let mut git = home.foreign("git");
    git.args(["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]);
    said(git.args(args).current_dir(folder))
}

#[test]
fn a17_a_link_that_a_pull_brings_into_the_vault_reaches_no_history() {
    if !need::tool("git") {
        return;
    }
    let home = home(Layout::Together);
    let outside = outside(&home);
    let before = files(&outside);
    let ok = |folder: &Path, args: &[&str]| {
        let said = git(&home, folder, args);
        assert!(said.status.success(), "git {args:?}: {said:?}");
    };
    let (vault, evil) = (home.vault(), home.path("evil"));
    ok(&vault, &["init", "--quiet"]);
    ok(&vault, &["add", "--all"]);
    ok(&vault, &["commit", "--quiet", "--message", "1"]);
    ok(&vault, &["clone", "--quiet", ".", evil.to_str().unwrap()]);
    // Someone who may only write to the shared vault.
    fs::create_dir(evil.join(".history")).unwrap();
    symlink("B", evil.join(".history/A")).unwrap();
    symlink(&outside, evil.join(".history/C")).unwrap();
    ok(&evil, &["add", "--force", "--all"]);
    ok(&evil, &["commit", "--quiet", "--message", "evil"]);
    ok(&vault, &["pull", "--quiet", evil.to_str().unwrap(), "main"]);
    assert!(vault.join(".history/A").is_symlink());
    assert_eq!(versions(&home, "B"), 10);
    change_everything(&home);
    assert_eq!(versions(&home, "B"), 10);
    // By the next daemon, too.
    home.kill_daemon();
    assert!(home.set("A", "one").status.success());
    change_everything(&home);
    assert_eq!(versions(&home, "B"), 10);
    assert_eq!(files(&outside), before);
    assert!(vault.join(".history/A").is_symlink(), "left alone");
    // A pull that replaces the directory by a link.
    fs::remove_dir_all(vault.join(".history")).unwrap();
    symlink(&outside, vault.join(".history")).unwrap();
    home.kill_daemon();
    assert!(home.set("A", "one").status.success());
    change_everything(&home);
    assert_eq!((versions(&home, "B"), files(&outside)), (10, before));
    let found = doctor::looks(&mut doctor::doctor(&home));
    let told = doctor::of(&found, "history");
    assert!(told.iter().any(|one| doctor::text(one).contains("data/vault/.history")), "{told:?}");
}

#[test]
fn a17_a_link_in_the_place_of_the_history_is_refused_and_its_target_is_left_alone() {
    for &layout in Layout::all() {
        let home = home(layout);
        assert!(home.set("A", "two").status.success());
        let outside = outside(&home);
        let (before, history) = (files(&outside), home.history());
        let mut news = 0;
        for place in [history.join("A"), history.clone(), home.path("data/history")] {
            if layout == Layout::Apart && place == home.path("data/history") {
                // There a file system is mounted.
                continue;
            }
            home.ok(&["list"]);
            let away = place.with_file_name("9-away");
            fs::rename(&place, &away).unwrap();
            symlink(&outside, &place).unwrap();
            for restarted in [false, true] {
                if restarted {
                    home.kill_daemon();
                }
                let what = format!("{layout:?}, {}, {restarted}", place.display());
                for args in [
                    &["set", "A", "new"][..],
                    &["history", "A"],
                    &["delete", "A"],
                    &["delete", "--purge", "--yes", "A"],
                    &["restore", "A"],
                ] {
                    let said = home.cli(args);
                    assert_eq!(said.code(), Some(1), "{what}: {args:?}: {said:?}");
                    let told =
                        format!("{} is a symbolic link\nhelp: move it away", place.display());
                    let is_purge = args.contains(&"--purge");
                    assert!(said.err.contains(&told) || is_purge, "{what}: {args:?}: {said:?}");
                    if is_purge {
                        // The secret itself is gone then; its history is not.
                        assert!(home.set("A", "one").status.success());
                    }
                }
                // What needs no history is done.
                news += 1;
                assert!(home.set(&format!("NEW{news}"), "x").status.success(), "{what}");
                assert_eq!(files(&outside), before, "{what}");
            }
            let found = doctor::looks(&mut doctor::doctor(&home));
            let modes = doctor::of(&found, "modes");
            let is_of_target = |one: &&serde_json::Value| !one["fix"].is_null();
            assert!(!modes.iter().any(is_of_target), "a command for what is not ours: {modes:?}");
            let told = &doctor::of(&found, "history")[0];
            assert_eq!(told["state"], "error", "{told}");
            assert!(doctor::text(told).contains("symbolic link"), "{told}");
            fs::remove_file(&place).unwrap();
            fs::rename(&away, &place).unwrap();
            assert!(home.set("A", "again").status.success());
            assert_eq!(versions(&home, "B"), 10);
        }
        assert!(doctor::is_ok(&doctor::looks(&mut doctor::doctor(&home)), "history"));
    }
}

#[test]
fn a17_what_is_not_a_file_is_no_version_and_is_left_alone() {
    for &layout in Layout::all() {
        let home = home(layout);
        let outside = outside(&home);
        let before = files(&outside);
        assert!(home.set("A", "two").status.success());
        let history = home.history().join("A");
        symlink(outside.join("1.age"), history.join("2.age")).unwrap();
        symlink("../B/5.age", history.join("3.age")).unwrap();
        mknodat(CWD, history.join("4.age"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        fs::create_dir(history.join("5.age")).unwrap();
        assert_eq!(versions(&home, "A"), 1, "{layout:?}");
        assert_eq!(home.cli(&["restore", "A", "--version", "2"]).code(), Some(1));
        let found = doctor::looks(&mut doctor::doctor(&home));
        let told = doctor::of(&found, "history");
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(told.iter().all(|one| one["state"] == "error"), "{told:?}");
        change_everything(&home);
        for left in ["2.age", "3.age", "4.age", "5.age"] {
            assert!(fs::symlink_metadata(history.join(left)).is_ok(), "{layout:?}: {left}");
        }
        assert_eq!((versions(&home, "B"), files(&outside)), (10, before));
    }
}

#[test]
fn a17_a_link_in_the_place_of_a_file_of_the_vault_is_never_followed() {
    for &layout in Layout::all() {
        let home = home(layout);
        let target = home.write("target", "not ours");
        let link = |file: &str| {
            let _ = fs::remove_file(home.vault().join(file));
            symlink(&target, home.vault().join(file)).unwrap();
        };
        for file in [".gitignore", ".gitattributes"] {
            link(file);
        }
        home.kill_daemon();
        link("A.age");
        assert!(home.set("A", "new").status.success(), "{layout:?}");
        assert!(!home.vault().join("A.age").is_symlink());
        link("A.age");
        home.ok(&["delete", "A"]);
        assert!(home.set("A", "new").status.success(), "{layout:?}");
        mknodat(CWD, home.secret_file("FIFO"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        assert!(home.set("FIFO", "new").status.success(), "{layout:?}");
        // Without its list or its id the vault cannot be used, which is reported.
        fs::remove_dir_all(home.vault().join(".members")).unwrap();
        link(".members");
        let refused = home.set("A", "newer");
        assert!(!refused.status.success() && refused.err.contains(".members"), "{refused:?}");
        assert_eq!(fs::read(&target).unwrap(), b"not ours", "{layout:?}");
    }
}
