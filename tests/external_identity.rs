//! An identity that is not ours: in a file that the environment names, or on standard input.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::harness::passphrase::{seal, unlock};
use crate::harness::pty::Pty;
use crate::harness::{Home, Said, need, said};
use crate::own_vault::copy;

const VARIABLE: &str = "FLUVIO_SECRET_IDENTITY_FILE";

/// A home with the vault of another one, whose key is in a file elsewhere.
fn home_with_key() -> (Home, PathBuf) {
    let (team, home) = (Home::new(), Home::new());
    team.ok(&["set", "A", "one"]);
    team.ok(&["daemon", "stop"]);
    fs::create_dir(home.path("data")).unwrap();
    fs::set_permissions(home.path("data"), fs::Permissions::from_mode(0o700)).unwrap();
    copy(&team.vault(), &home.vault());
    copy(&team.path("config/identity.txt"), &home.path("key.txt"));
    let key = home.path("key.txt");
    (home, key)
}

/// Runs the command line with the variable.
fn with(home: &Home, identity: &Path, args: &[&str]) -> Said {
    said(home.command("fluvio-secret").args(args).env(VARIABLE, identity))
}

/// What a connector gets.
fn delivered(home: &Home, identity: &Path) -> Said {
    let config = home.config(&["A"]);
    let mut run = home.run(&config, &["--as-is"], &["printenv", "A"]);
    said(run.env(VARIABLE, identity))
}

fn refused(said: &Said, why: &str) {
    assert!(!said.status.success() && said.err.contains(why), "{why}: {said:?}");
}

/// Whether a file below a directory has this text.
fn has(directory: &Path, text: &str) -> bool {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.into_iter().any(|path| match path.is_dir() {
        true => has(&path, text),
        false => fs::read(&path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text)),
    })
}

#[test]
fn d22_an_identity_in_a_file_elsewhere_decrypts_and_is_never_copied_or_changed() {
    let (home, key) = home_with_key();
    let before = fs::read(&key).unwrap();
    assert_eq!(delivered(&home, &key).out, "one\n");
    let shown = with(&home, &key, &["status"]);
    assert!(shown.out.contains("key.txt") && shown.err.is_empty(), "{shown:?}");
    let found = with(&home, &key, &["doctor"]);
    assert!(found.out.contains(&format!("the file in {VARIABLE}")), "{found:?}");
    let other = Home::new();
    other.ok(&["set", "A", "other"]);
    let identity = other.path("config/identity.txt");
    let passphrase = home.write("passphrase", "p\n").display().to_string();
    let lock = with(&home, &key, &["lock"]);
    refused(&lock, "has no passphrase, so a lock would protect nothing");
    assert!(
        lock.err.contains("help: put a passphrase on that file, as this does: age -p"),
        "{lock:?}"
    );
    for args in [
        &["key", "rotate"][..],
        &["key", "use", identity.to_str().unwrap()],
        &["key", "passphrase", "--new-passphrase-file", &passphrase],
    ] {
        let said = with(&home, &key, args);
        refused(&said, &format!("is the file in {VARIABLE}, which is never changed"));
        assert!(said.err.contains("fluvio-secret daemon restart"), "{said:?}");
    }
    // What needs no other identity works.
    assert!(with(&home, &key, &["set", "B", "two"]).status.success());
    assert_eq!(fs::read(&key).unwrap(), before);
    assert!(!home.path("config/identity.txt").exists());
    let secret = String::from_utf8(before).unwrap();
    let secret = secret.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap();
    for directory in ["config", "data", "state"] {
        assert!(!has(&home.path(directory), secret), "{directory}");
    }
}

#[test]
fn d22_a_daemon_with_another_identity_is_reported_and_delivers_nothing() {
    let (home, key) = home_with_key();
    assert_eq!(delivered(&home, &key).out, "one\n");
    // Another file with the same key, as the next job of a CI system has.
    let other = home.path("other.txt");
    copy(&key, &other);
    let why = format!("key.txt, but {VARIABLE} is {}", other.display());
    let refusal = delivered(&home, &other);
    refused(&refusal, &why);
    assert!(refusal.err.contains("help: restart it with: fluvio-secret daemon restart"));
    let shim = said(
        home.command("fluvio-secret-shim")
            .args(["--config", "config.yaml", "--", "true"])
            .env(VARIABLE, &other),
    );
    refused(&shim, &why);
    refused(&with(&home, &other, &["list"]), &why);
    let shown = with(&home, &other, &["status"]);
    assert!(shown.status.success() && shown.err.contains(&why), "{shown:?}");
    for args in [&[][..], &["doctor"]] {
        let found = match args {
            [] => home.cli(&["doctor"]),
            args => with(&home, &other, args),
        };
        assert!(found.out.contains("it uses the identity"), "{found:?}");
        assert!(!found.out.contains(&format!("the file in {VARIABLE}")), "{found:?}");
    }
    assert!(with(&home, &other, &["daemon", "restart"]).status.success());
    assert_eq!(delivered(&home, &other).out, "one\n");
    assert_eq!(home.audit_log().iter().filter(|line| line["event"] == "grant").count(), 2);
}

