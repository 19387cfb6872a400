//! Leases: secrets files on a tmpfs, each for as long as somebody holds it.
//!
//! A lease is a folder with three files:
//!
//! * `secrets.txt`: what a connector reads
//! * `hold`: a FIFO. Who has its write end open holds the lease; the kernel closes it with the last
//!   process, however that ends. No process id is ever looked at
//! * `about.json`: what the lease is for, without a value, for a daemon that starts later
//!
//! A lease is never on a disk. (It may be swapped, as the connector's own memory may.)

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fluvio_secret_protocol::lease::{self, ABOUT, CLOSED, HOLD, SECRETS};
use fluvio_secret_protocol::{HeldLease, SecretName, limits};
use fluvio_secret_system::private::{self, PrivateError};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, open, statfs};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use fluvio_secret_system::hash::fnv_1a;
use fluvio_secret_system::io_error::io_error_text;
use fluvio_secret_vault::Given;

/// File systems in memory: tmpfs, and ramfs, which is not even swapped (statfs(2)).
const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];

/// More than any `about.json` has: 256 names of 128 bytes with a fingerprint each, and three texts.
const MOST_BYTES: u64 = 128 << 10;

/// How often a lease's directory is tried to be made while others remove the ones around it. Each
/// needs them to be removed within the same few system calls.
const TRIES: usize = 1000;

/// What a lease is for.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct About {
    pub(crate) since: i64,
    pub(crate) connector: Option<String>,
    pub(crate) config: String,
    pub(crate) names: Vec<SecretName>,
    /// The fingerprints of the sealed bytes that their values were in, in the same order.
    #[serde(default)]
    pub(crate) fingerprints: Vec<u64>,
    /// The parent of the process that the lease was made for. Known to the daemon that made it, for
    /// messages.
    #[serde(skip)]
    pub(crate) parent: Option<i32>,
}

impl About {
    fn given(&self) -> impl Iterator<Item = Given> {
        let fingerprints =
            self.fingerprints.iter().copied().map(Some).chain(std::iter::repeat(None));
        self.names.iter().cloned().zip(fingerprints)
    }
}

/// The leases of one vault.
#[derive(Debug)]
pub(crate) struct Leases {
    /// Where they may be, the best place first.
    places: Vec<PathBuf>,
    /// Also keeps a lease from being made in a folder that is just removed because it is empty.
    held: Mutex<BTreeMap<String, Held>>,
}

#[derive(Debug)]
struct Held {
    folder: PathBuf,
    about: About,
    /// The FIFO's read end, until somebody watches it.
    reader: Option<OwnedFd>,
    /// Dropped with the lease: who watches it is told.
    _ended: oneshot::Sender<()>,
    /// The other end of that, until somebody watches.
    end: Option<oneshot::Receiver<()>>,
}

/// A lease as it is told to clients.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    pub(crate) id: String,
    pub(crate) secrets: PathBuf,
    pub(crate) hold: PathBuf,
    pub(crate) about: About,
}

/// What to watch of a lease.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The FIFO's read end, non-blocking.
    pub(crate) reader: OwnedFd,
    /// Completes when the lease is removed otherwise.
    pub(crate) ended: oneshot::Receiver<()>,
}

/// Why there is no lease.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LeaseError {
    #[error("{path}, where leases are, belongs to uid {owner}", path = .path.display())]
    Foreign { path: PathBuf, owner: u32 },
    #[error("the lease {path} cannot be made: {}", io_error_text(.source), path = .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("there is no file system in memory for a lease: neither {}", places(.0))]
    NoMemory(Vec<PathBuf>),
    #[error(transparent)]
    Private(PrivateError),
    #[error("the lease cannot be made: there are no random numbers: {0}")]
    Random(io::Error),
}

impl LeaseError {
    /// Whether a directory was gone that was there, or was made, a moment before.
    fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

impl From<PrivateError> for LeaseError {
    fn from(error: PrivateError) -> Self {
        match error {
            PrivateError::Foreign { path, owner, .. } => Self::Foreign { path, owner },
            PrivateError::Io { path, source } => Self::Io { path, source },
            error => Self::Private(error),
        }
    }
}

fn places(places: &[PathBuf]) -> String {
    places.iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join(" nor ")
}

impl Leases {
    /// The leases of a vault. Its path tells them from those of another one of the same user.
    pub(crate) fn of(vault: &Path, runtime: Option<PathBuf>) -> Self {
        let uid = rustix::process::geteuid().as_raw();
        let inside =
            format!("fluvio-secret-{uid}/{:016x}", fnv_1a(vault.as_os_str().as_encoded_bytes()));
        let login = PathBuf::from(format!("/run/user/{uid}"));
        // A client is told the path as a text.
        let runtime = runtime.filter(|path| path.to_str().is_some());
        let mut places: Vec<_> =
            runtime.into_iter().chain([login, PathBuf::from("/dev/shm")]).collect();
        places.dedup();
        let places = places.into_iter().map(|place| place.join(&inside)).collect();
        Self { places, held: Mutex::default() }
    }

