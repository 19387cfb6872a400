//! The passphrase as a credential of the service manager.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::passphrase::{protect, unlock};
use crate::harness::{Home, Said, eventually, said};

const NAME: &str = "fluvio-secret.passphrase";
const PASSPHRASE: &str = "cnry-4f1d-passphrase";

/// A home with a secret behind a passphrase, and the directory of a unit's credentials.
fn home() -> (Home, PathBuf) {
    let home = Home::new();
    home.ok(&["set", "A", "a-value"]);
    home.ok(&["daemon", "stop"]);
    protect(&home, PASSPHRASE);
    let credentials = home.path("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::write(credentials.join(NAME), format!("{PASSPHRASE}\n")).unwrap();
    (home, credentials)
}

fn run(home: &Home, options: &[&str]) -> Command {
    let config = home.config(&["A"]);
    home.run(&config, &[&["--as-is"], options].concat(), &["printenv", "A"])
}

/// Runs a command of the unit.
fn of_unit(command: &mut Command, credentials: &Path) -> Said {
    said(command.env("CREDENTIALS_DIRECTORY", credentials))
}

fn cli(home: &Home, args: &[&str], credentials: &Path) -> Said {
    of_unit(home.command("fluvio-secret").args(args), credentials)
}

fn locked(said: &Said) {
    assert_eq!((said.code(), said.out.as_str()), (Some(125), ""), "{said:?}");
    assert!(said.err.contains("the vault is locked"), "{said:?}");
}

fn events(home: &Home) -> Vec<String> {
    let lines = home.audit_log().into_iter().skip(1);
    lines.map(|line| line["event"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn d23_a_credential_unlocks_the_vault_when_the_daemon_starts() {
    let (home, credentials) = home();
    // The first request of all does not find it locked.
    assert_eq!(of_unit(&mut run(&home, &[]), &credentials).out, "a-value\n");
    assert_eq!(events(&home), ["unlock", "grant"]);
    let daemon = home.daemon_pid().unwrap();
    assert_eq!(home.audit_log()[1]["pid"], daemon);
    let status = home.ok(&["status"]);
    assert!(status.contains("Locked    no\n"), "without a time: {status}");
    let found = home.cli(&["doctor"]).out;
    assert!(found.contains("has the credential"), "{found}");
    // It is nowhere but in the file of the unit.
    let with_it = home.files_with(PASSPHRASE);
    assert_eq!(with_it, [credentials.join(NAME)]);
    for file in ["cmdline", "environ"] {
        let text = fs::read(format!("/proc/{daemon}/{file}")).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&text).contains(PASSPHRASE));
    }
}

#[test]
fn d23_a_vault_that_is_locked_by_hand_stays_locked_until_the_daemon_starts_again() {
    let (home, credentials) = home();
    assert!(cli(&home, &["list"], &credentials).status.success());
    eventually("the unlock", || home.ok(&["status"]).contains("Locked    no"));
    home.ok(&["lock"]);
    for _ in 0..2 {
        locked(&of_unit(&mut run(&home, &[]), &credentials));
    }
    let found = home.cli(&["doctor"]).out;
    assert!(found.contains("although the daemon has the credential"), "{found}");
    assert!(unlock(&home, &[], PASSPHRASE).status.success());
    home.ok(&["lock"]);
    assert!(cli(&home, &["daemon", "restart"], &credentials).status.success());
    assert_eq!(said(&mut run(&home, &[])).out, "a-value\n");
}

#[test]
fn d23_without_a_credential_or_with_another_passphrase_the_vault_stays_locked() {
    let (home, credentials) = home();
    let path = credentials.join(NAME);
    let without = said(&mut run(&home, &[]));
    locked(&without);
    assert!(!without.err.contains("credential"), "{without:?}");
    let empty = home.path("empty");
    fs::create_dir(&empty).unwrap();
    locked(&of_unit(&mut run(&home, &["--no-daemon"]), &empty));
    home.ok(&["daemon", "stop"]);
    for other in ["cnry-other", "", "\u{fffd}", &"cnry".repeat(1 << 10)] {
        fs::write(&path, other).unwrap();
        let said = of_unit(&mut run(&home, &["--no-daemon"]), &credentials);
        locked(&said);
        let why = format!("and the credential {} did not unlock it: ", path.display());
        assert!(said.err.contains(&why) && said.err.contains("correct the credential"), "{said:?}");
    }
    // A relative path would be another directory for each program.
    let relative = of_unit(&mut run(&home, &["--no-daemon"]), Path::new("credentials"));
    locked(&relative);
    assert!(relative.err.contains("and CREDENTIALS_DIRECTORY is not an absolute"), "{relative:?}");
    fs::write(&path, b"\xff").unwrap();
    locked(&of_unit(&mut run(&home, &["--no-daemon"]), &credentials));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    locked(&of_unit(&mut run(&home, &["--no-daemon"]), &credentials));
    let log = fs::read_to_string(home.path("state/daemon.log")).unwrap();
    assert!(log.contains("does not unlock the vault: this is not the passphrase"), "{log}");
    assert!(log.contains("it is not a regular file") && !log.contains("cnry"), "{log}");
    assert!(events(&home).is_empty());
}

#[test]
fn d23_a_daemon_for_one_connector_unlocks_the_vault_too() {
    let (home, credentials) = home();
    assert_eq!(of_unit(&mut run(&home, &["--no-daemon"]), &credentials).out, "a-value\n");
    assert_eq!(events(&home), ["unlock", "grant"]);
    assert_eq!(home.daemon_pid(), None);
}
