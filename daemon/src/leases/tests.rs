use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use fluvio_secret_system::file_system::is_in_memory;

use super::{KnownLease, LeaseInfo, LeaseTable, LeasedSecret};
use crate::lease_files::is_held;
use crate::lease_info::LeasedState;

struct Memory(tempfile::TempDir);

impl Memory {
    /// A directory of our own on a tmpfs.
    fn new() -> Self {
        let made = tempfile::Builder::new().prefix("fs-").tempdir_in("/dev/shm");
        Self(made.expect("these tests need a tmpfs at /dev/shm that you may write to (mode 1777)"))
    }

    fn leases(&self) -> LeaseTable {
        self.leases_of("/a/vault")
    }

    fn leases_of(&self, vault: &str) -> LeaseTable {
        let mut leases = LeaseTable::new(Path::new(vault), Some(self.0.path().to_owned()));
        leases.places.keep_first();
        leases
    }

    fn entries(&self) -> usize {
        fs::read_dir(self.0.path()).expect("a folder").count()
    }
}

fn leased(name: &str, state: LeasedState) -> LeasedSecret {
    let name = name.parse().expect("a name");
    LeasedSecret { name, given: 1, in_file: 1, in_template: false, from_personal: false, state }
}

fn make(leases: &LeaseTable) -> KnownLease {
    let about = LeaseInfo {
        since: 7,
        connector: Some("cat-facts".into()),
        config: "/c.yaml".into(),
        secrets: vec![leased("A", LeasedState::Current)],
        parent: None,
    };
    leases.make(about, b"A=cnry\n").expect("a lease")
}

fn hold(lease: &KnownLease) -> fs::File {
    fs::OpenOptions::new().write(true).open(&lease.hold).expect("the write end")
}

fn not_here(why: &str) {
    let _ = writeln!(std::io::stderr(), "not here: {why}");
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("a file").mode() & 0o7777
}

#[test]
fn e6_a_lease_is_ours_alone_and_leaves_nothing() {
    let memory = Memory::new();
    let leases = memory.leases();
    let lease = make(&leases);
    assert_eq!(fs::read(&lease.secrets).expect("a file"), b"A=cnry\n");
    let folder = lease.secrets.parent().expect("a folder");
    assert_eq!((mode(&lease.secrets), mode(folder)), (0o400, 0o700));
    assert_eq!(mode(&lease.hold), 0o600);
    let about = fs::read_to_string(folder.join("about.json")).expect("a file");
    assert!(!about.contains("cnry"), "{about}");
    assert!(leases.remove(&lease.id) && !leases.remove(&lease.id));
    assert_eq!(memory.entries(), 0, "not even the folders");
}

#[test]
fn e6_who_has_the_write_end_holds_it() {
    let memory = Memory::new();
    let leases = memory.leases();
    let lease = make(&leases);
    let watch = leases.watch(&lease.id).expect("something to watch");
    assert!(leases.watch(&lease.id).is_none(), "it is watched");
    assert!(!is_held(&watch.reader), "nobody was there yet");
    let (one, two) = (hold(&lease), hold(&lease));
    assert!(is_held(&watch.reader));
    drop(one);
    assert!(is_held(&watch.reader));
    drop(two);
    assert!(!is_held(&watch.reader));
}

#[test]
fn e6_a_later_daemon_takes_over_what_is_held_and_removes_the_rest() {
    let memory = Memory::new();
    let earlier = memory.leases();
    let (held, free) = (make(&earlier), make(&earlier));
    let holder = hold(&held);
    drop(earlier);
    let later = memory.leases();
    assert_eq!(later.adopt(), std::slice::from_ref(&held.id));
    assert!(held.secrets.exists() && !free.secrets.exists());
    let told = later.all();
    assert_eq!(told[0].about.connector.as_deref(), Some("cat-facts"));
    drop(later);
    // One of which nothing is known is held all the same.
    let about = held.secrets.with_file_name("about.json");
    fs::remove_file(&about).expect("removed");
    fs::write(&about, "of another release").expect("a file");
    let later = memory.leases();
    assert_eq!(later.adopt(), std::slice::from_ref(&held.id));
    assert_eq!(later.all()[0].about.connector, None);
    drop(later);
    // Nor does it count that a daemon was killed while it took the lease over.
    let closed = held.hold.with_file_name("hold.closed");
    fs::rename(&held.hold, closed).expect("renamed");
    let later = memory.leases();
    assert_eq!(later.adopt(), std::slice::from_ref(&held.id));
    assert!(held.hold.exists());
    drop((holder, later));
    assert!(memory.leases().adopt().is_empty());
    assert_eq!(memory.entries(), 0);
}

