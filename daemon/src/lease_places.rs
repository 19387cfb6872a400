//! Where leases are: on a file system in memory, never on a disk. (They may be swapped, as the connector's
//! own memory may.)

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use fluvio_secret_protocol::lease;
use fluvio_secret_system::file_system::is_in_memory;
use fluvio_secret_system::hash::fnv_1a;
use fluvio_secret_system::io_error::io_error_text;
use fluvio_secret_system::private::{self, DIRECTORY_MODE, PrivateError};

/// How often making a lease's directory is tried while others remove the ones around it. Each failure
/// needs a removal within the same few system calls.
const DIRECTORY_TRIES: usize = 1000;

/// The directories of one vault's leases, the best one first.
#[derive(Debug)]
pub(crate) struct LeasePlaces(Vec<PathBuf>);

#[derive(Debug, thiserror::Error)]
pub(crate) enum LeaseError {
    #[error("{path}, the directory for leases, belongs to uid {owner}", path = .path.display())]
    Foreign { path: PathBuf, owner: u32 },
    #[error("cannot create the lease {path}: {}", io_error_text(.source), path = .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("there is no file system in memory for a lease: neither {}", listed(.0))]
    NoMemory(Vec<PathBuf>),
    #[error(transparent)]
    Private(PrivateError),
    #[error("cannot create the lease without random numbers: {0}")]
    Random(io::Error),
}

impl LeaseError {
    /// Whether a directory was removed that was there a moment before.
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

impl LeasePlaces {
    /// For a vault. Its path distinguishes them from those of another vault of the same user.
    pub(crate) fn of(vault: &Path, runtime: Option<PathBuf>) -> Self {
        let uid = rustix::process::geteuid().as_raw();
        let vault = fnv_1a(vault.as_os_str().as_encoded_bytes());
        let inside = format!("fluvio-secret-{uid}/{vault:016x}");
        let login = PathBuf::from(format!("/run/user/{uid}"));
        // An answer holds the path as a string.
        let runtime = runtime.filter(|path| path.to_str().is_some());
        let systems = runtime.into_iter().chain([login, PathBuf::from("/dev/shm")]);
        let mut systems: Vec<_> = systems.collect();
        systems.dedup();
        Self(systems.into_iter().map(|system| system.join(&inside)).collect())
    }

    pub(crate) fn leases(&self) -> Vec<PathBuf> {
        let ours = self.0.iter().filter(|place| is_ours(place));
        let entries = ours.filter_map(|place| fs::read_dir(place).ok());
        entries.flatten().flatten().map(|entry| entry.path()).collect()
    }

    /// Removes directories that have no lease, as a daemon leaves them that is killed.
    pub(crate) fn remove_empty(&self) {
        for place in self.0.iter().filter(|place| is_ours(place)) {
            lease::remove_empty_above(&place.join("none"));
        }
    }

    /// Makes the directory of a new lease.
    ///
    /// Another vault's daemon, or the watcher of this one's last lease, removes the directories around it
    /// if it finds them empty. That may be between our system calls, and then they are made again.
    pub(crate) fn new_directory(&self, id: &str) -> Result<PathBuf, LeaseError> {
        let make = || {
            let path = self.in_memory()?.join(id);
            match DirBuilder::new().mode(DIRECTORY_MODE).create(&path) {
                Ok(()) => Ok(path),
                Err(source) => Err(LeaseError::Io { path, source }),
            }
        };
        for _ in 1..DIRECTORY_TRIES {
            match make() {
                Err(error) if error.is_missing() => {}
                made => return made,
            }
        }
        make()
    }

    /// The first place that is in memory. It is made if it is missing.
    fn in_memory(&self) -> Result<&Path, LeaseError> {
        for place in &self.0 {
            // Each is two directories below what the system made.
            let [_, ours, system] = place.ancestors().take(3).collect::<Vec<_>>()[..] else {
                continue;
            };
            if !is_in_memory(system).unwrap_or(false) {
                continue;
            }
            private::directory(ours)?;
            private::directory(place)?;
            // It may be a link to a disk.
            match is_in_memory(place) {
                Ok(true) => return Ok(place),
                Ok(false) => {}
                Err(source) => return Err(LeaseError::Io { path: place.clone(), source }),
            }
        }
        let systems = self.0.iter().filter_map(|place| place.ancestors().nth(2));
        Err(LeaseError::NoMemory(systems.map(Path::to_owned).collect()))
    }
}

fn listed(systems: &[PathBuf]) -> String {
    systems.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" nor ")
}

/// Whether a place is there and private.
fn is_ours(place: &Path) -> bool {
    let is_private = |path: &Path| path.exists() && private::directory(path).is_ok();
    place.parent().is_some_and(is_private) && is_private(place)
}

#[cfg(test)]
impl LeasePlaces {
    pub(crate) fn first(&self) -> &Path {
        &self.0[0]
    }

    pub(crate) fn keep_first(&mut self) {
        self.0.truncate(1);
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Path, PathBuf};

    use super::LeasePlaces;

    #[test]
    fn a_place_that_an_answer_cannot_hold_is_left_out() {
        let odd = OsStr::from_bytes(b"/run/\xff");
        let count = |runtime: Option<PathBuf>| LeasePlaces::of(Path::new("/v"), runtime).0.len();
        assert_eq!(count(Some(odd.into())), count(None));
        assert_eq!(count(Some("/run/x".into())), count(None) + 1);
    }
}
