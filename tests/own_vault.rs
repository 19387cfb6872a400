//! A directory that is not this machine's vault is never taken for an empty vault.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::doctor;
use crate::harness::mount::Mount;
use crate::harness::{Home, Said, eventually, is_alive, make_folder, need, said};

/// The command that errors name for a vault that is another one on purpose.
const ACCEPT: &str = "fluvio-secret daemon start --accept-vault";

/// A home with a secret that has an earlier version, without a daemon.
pub(crate) fn home() -> Home {
    let home = Home::new();
    home.ok(&["set", "A", "earlier"]);
    home.ok(&["set", "A", "one"]);
    home.ok(&["daemon", "stop"]);
    home
}

/// What a connector gets.
pub(crate) fn delivered(home: &Home, name: &str) -> Said {
    let config = home.config(&[name]);
    let script = format!("printf %s \"${name}\"");
    said(&mut home.run(&config, &["--as-is"], &["sh", "-c", &script]))
}

pub(crate) fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success(), "{} to {}", from.display(), to.display());
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(contents(&entry.path())),
            false => _ = found.insert(entry.path(), fs::read(entry.path()).unwrap()),
        }
    }
    found
}

/// Every command that could take the directory for an empty vault is refused, and changes nothing.
fn all_refused(home: &Home, why: &str) {
    let other = Home::new();
    other.ok(&["set", "A", "other"]);
    let key = other.path("config/identity.txt").to_str().unwrap().to_owned();
    let file = home.write("secrets.txt", "B=new\n");
    let before = (contents(&home.path("config")), contents(&home.path("data")));
    let commands: [&[&str]; 8] = [
        &["list"],
        &["set", "B", "new"],
        &["import", "secrets.txt"],
        &["import", "--remove", "secrets.txt"],
        &["key", "rotate"],
        &["key", "use", &key],
        &["member", "admit", "--yes"],
        &["history", "A"],
    ];
    for args in commands {
        let said = home.cli(args);
        assert!(!said.status.success(), "{args:?}: {said:?}");
        assert!(said.err.contains(why) && said.err.contains(ACCEPT), "{args:?}: {said:?}");
        assert_eq!(said.out, "", "{args:?}");
    }
    let run = delivered(home, "A");
    assert_eq!(run.code(), Some(125), "{run:?}");
    assert!(file.exists(), "the file of an import that is refused stays");
    fs::remove_file(file).unwrap();
    assert_eq!((contents(&home.path("config")), contents(&home.path("data"))), before);
}

/// Puts something else in the place of a vault, and says what the errors call it.
type Replace = fn(&Home) -> &'static str;

const REPLACED: [(&str, Replace); 6] = [
    ("not mounted", |home| {
        make_folder(&home.vault(), 0o700);
        "is empty"
    }),
    ("gone", |_| "does not exist"),
    ("emptied, but for what a daemon makes", |home| {
        make_folder(&home.vault(), 0o700);
        make_folder(&home.vault().join(".history"), 0o700);
        fs::write(home.vault().join(".gitignore"), "/.lock\n").unwrap();
        fs::write(home.vault().join(".lock"), "").unwrap();
        "is empty"
    }),
    ("the vault of another machine", |home| {
        let other = Home::new();
        other.ok(&["set", "A", "other"]);
        copy(&other.vault(), &home.vault());
        "is not the vault that this machine uses"
    }),
    ("an empty vault of another machine", |home| {
        let other = Home::new();
        other.ok(&["list"]);
        copy(&other.vault(), &home.vault());
        "is not the vault that this machine uses"
    }),
    ("without its id", |home| {
        copy(&home.path("elsewhere"), &home.vault());
        fs::remove_file(home.vault().join(".vault-id")).unwrap();
        "has no .vault-id"
    }),
];

#[test]
fn a15_what_is_not_this_machines_vault_is_refused_until_the_vault_is_back() {
    for (what, replace) in REPLACED {
        let home = home();
        fs::rename(home.vault(), home.path("elsewhere")).unwrap();
        let why = replace(&home);
        all_refused(&home, why);
        let _ = fs::remove_dir_all(home.vault());
        fs::rename(home.path("elsewhere"), home.vault()).unwrap();
        assert_eq!(delivered(&home, "A").out, "one", "{what}");
        home.ok(&["key", "rotate"]);
        assert_eq!(delivered(&home, "A").out, "one", "{what}");
    }
}

