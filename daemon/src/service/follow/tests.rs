use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use fluvio_secret_protocol::{
    CreateLease, Delete, EndLease, Grant, Import, Lease, Restore, Rotate, Secret, Set,
};

use super::follow;
use crate::lease_info::LeasedState::{self, Current, Stale, Updated};
use crate::service::tests::{Home, grant_of, secret};

/// `A` by a map, and `T` by a template.
const CONFIG: &str = "apiVersion: 0.1.0
meta: {version: 0.1.0, name: c, type: t, topic: t, secrets: [{name: T}]}
x: [{secret: {name: A}}, '${{ secrets.T }}']
";

/// A home with a lease, which no process holds and no task watches.
struct Leased {
    home: Home,
    lease: Lease,
}

impl Leased {
    fn new() -> Self {
        let home = Home::new();
        home.set("A", b"one");
        home.set("T", b"one");
        let grant = Grant { label: "/c.yaml".into(), program: "cdk".into(), ..grant_of(CONFIG) };
        let leased = home.call(CreateLease(grant)).expect("a lease").expect("no finding");
        Self { home, lease: leased.lease.expect("secrets") }
    }

    fn file(&self) -> String {
        fs::read_to_string(&self.lease.secrets).expect("a secrets file")
    }

    /// What is known of a secret.
    fn state(&self, name: &str) -> LeasedState {
        let lease = self.home.service.leases.all().remove(0);
        let found = lease.about.secrets.into_iter().find(|one| one.name == secret(name));
        found.expect("a secret of the lease").state
    }

    /// The events of the audit log after those of the beginning, with their names.
    fn events(&self) -> Vec<String> {
        let log = self.home.audit_log();
        let event = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).expect("a line");
            let names = line["names"].as_array().expect("names").iter();
            let names: Vec<_> = names.map(|name| name.as_str().expect("a name")).collect();
            format!("{} {}", line["event"].as_str().expect("an event"), names.join(" "))
        };
        log.lines().skip(3).map(event).collect()
    }

    fn identity(&self) -> PathBuf {
        self.home.folder.path().join("identity.txt")
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        let _ = self.home.call(EndLease { id: self.lease.id.clone() });
    }
}

#[test]
fn the_file_follows_each_change_after_its_own_line() {
    let leased = Leased::new();
    // It may see one of two changes before the other.
    leased.home.service.leases.stop_watching();
    assert_eq!(leased.file(), "A=one\nT=one\n");
    leased.home.set("A", b"two");
    assert_eq!(leased.file(), "A=two\nT=one\n");
    assert_eq!((leased.state("A"), leased.state("T")), (Updated, Current));
    leased.home.call(Restore { name: secret("A"), version: None }).expect("restored");
    assert_eq!(leased.file(), "A=one\nT=one\n");
    assert_eq!(leased.state("A"), Current);
    let secrets = ["A", "T"].map(|name| (secret(name), Secret::from(b"three".to_vec()))).to_vec();
    let import = Import { secrets, overwrite: true, dry_run: false };
    leased.home.call(import).expect("imported");
    assert_eq!(leased.file(), "A=three\nT=three\n");
    // A connector renders a template only when it starts.
    assert_eq!((leased.state("A"), leased.state("T")), (Updated, Stale));
    leased.home.set("OTHER", b"one");
    let expected = [
        "set A",
        "update-lease A",
        "restore A",
        "update-lease A",
        "set A T",
        "update-lease A T",
        "set OTHER",
    ];
    assert_eq!(leased.events(), expected);
    assert!(!leased.home.audit_log().contains("three"));
}

#[test]
fn the_same_value_replaces_no_file() {
    let leased = Leased::new();
    leased.home.set("A", b"one");
    leased.home.call(Rotate { drop_history: false, passphrase: None }).expect("rotated");
    assert_eq!(leased.events(), ["set A", "rotate "]);
    assert_eq!((leased.state("A"), leased.state("T")), (Current, Current));
    // The next daemon knows the new encrypted bytes.
    let about = PathBuf::from(&leased.lease.secrets).with_file_name("about.json");
    let about: serde_json::Value =
        serde_json::from_slice(&fs::read(about).expect("a file")).expect("JSON");
    let fingerprint = leased.home.service.vault.fingerprints().of(&secret("A"));
    assert_eq!(about["secrets"][0]["in_file"].as_u64(), fingerprint, "{about}");
}

#[test]
fn what_the_file_cannot_carry_or_is_deleted_stays_in_it() {
    let leased = Leased::new();
    leased.home.set("A", b"two\nlines");
    assert_eq!((&*leased.file(), leased.state("A")), ("A=one\nT=one\n", Stale));
    leased.home.set("A", b"two");
    assert_eq!((&*leased.file(), leased.state("A")), ("A=two\nT=one\n", Updated));
    leased.home.call(Delete { name: secret("A"), purge: false }).expect("deleted");
    assert_eq!((&*leased.file(), leased.state("A")), ("A=two\nT=one\n", Stale));
    leased.home.set("A", b"one");
    assert_eq!((&*leased.file(), leased.state("A")), ("A=one\nT=one\n", Current));
}

#[test]
fn d13_nothing_follows_while_the_vault_is_locked() {
    let leased = Leased::new();
    let key = fs::read(leased.identity()).expect("a key");
    fs::write(leased.identity(), "age-encryption.org/v1\n-> scrypt x 18\n").expect("locked");
    leased.home.set("A", b"two");
    assert_eq!((&*leased.file(), leased.state("A")), ("A=one\nT=one\n", Stale));
    fs::write(leased.identity(), key).expect("unlocked");
    follow(&leased.home.service, None);
    assert_eq!((&*leased.file(), leased.state("A")), ("A=two\nT=one\n", Updated));
}

#[test]
fn d10_without_its_line_no_file_is_replaced() {
    let leased = Leased::new();
    let change = Set { name: secret("A"), value: Secret::from(b"two".to_vec()) };
    // What is set by another program has no line of its own, and here none can be written.
    leased.home.service.leases.stop_watching();
    let file = leased.home.folder.path().join("vault/A.age");
    let one = fs::read(&file).expect("a file");
    leased.home.call(change).expect("set");
    let log = leased.home.folder.path().join("audit.log");
    fs::remove_file(&log).expect("removed");
    fs::create_dir(&log).expect("a directory in its place");
    fs::write(&file, one).expect("written");
    follow(&leased.home.service, None);
    assert_eq!(leased.file(), "A=two\nT=one\n");
    fs::remove_dir(&log).expect("removed");
    follow(&leased.home.service, None);
    assert_eq!((&*leased.file(), leased.state("A")), ("A=one\nT=one\n", Current));
}

#[test]
fn a_file_follows_what_another_program_does() {
    let leased = Leased::new();
    let file = leased.home.folder.path().join("vault/A.age");
    let one = fs::read(&file).expect("a file");
    leased.home.set("A", b"two");
    fs::write(&file, one).expect("written");
    let deadline = Instant::now() + Duration::from_secs(30);
    while leased.file() != "A=one\nT=one\n" || leased.state("A") != Current {
        assert!(Instant::now() < deadline, "{}", leased.file());
        std::thread::yield_now();
    }
}