#[test]
fn e6_a_lease_without_a_holder_cannot_be_held_once_a_later_daemon_removes_it() {
    let memory = Memory::new();
    // The launcher opens the FIFO while the later daemon looks for holders, again and again. It
    // starts a connector if it has opened both ends.
    for _ in 0..200 {
        let lease = make(&memory.leases());
        let open = |end| {
            let flags = end | rustix::fs::OFlags::NONBLOCK;
            rustix::fs::open(&lease.hold, flags, rustix::fs::Mode::empty()).ok()
        };
        let late = || {
            let writer = open(rustix::fs::OFlags::WRONLY)?;
            Some((writer, open(rustix::fs::OFlags::RDONLY)))
        };
        let (late, adopted) = std::thread::scope(|scope| {
            let late = scope.spawn(late);
            let later = memory.leases();
            let adopted = later.adopt();
            (late.join().expect("it ends"), adopted.contains(&lease.id))
        });
        let is_held = late.as_ref().is_some_and(|(_, reader)| reader.is_some());
        assert!(adopted || !is_held, "a connector starts with a lease that is removed");
        assert!(late.is_some() || !adopted, "a lease stays that was never held");
        assert_eq!(lease.secrets.exists(), adopted);
    }
}

#[test]
fn e18_two_vaults_of_one_user_make_and_remove_leases_at_once() {
    let memory = Memory::new();
    std::thread::scope(|scope| {
        for vault in ["/one/vault", "/another/vault"] {
            let leases = memory.leases_of(vault);
            // As a watcher does that has removed an earlier lease of the same vault.
            let place = leases.places.first().to_owned();
            scope.spawn(move || {
                for _ in 0..10_000 {
                    fluvio_secret_protocol::lease::remove_empty_above(&place.join("earlier"));
                }
            });
            scope.spawn(move || {
                for _ in 0..3000 {
                    let lease = make(&leases);
                    assert!(lease.secrets.starts_with(leases.places.first()), "{lease:?}");
                    assert!(leases.remove(&lease.id));
                }
            });
        }
    });
    assert_eq!(memory.entries(), 0);
}

#[test]
fn leases_with_earlier_values_are_found_by_their_secrets() {
    use LeasedState::{Current, Stale, Updated};
    let memory = Memory::new();
    let leases = memory.leases();
    let make = |connector: &str, since, parent, secrets: &[(&str, LeasedState)]| {
        let secrets = secrets.iter().map(|(name, state)| leased(name, *state)).collect();
        let connector = Some(connector.to_owned());
        leases.make(LeaseInfo { since, connector, secrets, parent, ..LeaseInfo::default() }, b"")
    };
    make("older", 1, None, &[("A", Stale), ("B", Updated), ("D", Current)]).expect("a lease");
    make("newer", 2, Some(7), &[("B", Updated)]).expect("a lease");
    let found = |names: &[&str], restarts: i32| {
        let names: Vec<_> = names.iter().map(|name| name.parse().expect("a name")).collect();
        let found = leases.with_earlier(&names, false, |parent| parent == restarts).into_iter();
        found.map(|lease| (lease.connector.expect("a name"), lease.updated)).collect::<Vec<_>>()
    };
    let lease = |connector: &str, updated| (connector.to_owned(), updated);
    assert_eq!(found(&["A", "C"], 0), [lease("older", false)]);
    assert_eq!(found(&["B"], 0), [lease("newer", true), lease("older", true)]);
    assert_eq!(found(&["B"], 7), [lease("older", true)]);
    assert_eq!(found(&["A", "B"], 7), [lease("older", false)]);
    assert!(found(&["C", "D"], 0).is_empty() && found(&[], 0).is_empty());
}