#[test]
fn a15_doctor_explains_another_vault_and_names_no_command_as_its_fix() {
    for (what, replace) in REPLACED {
        let home = home();
        fs::rename(home.vault(), home.path("elsewhere")).unwrap();
        let why = replace(&home);
        let found = doctor::looks(&mut doctor::doctor(&home));
        let wrong = doctor::one(&found, "daemon");
        assert_eq!(wrong["state"], "error", "{what}");
        assert!(wrong["fix"].is_null(), "{what}: {wrong}");
        assert!(doctor::text(wrong).contains(why), "{what}: {wrong}");
        assert!(doctor::advice(wrong).contains(ACCEPT), "{what}: {wrong}");
        home.ok(&["daemon", "start", "--accept-vault"]);
        let found = doctor::looks(&mut doctor::doctor(&home));
        assert!(doctor::is_ok(&found, "daemon"), "{what}: {found:?}");
        // It is the vault of this machine from now on, and the one before is another.
        home.ok(&["list"]);
        home.ok(&["daemon", "stop"]);
        fs::rename(home.vault(), home.path("second")).unwrap();
        fs::rename(home.path("elsewhere"), home.vault()).unwrap();
        assert!(
            home.cli(&["list"]).err.contains("is not the vault that this machine uses"),
            "{what}"
        );
        home.ok(&["daemon", "start", "--accept-vault"]);
        assert_eq!(delivered(&home, "A").out, "one", "{what}");
    }
}

#[test]
fn a15_an_earlier_version_left_no_id_and_the_vault_is_known_by_what_it_has() {
    let forget = |home: &Home| {
        fs::remove_file(home.path("config/vault-id")).unwrap();
        fs::remove_file(home.vault().join(".vault-id")).unwrap();
    };
    // The vault is taken, and gets an id that is remembered.
    let home = home();
    forget(&home);
    assert_eq!(delivered(&home, "A").out, "one");
    let ids = [home.path("config/vault-id"), home.vault().join(".vault-id")];
    let ids = ids.map(|id| fs::read_to_string(id).unwrap());
    assert!(ids[0] == ids[1] && ids[0].len() == 33, "{ids:?}");
    // So it is when the last secret was deleted, with or without a history.
    home.ok(&["delete", "A", "--purge", "--yes"]);
    home.ok(&["daemon", "stop"]);
    forget(&home);
    home.ok(&["set", "B", "new"]);
    home.ok(&["daemon", "stop"]);
    // An empty directory is not.
    forget(&home);
    fs::rename(home.vault(), home.path("elsewhere")).unwrap();
    all_refused(&home, "does not exist");
    make_folder(&home.vault(), 0o700);
    all_refused(&home, "is empty");
    // Neither is it without the identity, which may be lost, too.
    fs::rename(home.path("config/identity.txt"), home.path("identity")).unwrap();
    all_refused(&home, "is empty");
    fs::rename(home.path("identity"), home.path("config/identity.txt")).unwrap();
    fs::remove_dir(home.vault()).unwrap();
    fs::rename(home.path("elsewhere"), home.vault()).unwrap();
    assert_eq!(delivered(&home, "B").out, "new");
}

#[test]
fn a15_copies_and_clones_and_backups_are_the_same_vault() {
    let ada = home();
    // A copy of everything.
    let copied = Home::new();
    for folder in ["config", "data"] {
        copy(&ada.path(folder), &copied.path(folder));
    }
    assert_eq!(delivered(&copied, "A").out, "one");
    // A backup of the vault that is put back.
    copy(&ada.vault(), &ada.path("backup"));
    ada.ok(&["set", "A", "later"]);
    ada.ok(&["daemon", "stop"]);
    fs::remove_dir_all(ada.vault()).unwrap();
    fs::rename(ada.path("backup"), ada.vault()).unwrap();
    assert_eq!(delivered(&ada, "A").out, "one");
    // A machine that has done nothing yet takes the vault that it is given, also after a first look.
    for has_looked in [false, true] {
        let bob = Home::new();
        if has_looked {
            bob.ok(&["list"]);
            bob.ok(&["daemon", "stop"]);
            fs::remove_dir_all(bob.vault()).unwrap();
        }
        fs::create_dir_all(bob.path("data")).unwrap();
        fs::set_permissions(bob.path("data"), fs::Permissions::from_mode(0o700)).unwrap();
        copy(&ada.vault(), &bob.vault());
        bob.ok(&["key", "use", ada.path("config/identity.txt").to_str().unwrap()]);
        assert_eq!(delivered(&bob, "A").out, "one");
        let ids = [&ada, &bob].map(|home| fs::read(home.path("config/vault-id")).unwrap());
        assert_eq!(ids[0], ids[1]);
    }
    // An identity that was put there before the first start: it may be a backup's, and the vault's file
    // system not mounted.
    let carl = Home::new();
    make_folder(&carl.path("config"), 0o700);
    copy(&ada.path("config/identity.txt"), &carl.path("config/identity.txt"));
    make_folder(&carl.path("data"), 0o700);
    make_folder(&carl.vault(), 0o700);
    let refused = carl.cli(&["set", "A", "first"]);
    assert!(refused.err.contains("is empty") && refused.err.contains(ACCEPT), "{refused:?}");
    carl.ok(&["daemon", "start", "--accept-vault"]);
    carl.ok(&["set", "A", "first"]);
    assert_eq!(delivered(&carl, "A").out, "first");
}