    /// Takes over the leases of a daemon that is gone; removes those that nobody holds. Gives the
    /// ids of those that are held.
    pub(crate) fn adopt(&self) -> Vec<String> {
        let mut held = self.held();
        for place in &self.places {
            if !is_ours(place) {
                continue;
            }
            let Ok(entries) = fs::read_dir(place) else { continue };
            for entry in entries.flatten() {
                let folder = entry.path();
                let Ok(id) = entry.file_name().into_string() else { continue };
                match held_still(&folder) {
                    Some(lease) => drop(held.insert(id, lease)),
                    None => remove(&folder),
                }
            }
            // If a daemon was killed while it removed the last one.
            lease::remove_empty_above(&place.join("none"));
        }
        held.keys().cloned().collect()
    }

    /// Makes a lease. Nobody holds it yet.
    pub(crate) fn make(&self, about: About, text: &[u8]) -> Result<Lease, LeaseError> {
        let mut held = self.held();
        let id = random_id().map_err(LeaseError::Random)?;
        let folder = self.new_folder(&id)?;
        let reader = fill(&folder, &about, text).map_err(|source| {
            remove(&folder);
            LeaseError::Io { path: folder.clone(), source }
        })?;
        let lease = Lease::at(&id, &folder, &about);
        held.insert(id, Held::new(folder, about, reader));
        Ok(lease)
    }

    /// All leases, the oldest first.
    pub(crate) fn all(&self) -> Vec<Lease> {
        let held = self.held();
        let leases = held.iter().map(|(id, held)| Lease::at(id, &held.folder, &held.about));
        let mut leases: Vec<_> = leases.collect();
        leases.sort_by_key(|lease| lease.about.since);
        leases
    }

    /// What leases have of these secrets.
    pub(crate) fn given(&self, names: &[SecretName]) -> Vec<Given> {
        let held = self.held();
        let given = held.values().flat_map(|held| held.about.given());
        given.filter(|(name, _)| names.contains(name)).collect()
    }

    /// Takes note that the value with the fingerprint `before` has the fingerprint `after` from now on.
    pub(crate) fn keep_value(&self, name: &SecretName, before: u64, after: u64) {
        for Held { about, .. } in self.held().values_mut() {
            for (_, fingerprint) in
                about.names.iter().zip(&mut about.fingerprints).filter(|(one, _)| *one == name)
            {
                if *fingerprint == before {
                    *fingerprint = after;
                }
            }
        }
    }

    /// The leases that have one of these values, newest first; without those whose connector is started again
    /// by a parent that learns of a change.
    pub(crate) fn with_any(
        &self,
        outdated: &BTreeSet<Given>,
        starts_again: impl Fn(i32) -> bool,
    ) -> Vec<HeldLease> {
        let has_any = |about: &About| about.given().any(|given| outdated.contains(&given));
        let stays = |about: &About| !about.parent.is_some_and(&starts_again);
        let leases = self.all().into_iter().rev();
        let leases = leases.filter(|lease| has_any(&lease.about) && stays(&lease.about));
        let listed = leases.take(limits::LISTED_GRANTS).map(|lease| HeldLease {
            id: lease.id,
            connector: lease.about.connector,
            config: lease.about.config,
        });
        listed.collect()
    }

    /// How many leases there are.
    pub(crate) fn count(&self) -> usize {
        self.held().len()
    }

    /// What to watch of a lease; `None` when it is gone, or watched already.
    pub(crate) fn watch(&self, id: &str) -> Option<Watch> {
        let mut held = self.held();
        let lease = held.get_mut(id)?;
        Some(Watch { reader: lease.reader.take()?, ended: lease.end.take()? })
    }

    /// Removes a lease; gives whether it was there.
    pub(crate) fn remove(&self, id: &str) -> bool {
        let mut held = self.held();
        let Some(lease) = held.remove(id) else { return false };
        remove(&lease.folder);
        true
    }

    /// Makes a lease's directory.
    ///
    /// Another vault's daemon, or the watcher of this one's last lease, removes the directories around it
    /// when it finds them empty. That may be between our system calls, and then they are made again.
    fn new_folder(&self, id: &str) -> Result<PathBuf, LeaseError> {
        let make = || {
            let folder = self.place()?.join(id);
            match DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => Ok(folder),
                Err(source) => Err(LeaseError::Io { path: folder, source }),
            }
        };
        for _ in 1..TRIES {
            match make() {
                Err(error) if error.is_missing() => {}
                made => return made,
            }
        }
        make()
    }