#[test]
fn d22_two_paths_that_look_alike_are_two_identities() {
    let (home, key) = home_with_key();
    let at = |bytes: &[u8]| home.path("").join(OsStr::from_bytes(bytes));
    let (one, other) = (at(b"\xff.txt"), at(b"\xfe.txt"));
    copy(&key, &one);
    copy(&key, &other);
    assert_eq!(delivered(&home, &one).out, "one\n");
    let refusal = delivered(&home, &other);
    refused(&refusal, r#"\xff.txt", but"#);
    refused(&refusal, r#"\xfe.txt""#);
    refused(&with(&home, &other, &["list"]), r#"\xff.txt", but"#);
    assert_eq!(delivered(&home, &one).out, "one\n");
}

#[test]
fn d22_an_identity_elsewhere_must_exist_and_be_yours_alone() {
    let (home, key) = home_with_key();
    let missing = home.path("none.txt");
    let said = delivered(&home, &missing);
    refused(&said, "cannot read the identity");
    assert!(said.err.contains(&format!("help: correct {VARIABLE}, or unset it")), "{said:?}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    refused(&delivered(&home, &key), "others may use");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o400)).unwrap();
    // As a secret of Kubernetes is: a link, whose target changes.
    let link = home.path("link.txt");
    symlink(&key, &link).unwrap();
    assert_eq!(delivered(&home, &link).out, "one\n");
    fs::remove_file(&link).unwrap();
    refused(&delivered(&home, &link), "it does not exist");
    assert!(!home.path("config/identity.txt").exists(), "no new one takes its place");
    home.ok(&["daemon", "stop"]);
    let text = fs::read_to_string(&key).unwrap();
    let secret = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap();
    for typed in [secret.to_owned(), format!("/{secret}"), format!("{}/{secret}", key.display())] {
        let typed = Path::new(&typed);
        for said in [delivered(&home, typed), with(&home, typed, &["doctor"])] {
            refused(&said, &format!("{VARIABLE} has a key in it"));
            assert!(!said.err.contains(secret) && !said.out.contains(secret), "{said:?}");
        }
        let mut daemon = home.command("fluvio-secretd");
        let said = crate::harness::said(daemon.env(VARIABLE, typed));
        refused(&said, &format!("{VARIABLE} has a key in it"));
        assert!(!said.err.contains(secret), "{said:?}");
        assert!(!has(&home.path("state"), secret));
    }
}

#[test]
fn an_identity_elsewhere_may_have_a_passphrase() {
    let (home, key) = home_with_key();
    let sealed = seal(&fs::read(&key).unwrap(), "p1", 4);
    fs::write(&key, &sealed).unwrap();
    refused(&delivered(&home, &key), "the vault is locked");
    assert!(unlock(&home, &[], "p1").status.success());
    assert_eq!(delivered(&home, &key).out, "one\n");
    assert_eq!(fs::read(&key).unwrap(), sealed);
}

#[test]
fn a_key_is_read_from_standard_input_and_not_shown() {
    let (home, key) = home_with_key();
    let text = fs::read_to_string(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let input = |bytes: &str| {
        let file = home.write("input", bytes);
        let input = fs::File::open(&file).unwrap();
        fs::remove_file(file).unwrap();
        said(home.command("fluvio-secret").args(["key", "use", "-"]).stdin(input))
    };
    refused(&input(""), "so nothing was changed");
    refused(&input(&"x".repeat(1 << 20)), "standard input: it is too large for an identity");
    let used = input(&text);
    assert!(used.status.success(), "{used:?}");
    let config = home.config(&["A"]);
    let run = || said(&mut home.run(&config, &["--as-is"], &["printenv", "A"]));
    assert_eq!(run().out, "one\n");
    // At a terminal it is typed or pasted without being shown.
    let secret = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap();
    let mut pty = Pty::start(home.command("fluvio-secret").args(["key", "use", "-"]));
    pty.expect("Key: ");
    pty.type_keys(&format!("{secret}\n"));
    let shown = pty.expect("Identity changed to age1");
    assert!(!shown.contains(secret), "{shown}");
}

#[test]
fn d20_a_key_elsewhere_that_git_tracks_or_would_add_is_reported() {
    if !need::tool("git") {
        return;
    }
    let (home, key) = home_with_key();
    let repository = home.path("repository");
    fs::create_dir(&repository).unwrap();
    let inside = repository.join("key.txt");
    copy(&key, &inside);
    let git = |args: &[&str]| {
        let said = said(home.foreign("git").arg("-C").arg(&repository).args(args));
        assert!(said.status.success(), "{said:?}");
    };
    let found = || with(&home, &inside, &["doctor"]).out;
    git(&["init", "--quiet"]);
    assert!(found().contains("`git add` would add"), "{}", found());
    fs::write(repository.join(".gitignore"), "key.txt\n").unwrap();
    assert!(found().contains("git neither tracks a key nor would add one"), "{}", found());
    git(&["add", "--force", "key.txt"]);
    assert!(found().contains("git tracks"), "{}", found());
}