#[test]
fn a15_the_id_is_remembered_before_the_first_secret_is_acknowledged() {
    let home = Home::new();
    home.ok(&["list"]);
    // In place of the file is a directory, so the id cannot be remembered.
    make_folder(&home.path("config/vault-id"), 0o700);
    let said = home.cli(&["set", "A", "one"]);
    assert!(!said.status.success() && said.err.contains("vault-id"), "{said:?}");
    assert!(!home.secret_file("A").exists());
    fs::remove_dir(home.path("config/vault-id")).unwrap();
    home.ok(&["set", "A", "one"]);
    let ids = [home.path("config/vault-id"), home.vault().join(".vault-id")];
    let ids = ids.map(|id| fs::read(id).unwrap());
    assert_eq!(ids[0], ids[1]);
}

/// A running daemon whose vault is replaced refuses, and writes nothing there.
fn refused_by_the_daemon_that_runs(home: &Home, what: &str) {
    let daemon = home.daemon_pid().unwrap();
    let said = home.cli(&["set", "B", "new"]);
    assert!(!said.status.success() && said.err.contains(ACCEPT), "{what}: {said:?}");
    assert!(!home.secret_file("B").exists(), "{what}");
    eventually("the daemon's end", || !is_alive(daemon));
    for args in [&["list"][..], &["key", "rotate"]] {
        let said = home.cli(args);
        assert!(!said.status.success() && said.err.contains(ACCEPT), "{what}: {said:?}");
    }
}

#[test]
fn a15_the_running_daemon_notices_that_its_vault_was_replaced() {
    let home = home();
    for what in ["moved away", "replaced by an empty directory", "replaced by a link"] {
        assert_eq!(delivered(&home, "A").out, "one", "{what}");
        fs::rename(home.vault(), home.path("elsewhere")).unwrap();
        match what {
            "replaced by an empty directory" => make_folder(&home.vault(), 0o700),
            "replaced by a link" => {
                make_folder(&home.path("empty"), 0o700);
                symlink(home.path("empty"), home.vault()).unwrap();
            }
            _ => {}
        }
        refused_by_the_daemon_that_runs(&home, what);
        let _ = fs::remove_dir(home.vault());
        let _ = fs::remove_file(home.vault());
        fs::rename(home.path("elsewhere"), home.vault()).unwrap();
        // The next command is enough.
        assert_eq!(delivered(&home, "A").out, "one", "{what}");
    }
}

#[test]
fn a15_the_running_daemon_notices_a_link_to_its_vault_that_leads_elsewhere() {
    let home = home();
    fs::rename(home.vault(), home.path("disk")).unwrap();
    symlink(home.path("disk"), home.vault()).unwrap();
    assert_eq!(delivered(&home, "A").out, "one");
    make_folder(&home.path("empty"), 0o700);
    fs::remove_file(home.vault()).unwrap();
    symlink(home.path("empty"), home.vault()).unwrap();
    refused_by_the_daemon_that_runs(&home, "a link");
    assert!(fs::read_dir(home.path("empty")).unwrap().next().is_none());
    // The vault that the link points to was moved, and the link with it.
    fs::rename(home.path("disk"), home.path("moved")).unwrap();
    fs::remove_file(home.vault()).unwrap();
    symlink(home.path("moved"), home.vault()).unwrap();
    assert_eq!(delivered(&home, "A").out, "one");
}

#[test]
fn a15_the_running_daemon_notices_a_file_system_on_its_vault() {
    if !need::root() {
        return;
    }
    let home = home();
    assert_eq!(delivered(&home, "A").out, "one");
    let mount = Mount::tmpfs(&home.vault(), "size=1m");
    refused_by_the_daemon_that_runs(&home, "mounted over");
    drop(mount);
    assert_eq!(delivered(&home, "A").out, "one");
    // The other way round: the vault is on the file system, which is taken away.
    copy(&home.vault(), &home.path("backup"));
    home.ok(&["daemon", "stop"]);
    fs::remove_dir_all(home.vault()).unwrap();
    make_folder(&home.vault(), 0o700);
    let mount = Mount::tmpfs(&home.vault(), "size=1m");
    copy(&home.path("backup/."), &home.vault());
    assert_eq!(delivered(&home, "A").out, "one");
    drop(mount);
    refused_by_the_daemon_that_runs(&home, "unmounted");
    assert!(fs::read_dir(home.vault()).unwrap().next().is_none(), "nothing is written below it");
    let _mount = Mount::tmpfs(&home.vault(), "size=1m");
    copy(&home.path("backup/."), &home.vault());
    assert_eq!(delivered(&home, "A").out, "one");
}

#[test]
fn a15_a_vault_that_was_replaced_by_a_copy_of_itself_works_at_once() {
    let home = home();
    let commands: [&[&str]; 3] = [&["list"], &["set", "B", "new"], &["key", "rotate"]];
    for args in commands {
        assert_eq!(delivered(&home, "A").out, "one");
        copy(&home.vault(), &home.path("copy"));
        fs::rename(home.vault(), home.path("before")).unwrap();
        fs::rename(home.path("copy"), home.vault()).unwrap();
        home.ok(args);
        assert_eq!(delivered(&home, "A").out, "one", "{args:?}");
        fs::remove_dir_all(home.path("before")).unwrap();
    }
}