#[test]
fn a_secrets_file_is_replaced_whole_and_a_later_daemon_knows_it() {
    let memory = Memory::new();
    let leases = memory.leases();
    let lease = make(&leases);
    let holder = hold(&lease);
    let opened = fs::File::open(&lease.secrets).expect("a file");
    // A daemon was killed while it replaced the file.
    fs::write(lease.secrets.with_file_name("secrets.txt.new"), "A=half").expect("a file");
    leases.replace_secrets(&lease.id, b"A=two\n").expect("replaced");
    assert_eq!(std::io::read_to_string(opened).expect("text"), "A=cnry\n", "the file before");
    let now = leases.read_secrets(&lease.id).expect("a file").expect("a lease");
    assert_eq!(*now, b"A=two\n");
    assert_eq!(mode(&lease.secrets), 0o400);
    let secrets = vec![LeasedSecret { in_file: 2, ..leased("A", LeasedState::Updated) }];
    leases.update(&lease.id, secrets.clone()).expect("written");
    drop(leases);
    let later = memory.leases();
    later.adopt();
    let known = &later.all()[0].about.secrets[0];
    assert_eq!((known.given, known.in_file), (1, 2));
    // Of a lease that is gone, nothing is made again.
    assert!(later.remove(&lease.id));
    later.replace_secrets(&lease.id, b"A=three\n").expect("nothing to do");
    later.update(&lease.id, secrets).expect("nothing to do");
    assert!(later.read_secrets(&lease.id).expect("nothing to do").is_none());
    assert_eq!(memory.entries(), 0);
    drop(holder);
}

#[test]
fn a_folder_that_another_user_made_first_is_told_with_a_way_out() {
    let memory = Memory::new();
    let leases = memory.leases();
    let ours = leases.places.first().parent().expect("a folder").to_owned();
    fs::create_dir(&ours).expect("a folder");
    if !rustix::process::geteuid().is_root() {
        not_here("only root can give a folder away");
        return;
    }
    std::os::unix::fs::chown(&ours, Some(65_534), None).expect("given away");
    let error = leases.make(LeaseInfo::default(), b"cnry").expect_err("refused").to_string();
    assert!(error.ends_with("the directory for leases, belongs to uid 65534"), "{error}");
}

#[test]
fn e6_a_disk_is_refused() {
    // The sources may be read-only, and each of the other directories may be a tmpfs.
    let folders = [env!("CARGO_MANIFEST_DIR"), "/var/tmp", "/tmp"];
    let disk = folders.into_iter().filter_map(|folder| tempfile::tempdir_in(folder).ok());
    let disk = disk.into_iter().find(|folder| !is_in_memory(folder.path()).unwrap_or(true));
    let Some(disk) = disk else {
        not_here("no folder on a disk may be written to");
        return;
    };
    let mut leases = LeaseTable::new(Path::new("/a/vault"), Some(disk.path().to_owned()));
    leases.places.keep_first();
    let about = LeaseInfo { since: 7, ..LeaseInfo::default() };
    let error = leases.make(about.clone(), b"cnry").expect_err("refused").to_string();
    assert!(error.contains("no file system in memory"), "{error}");
    assert_eq!(fs::read_dir(disk.path()).expect("a folder").count(), 0);
    // Nor by a link in its place.
    let memory = Memory::new();
    let leases = memory.leases();
    let ours = leases.places.first().parent().expect("a folder").to_owned();
    let private = fs::Permissions::from_mode(0o700);
    fs::create_dir(disk.path().join("x")).expect("a folder");
    fs::set_permissions(disk.path().join("x"), private).expect("ours alone");
    std::os::unix::fs::symlink(disk.path().join("x"), ours).expect("a link");
    let error = leases.make(about, b"cnry").expect_err("refused").to_string();
    assert!(error.contains("no file system in memory"), "{error}");
}
