//! The leases of a vault: secrets files in memory, each for as long as a process holds it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fluvio_secret_protocol::lease::{HOLD, SECRETS};
use fluvio_secret_protocol::{HeldLease, SecretName, limits};
use fluvio_secret_vault::Given;
use rustix::rand::{GetRandomFlags, getrandom};
use tokio::sync::oneshot;

use crate::lease_files::{self, LeaseInfo};
use crate::lease_places::{LeaseError, LeasePlaces};

#[derive(Debug)]
pub(crate) struct LeaseTable {
    places: LeasePlaces,
    /// By id. The lock also keeps a lease from being made in a directory that is being removed as empty.
    entries: Mutex<BTreeMap<String, LeaseEntry>>,
}

#[derive(Debug)]
struct LeaseEntry {
    directory: PathBuf,
    about: LeaseInfo,
    /// What to watch, until it is watched.
    watch: Option<LeaseWatch>,
    /// Dropped with the lease, which ends the watch.
    _ended: oneshot::Sender<()>,
}

/// A lease as clients see it.
#[derive(Clone, Debug)]
pub(crate) struct KnownLease {
    pub(crate) id: String,
    pub(crate) secrets: PathBuf,
    pub(crate) hold: PathBuf,
    pub(crate) about: LeaseInfo,
}

/// What to watch of a lease.
#[derive(Debug)]
pub(crate) struct LeaseWatch {
    /// The read end of the FIFO, non-blocking.
    pub(crate) reader: OwnedFd,
    /// Completes when the lease is removed in another way.
    pub(crate) ended: oneshot::Receiver<()>,
}

impl LeaseTable {
    /// The leases of the vault at this path.
    pub(crate) fn new(vault: &Path, runtime: Option<PathBuf>) -> Self {
        Self { places: LeasePlaces::of(vault, runtime), entries: Mutex::default() }
    }

    /// Takes over the leases of a daemon that is gone, and removes those that no process holds. Returns the
    /// ids of those that are held.
    pub(crate) fn adopt(&self) -> Vec<String> {
        let mut entries = self.entries();
        for directory in self.places.leases() {
            let Some(id) = directory.file_name().and_then(|name| name.to_str()) else { continue };
            match lease_files::take_over(&directory) {
                Some((about, reader)) => {
                    let id = id.to_owned();
                    entries.insert(id, LeaseEntry::new(directory, about, reader));
                }
                None => lease_files::remove(&directory),
            }
        }
        self.places.remove_empty();
        entries.keys().cloned().collect()
    }

    /// Makes a lease. No process holds it yet.
    pub(crate) fn make(&self, about: LeaseInfo, secrets: &[u8]) -> Result<KnownLease, LeaseError> {
        let mut entries = self.entries();
        let id = random_id().map_err(LeaseError::Random)?;
        let directory = self.places.new_directory(&id)?;
        let reader = lease_files::make(&directory, &about, secrets).map_err(|source| {
            lease_files::remove(&directory);
            LeaseError::Io { path: directory.clone(), source }
        })?;
        let entry = LeaseEntry::new(directory, about, reader);
        let lease = entry.known(&id);
        entries.insert(id, entry);
        Ok(lease)
    }

    /// All leases, the oldest first.
    pub(crate) fn all(&self) -> Vec<KnownLease> {
        let entries = self.entries();
        let mut leases: Vec<_> = entries.iter().map(|(id, entry)| entry.known(id)).collect();
        leases.sort_by_key(|lease| lease.about.since);
        leases
    }

    /// What leases have of these secrets.
    pub(crate) fn given(&self, names: &[SecretName]) -> Vec<Given> {
        let entries = self.entries();
        let given = entries.values().flat_map(|entry| entry.about.given());
        given.filter(|(name, _)| names.contains(name)).collect()
    }

    /// Remembers that the value with the fingerprint `before` now has the fingerprint `after`.
    pub(crate) fn keep_value(&self, name: &SecretName, before: u64, after: u64) {
        for entry in self.entries().values_mut() {
            entry.about.keep_value(name, before, after);
        }
    }

