//! `vault upgrade`: what an early version wrote without a signature is signed once, with consent.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::harness::pty::Pty;
use crate::harness::{Home, Said, said};

/// A home as an early version left it, with `A` and an earlier version of it, and `B`.
fn early() -> Home {
    let home = Home::new();
    for value in ["earlier", "one"] {
        home.ok(&["set", "A", value]);
    }
    home.ok(&["set", "B", "two"]);
    home.ok(&["daemon", "stop"]);
    unsigned(&home, &home.secret_file("A"), "A", "one");
    unsigned(&home, &home.history().join("A/1.age"), "A", "earlier");
    unsigned(&home, &home.secret_file("B"), "B", "two");
    fs::remove_file(home.path("config/signed-only")).unwrap();
    home
}

/// Writes a file of format 1.
fn unsigned(home: &Home, file: &Path, name: &str, value: &str) {
    let identity = fs::read_to_string(home.path("config/identity.txt")).unwrap();
    let recipient = identity.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    let recipient: age::x25519::Recipient = recipient.parse().unwrap();
    let recipients = std::iter::once(&recipient as &dyn age::Recipient);
    let mut encrypted = Vec::new();
    let encryptor = age::Encryptor::with_recipients(recipients).unwrap();
    let mut writer = encryptor.wrap_output(&mut encrypted).unwrap();
    let head =
        format!("{{\"format\":1,\"name\":\"{name}\",\"set_at\":\"2026-01-02T03:04:05Z\"}}\n");
    writer.write_all(head.as_bytes()).unwrap();
    writer.write_all(value.as_bytes()).unwrap();
    writer.finish().unwrap();
    fs::write(file, encrypted).unwrap();
}

fn delivered(home: &Home, name: &str) -> Said {
    let config = home.config(&[name]);
    said(&mut home.run(&config, &["--as-is"], &["printenv", name]))
}

#[test]
fn what_has_no_signature_is_signed_once_and_refused_from_then_on() {
    let home = early();
    // Until then it works as before.
    assert_eq!(delivered(&home, "A").out, "one\n");
    let asked = home.cli_apart(&["vault", "upgrade"]);
    assert_eq!(asked.code(), Some(1), "{asked:?}");
    assert!(asked.err.contains("only if no one else could change the files"), "{asked:?}");
    assert!(asked.err.contains("--yes"), "{asked:?}");
    let signed = home.ok(&["vault", "upgrade", "--yes"]);
    assert!(signed.contains("2 secrets and 1 earlier version signed"), "{signed}");
    assert_eq!(delivered(&home, "A").out, "one\n");
    home.ok(&["restore", "A"]);
    assert_eq!(delivered(&home, "A").out, "earlier\n");
    let again = home.ok(&["vault", "upgrade", "--yes", "personal"]);
    assert!(again.contains("0 secrets and 0 earlier versions signed"), "{again}");

    unsigned(&home, &home.secret_file("B"), "B", "cnry-of another");
    let refused = delivered(&home, "B");
    assert_eq!(refused.code(), Some(125), "{refused:?}");
    assert!(refused.err.contains("not signed"), "{refused:?}");
    assert!(!refused.err.contains("cnry"), "{refused:?}");
}

#[test]
fn the_upgrade_is_of_the_vault_that_is_named_and_asks_on_a_terminal() {
    let home = Home::new();
    fs::create_dir(home.path("weather")).unwrap();
    home.ok(&["vault", "init", "weather"]);
    home.ok(&["set", "A", "one", "--vault", "weather"]);
    unsigned(&home, &home.path("weather/.fluvio-secret/A.age"), "A", "project's");
    let value = || {
        let config = home.config(&["A"]);
        said(&mut home.run(&config, &["--as-is", "--vault", "weather"], &["printenv", "A"]))
    };
    assert_eq!(value().code(), Some(125));
    let personal = home.ok(&["vault", "upgrade", "--yes"]);
    assert!(personal.contains("0 secrets"), "{personal}");
    for (answer, status) in [("n\r", 1), ("y\r", 0)] {
        let mut upgrade = home.command("fluvio-secret");
        let mut pty = Pty::start(upgrade.args(["vault", "upgrade", "weather"]));
        pty.expect("refuse unsigned files from now on? [y/N]");
        pty.type_keys(answer);
        assert_eq!(pty.child.wait().unwrap().code(), Some(status));
    }
    assert_eq!(value().out, "project's\n");
}