    /// The first place that is in memory, made when it is not there.
    fn place(&self) -> Result<PathBuf, LeaseError> {
        for place in &self.places {
            // Each is two folders below what the system made.
            let [_, ours, system] = place.ancestors().take(3).collect::<Vec<_>>()[..] else {
                continue;
            };
            if !is_in_memory(system).unwrap_or(false) {
                continue;
            }
            private::directory(ours)?;
            private::directory(place)?;
            // It may be a link to elsewhere.
            match is_in_memory(place) {
                Ok(true) => return Ok(place.clone()),
                Ok(false) => {}
                Err(source) => return Err(LeaseError::Io { path: place.clone(), source }),
            }
        }
        let systems = self.places.iter().filter_map(|place| place.ancestors().nth(2));
        Err(LeaseError::NoMemory(systems.map(Path::to_owned).collect()))
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, Held>> {
        // Each change is one call of the map's, so a panic has left it whole.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn new(folder: PathBuf, about: About, reader: OwnedFd) -> Self {
        let (ended, end) = oneshot::channel();
        Self { folder, about, reader: Some(reader), _ended: ended, end: Some(end) }
    }
}

impl Lease {
    fn at(id: &str, folder: &Path, about: &About) -> Self {
        Self {
            id: id.to_owned(),
            secrets: folder.join(SECRETS),
            hold: folder.join(HOLD),
            about: about.clone(),
        }
    }
}

/// Makes what is in a lease's directory, and opens the FIFO's read end.
fn fill(folder: &Path, about: &About, text: &[u8]) -> io::Result<OwnedFd> {
    let write = |name: &str, bytes: &[u8]| {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o400);
        options.open(folder.join(name))?.write_all(bytes)
    };
    write(ABOUT, &serde_json::to_vec(about)?)?;
    mknodat(CWD, folder.join(HOLD), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    write(SECRETS, text)?;
    Ok(open_reader(&folder.join(HOLD))?)
}

/// Opens the FIFO without waiting for a writer.
fn open_reader(fifo: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    open(fifo, flags, Mode::empty())
}

/// What is left of a gone daemon's lease, when somebody holds it.
fn held_still(folder: &Path) -> Option<Held> {
    let (hold, closed) = (folder.join(HOLD), folder.join(CLOSED));
    // Another daemon may have been killed right here.
    let reader = open_reader(&hold).or_else(|_| open_reader(&closed)).ok()?;
    if !is_held(&reader) {
        // With a reader again, the launcher that the lease was made for can still open it. By another name
        // it is too late for that, and a launcher that was in time holds it.
        warn_unless_missing(folder, fs::rename(&hold, &closed));
        if !is_held(&reader) {
            return None;
        }
    }
    warn_unless_missing(folder, fs::rename(&closed, &hold));
    // What cannot be read, as of another release, is held all the same.
    let about = read_about(folder).unwrap_or_default();
    Some(Held::new(folder.to_owned(), about, reader))
}

fn read_about(folder: &Path) -> Option<About> {
    let about = fs::File::open(folder.join(ABOUT)).ok()?;
    serde_json::from_reader(io::Read::take(about, MOST_BYTES)).ok()
}

/// Whether the FIFO has a writer. What somebody writes into it means nothing.
pub(crate) fn is_held(reader: impl AsFd) -> bool {
    let mut bytes = [0; 64];
    loop {
        match rustix::io::read(&reader, &mut bytes) {
            Ok(0) => return false,
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return error == Errno::AGAIN,
        }
    }
}

/// Removes a lease, and the directories around it if it was the last one. A failure is logged: there may be
/// values in it.
fn remove(folder: &Path) {
    warn_unless_missing(folder, lease::remove(folder));
    lease::remove_empty_above(folder);
}

fn warn_unless_missing(folder: &Path, changed: io::Result<()>) {
    if let Err(error) = changed
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!("cannot change or remove the lease {}: {error}", folder.display());
    }
}

/// Whether a place is there, and nobody else's.
fn is_ours(place: &Path) -> bool {
    let ours = place.parent().is_some_and(|ours| ours.exists() && private::directory(ours).is_ok());
    ours && place.exists() && private::directory(place).is_ok()
}