    /// The leases that have one of these values, newest first; without those whose connector is started again
    /// by a parent that learns of a change.
    pub(crate) fn with_any(
        &self,
        outdated: &BTreeSet<Given>,
        starts_again: impl Fn(i32) -> bool,
    ) -> Vec<HeldLease> {
        let has_any = |about: &LeaseInfo| about.given().any(|given| outdated.contains(&given));
        let stays = |about: &LeaseInfo| !about.parent.is_some_and(&starts_again);
        let leases = self.all().into_iter().rev();
        let leases = leases.filter(|lease| has_any(&lease.about) && stays(&lease.about));
        let listed = leases.take(limits::LISTED_GRANTS).map(|lease| HeldLease {
            id: lease.id,
            connector: lease.about.connector,
            config: lease.about.config,
        });
        listed.collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.entries().len()
    }

    /// What to watch of a lease; `None` if it is gone, or watched already.
    pub(crate) fn watch(&self, id: &str) -> Option<LeaseWatch> {
        self.entries().get_mut(id)?.watch.take()
    }

    /// Removes a lease, and returns whether it was there.
    pub(crate) fn remove(&self, id: &str) -> bool {
        let mut entries = self.entries();
        let Some(entry) = entries.remove(id) else { return false };
        lease_files::remove(&entry.directory);
        true
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, LeaseEntry>> {
        // Each change is one call of the map, so a panic leaves it whole.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LeaseEntry {
    fn new(directory: PathBuf, about: LeaseInfo, reader: OwnedFd) -> Self {
        let (sender, ended) = oneshot::channel();
        Self { directory, about, watch: Some(LeaseWatch { reader, ended }), _ended: sender }
    }

    fn known(&self, id: &str) -> KnownLease {
        KnownLease {
            id: id.to_owned(),
            secrets: self.directory.join(SECRETS),
            hold: self.directory.join(HOLD),
            about: self.about.clone(),
        }
    }
}

fn random_id() -> io::Result<String> {
    let mut bytes = [0; 6];
    getrandom(&mut bytes, GetRandomFlags::empty())?;
    let id: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    debug_assert!(id.len() <= limits::LEASE_ID_BYTES);
    Ok(id)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::Path;

    use fluvio_secret_system::file_system::is_in_memory;

    use super::{KnownLease, LeaseInfo, LeaseTable};
    use crate::lease_files::is_held;

    struct Memory(tempfile::TempDir);

    impl Memory {
        /// A directory of our own on a tmpfs.
        fn new() -> Self {
            let made = tempfile::Builder::new().prefix("fs-").tempdir_in("/dev/shm");
            Self(
                made.expect(
                    "these tests need a tmpfs at /dev/shm that you may write to (mode 1777)",
                ),
            )
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

    fn make(leases: &LeaseTable) -> KnownLease {
        let about = LeaseInfo {
            since: 7,
            connector: Some("cat-facts".into()),
            config: "/c.yaml".into(),
            names: vec!["A".parse().expect("a name")],
            fingerprints: vec![1],
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
    fn leases_are_found_by_their_secrets() {
        let memory = Memory::new();
        let leases = memory.leases();
        let name = |name: &str| name.parse().expect("a name");
        let make = |connector: &str, names: &[&str], since, parent| {
            let names: Vec<_> = names.iter().map(|text| name(text)).collect();
            let connector = Some(connector.to_owned());
            let fingerprints = vec![1; names.len()];
            let about =
                LeaseInfo { since, connector, names, fingerprints, parent, ..LeaseInfo::default() };
            leases.make(about, b"").expect("a lease")
        };
        make("older", &["A", "B"], 1, None);
        make("newer", &["B"], 2, Some(7));
        let found = |names: &[&str], restarts: i32| {
            let outdated = names.iter().map(|text| (name(text), Some(1))).collect();
            let found = leases.with_any(&outdated, |parent| parent == restarts);
            found.into_iter().filter_map(|lease| lease.connector).collect::<Vec<_>>()
        };
        assert_eq!(found(&["A", "C"], 0), ["older"]);
        assert_eq!(found(&["B"], 0), ["newer", "older"]);
        assert_eq!(found(&["B"], 7), ["older"]);
        assert!(found(&["C"], 0).is_empty() && found(&[], 0).is_empty());
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
        // Who may not write to the sources may write to the one, and who is on a tmpfs to the other.
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
}