fn is_in_memory(path: &Path) -> io::Result<bool> {
    let found = statfs(path)?;
    #[allow(clippy::useless_conversion, reason = "the type is another one on other systems")]
    Ok(IN_MEMORY.contains(&i64::from(found.f_type)))
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
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::{Path, PathBuf};

    use super::{About, Lease, Leases, is_held};

    struct Memory(tempfile::TempDir);

    impl Memory {
        /// A folder of our own on a tmpfs.
        fn new() -> Self {
            let made = tempfile::Builder::new().prefix("fs-").tempdir_in("/dev/shm");
            Self(
                made.expect(
                    "these tests need a tmpfs at /dev/shm that you may write to (mode 1777)",
                ),
            )
        }

        fn leases(&self) -> Leases {
            self.leases_of("/a/vault")
        }

        fn leases_of(&self, vault: &str) -> Leases {
            let mut leases = Leases::of(Path::new(vault), Some(self.0.path().to_owned()));
            leases.places.truncate(1);
            leases
        }

        fn entries(&self) -> usize {
            fs::read_dir(self.0.path()).expect("a folder").count()
        }
    }

    fn make(leases: &Leases) -> Lease {
        let about = About {
            since: 7,
            connector: Some("cat-facts".into()),
            config: "/c.yaml".into(),
            names: vec!["A".parse().expect("a name")],
            fingerprints: vec![1],
            parent: None,
        };
        leases.make(about, b"A=cnry\n").expect("a lease")
    }

    fn hold(lease: &Lease) -> fs::File {
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
    fn e6_a_lease_that_nobody_holds_yet_cannot_be_held_once_a_later_daemon_removes_it() {
        let memory = Memory::new();
        // The launcher opens the FIFO while the later daemon looks for holders, again and again.
        for _ in 0..200 {
            let lease = make(&memory.leases());
            let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK;
            let open = || rustix::fs::open(&lease.hold, flags, rustix::fs::Mode::empty());
            let (held, adopted) = std::thread::scope(|scope| {
                let late = scope.spawn(|| open().ok());
                let later = memory.leases();
                let adopted = later.adopt();
                (late.join().expect("it ends"), adopted.contains(&lease.id))
            });
            assert_eq!(held.is_some(), adopted);
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
                let place = leases.places[0].clone();
                scope.spawn(move || {
                    for _ in 0..10_000 {
                        super::lease::remove_empty_above(&place.join("earlier"));
                    }
                });
                scope.spawn(move || {
                    for _ in 0..3000 {
                        let lease = make(&leases);
                        assert!(lease.secrets.starts_with(&leases.places[0]), "{lease:?}");
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
            let about = About { since, connector, names, fingerprints, parent, ..About::default() };
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
    fn a_place_that_no_client_could_be_told_is_none() {
        let odd = std::ffi::OsStr::from_bytes(b"/run/\xff");
        let count = |runtime: Option<PathBuf>| Leases::of(Path::new("/v"), runtime).places.len();
        assert_eq!(count(Some(odd.into())), count(None));
        assert_eq!(count(Some("/run/x".into())), count(None) + 1);
    }

    #[test]
    fn a_folder_that_another_user_made_first_is_told_with_a_way_out() {
        let memory = Memory::new();
        let leases = memory.leases();
        let ours = leases.places[0].parent().expect("a folder").to_owned();
        fs::create_dir(&ours).expect("a folder");
        if !rustix::process::geteuid().is_root() {
            not_here("only root can give a folder away");
            return;
        }
        std::os::unix::fs::chown(&ours, Some(65_534), None).expect("given away");
        let error = leases.make(About::default(), b"cnry").expect_err("refused").to_string();
        assert!(error.ends_with("where leases are, belongs to uid 65534"), "{error}");
    }

    #[test]
    fn e6_a_disk_is_refused() {
        // Who may not write to the sources may write to the one, and who is on a tmpfs to the other.
        let folders = [env!("CARGO_MANIFEST_DIR"), "/var/tmp", "/tmp"];
        let disk = folders.into_iter().filter_map(|folder| tempfile::tempdir_in(folder).ok());
        let disk =
            disk.into_iter().find(|folder| !super::is_in_memory(folder.path()).unwrap_or(true));
        let Some(disk) = disk else {
            not_here("no folder on a disk may be written to");
            return;
        };
        let mut leases = Leases::of(Path::new("/a/vault"), Some(disk.path().to_owned()));
        leases.places.truncate(1);
        let about = About { since: 7, ..About::default() };
        let error = leases.make(about.clone(), b"cnry").expect_err("refused").to_string();
        assert!(error.contains("no file system in memory"), "{error}");
        assert_eq!(fs::read_dir(disk.path()).expect("a folder").count(), 0);
        // Nor by a link in its place.
        let memory = Memory::new();
        let mut leases = memory.leases();
        let ours: PathBuf = leases.places[0].parent().expect("a folder").to_owned();
        let private = fs::Permissions::from_mode(0o700);
        fs::create_dir(disk.path().join("x")).expect("a folder");
        fs::set_permissions(disk.path().join("x"), private).expect("ours alone");
        std::os::unix::fs::symlink(disk.path().join("x"), ours).expect("a link");
        leases.places.truncate(1);
        let error = leases.make(about, b"cnry").expect_err("refused").to_string();
        assert!(error.contains("no file system in memory"), "{error}");
    }
}
