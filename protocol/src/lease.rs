//! The directory of a lease: its files, and how it is removed.
//!
//! The daemon removes a lease when its last holder is gone. So does the lease's watcher, a process that
//! the launcher starts, because the daemon may have stopped by then. Both call this code, in any
//! order or at the same time.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::{fs, io};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, fstat, openat, statat, unlinkat};
use rustix::io::Errno;

/// The secrets file, which a connector reads.
pub const SECRETS: &str = "secrets.txt";
/// The FIFO. A process that has its write end open holds the lease.
pub const HOLD: &str = "hold";
/// What the FIFO is called while a daemon takes the lease over, so that no new holder finds it.
pub const CLOSED: &str = "hold.closed";
/// What the lease is for, without a value.
pub const ABOUT: &str = "about.json";

/// How the connector was started, if `cdk deploy start` started it.
pub const START: &str = "start";
/// What the secrets file is called until it is whole and replaces the one before.
pub const NEW_SECRETS: &str = "secrets.txt.new";
/// The same of what the lease is for.
pub const NEW_ABOUT: &str = "about.json.new";

/// Removes a lease, even if it is held. A lease that is already gone is no error.
///
/// # Errors
///
/// Those of openat(2) and unlinkat(2). What can be removed is removed even then. A symbolic link in
/// the place of one of our directories is not followed.
pub fn remove(path: &Path) -> io::Result<()> {
    unless_missing(Directory::open(path).and_then(|directory| directory.remove()))
}

/// Removes a lease if this FIFO is its own. Another directory that has taken its place stays.
///
/// # Errors
///
/// Those of [`remove`].
pub fn remove_held_by(path: &Path, fifo: impl AsFd) -> io::Result<()> {
    let removed = Directory::open(path).and_then(|directory| match directory.has(fifo)? {
        true => directory.remove(),
        // Another process may be removing the lease, and has removed its files.
        false => directory.remove_empty(),
    });
    unless_missing(removed)
}

/// Removes the directories above a lease that was removed, if they are empty.
pub fn remove_empty_above(path: &Path) {
    let (vault, user) = (path.ancestors().nth(1), path.ancestors().nth(2));
    for directory in vault.into_iter().chain(user) {
        // Another lease may be there, or another vault's.
        if fs::remove_dir(directory).is_err() {
            return;
        }
    }
}

fn unless_missing(removed: rustix::io::Result<()>) -> io::Result<()> {
    match removed {
        Err(Errno::NOENT) => Ok(()),
        removed => Ok(removed?),
    }
}

/// A lease's directory, in the directory of its vault's leases.
struct Directory<'a> {
    vault: OwnedFd,
    name: &'a OsStr,
    lease: OwnedFd,
}

impl<'a> Directory<'a> {
    fn open(path: &'a Path) -> rustix::io::Result<Self> {
        let [.., user, vault, name] = path.iter().collect::<Vec<_>>()[..] else {
            return Err(Errno::INVAL);
        };
        // What is above our directories is the system's, and may be a link.
        let system = path.ancestors().nth(3).ok_or(Errno::INVAL)?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let enter = |directory: &OwnedFd, name: &OsStr| {
            openat(directory, name, flags | OFlags::NOFOLLOW, Mode::empty())
        };
        let system = openat(CWD, system, flags, Mode::empty())?;
        let vault = enter(&enter(&system, user)?, vault)?;
        let lease = enter(&vault, name)?;
        Ok(Self { vault, name, lease })
    }

    /// Whether this FIFO is in it.
    fn has(&self, fifo: impl AsFd) -> rustix::io::Result<bool> {
        let fifo = fstat(fifo)?;
        Ok([HOLD, CLOSED].into_iter().any(|name| {
            statat(&self.lease, name, AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|found| (found.st_dev, found.st_ino) == (fifo.st_dev, fifo.st_ino))
        }))
    }

    fn remove(&self) -> rustix::io::Result<()> {
        // A daemon may be replacing a file, which is another one then.
        while self.remove_files()? {
            match unlinkat(&self.vault, self.name, AtFlags::REMOVEDIR) {
                Err(Errno::NOTEMPTY) => {}
                removed => return removed,
            }
        }
        self.remove_empty()
    }

    /// Removes our files, and returns whether there was one. The values first, and the FIFO last: the
    /// watcher knows the directory by it.
    fn remove_files(&self) -> rustix::io::Result<bool> {
        let (mut removed, mut was_there) = (Ok(()), false);
        for name in [NEW_SECRETS, SECRETS, NEW_ABOUT, ABOUT, START, CLOSED, HOLD] {
            match unlinkat(&self.lease, name, AtFlags::empty()) {
                Ok(()) => was_there = true,
                Err(Errno::NOENT) => {}
                error => removed = removed.and(error),
            }
        }
        removed.map(|()| was_there)
    }

    fn remove_empty(&self) -> rustix::io::Result<()> {
        match unlinkat(&self.vault, self.name, AtFlags::REMOVEDIR) {
            // Not ours: see `remove_held_by`.
            Err(Errno::NOTEMPTY) => Ok(()),
            removed => removed,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};

    use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, open};

    use super::{
        ABOUT, HOLD, NEW_ABOUT, NEW_SECRETS, SECRETS, START, remove, remove_empty_above,
        remove_held_by,
    };

    fn lease(root: &Path) -> PathBuf {
        let path = root.join("user/vault/lease");
        fs::create_dir_all(&path).expect("a directory");
        mknodat(CWD, path.join(HOLD), FileType::Fifo, Mode::RUSR, 0).expect("a FIFO");
        for name in [SECRETS, NEW_SECRETS, ABOUT, NEW_ABOUT, START] {
            fs::write(path.join(name), "x").expect("a file");
        }
        path
    }

    fn reader(lease: &Path) -> File {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        open(lease.join(HOLD), flags, Mode::empty()).expect("the read end").into()
    }

    #[test]
    fn e17_a_lease_is_removed_by_its_fifo_and_nothing_is_left() {
        let root = tempfile::tempdir().expect("a directory");
        let path = lease(root.path());
        let fifo = reader(&path);
        remove_held_by(&path, &fifo).expect("removed");
        assert!(!path.exists());
        remove_empty_above(&path);
        assert_eq!(fs::read_dir(root.path()).expect("a directory").count(), 0);
        // The second of the two has nothing to do.
        remove_held_by(&path, &fifo).expect("nothing to do");
        remove(&path).expect("nothing to do");
    }

    #[test]
    fn e17_a_file_that_is_being_replaced_does_not_outlive_its_lease() {
        for _ in 0..200 {
            let root = tempfile::tempdir().expect("a directory");
            let path = lease(root.path());
            let fifo = reader(&path);
            std::thread::scope(|scope| {
                // As a daemon replaces it, until the directory is gone.
                let of = &path;
                let replace = move || {
                    let new = of.join(NEW_SECRETS);
                    let written = fs::write(&new, "x");
                    let renamed = fs::rename(&new, of.join(SECRETS));
                    written.is_ok() || renamed.is_ok() || of.exists()
                };
                scope.spawn(move || (0..1000).take_while(|_| replace()).count());
                remove_held_by(&path, &fifo).expect("removed");
            });
            assert!(!path.exists());
        }
    }

    #[test]
    fn e17_a_directory_that_took_a_leases_place_stays() {
        let root = tempfile::tempdir().expect("a directory");
        let path = lease(root.path());
        let fifo = reader(&path);
        fs::rename(&path, root.path().join("user/vault/moved")).expect("moved");
        lease(root.path());
        remove_held_by(&path, &fifo).expect("nothing to do");
        for name in [SECRETS, ABOUT, HOLD] {
            assert!(path.join(name).exists(), "{name}");
        }
        // Not even if it has no FIFO, or something else by its name.
        fs::remove_file(path.join(HOLD)).expect("removed");
        remove_held_by(&path, &fifo).expect("nothing to do");
        symlink(root.path().join("user/vault/moved").join(HOLD), path.join(HOLD)).expect("a link");
        remove_held_by(&path, &fifo).expect("nothing to do");
        assert!(path.join(SECRETS).exists() && path.join(ABOUT).exists());
    }

    #[test]
    fn e17_what_another_process_has_begun_to_remove_is_finished() {
        let all = [NEW_SECRETS, SECRETS, NEW_ABOUT, ABOUT, START, HOLD];
        for gone in [&all[..1], &all[..2], &all[..4], &all] {
            let root = tempfile::tempdir().expect("a directory");
            let path = lease(root.path());
            let fifo = reader(&path);
            for name in gone {
                fs::remove_file(path.join(name)).expect("removed");
            }
            remove_held_by(&path, &fifo).expect("removed");
            assert!(!path.exists(), "{gone:?}");
        }
    }

    #[test]
    fn e17_no_link_is_followed_to_what_is_removed() {
        for link in ["user", "user/vault", "user/vault/lease"] {
            let root = tempfile::tempdir().expect("a directory");
            let path = lease(root.path());
            let fifo = reader(&path);
            let (link, moved) = (root.path().join(link), root.path().join("moved"));
            fs::rename(&link, &moved).expect("moved");
            symlink(&moved, &link).expect("a link");
            assert!(remove(&path).is_err() && remove_held_by(&path, &fifo).is_err());
            assert!(path.join(SECRETS).exists(), "{}", link.display());
        }
        // A link among the files is removed itself.
        let root = tempfile::tempdir().expect("a directory");
        let path = lease(root.path());
        let theirs = root.path().join("theirs");
        fs::write(&theirs, "x").expect("a file");
        fs::remove_file(path.join(SECRETS)).expect("removed");
        symlink(&theirs, path.join(SECRETS)).expect("a link");
        remove(&path).expect("removed");
        assert!(theirs.exists() && !path.exists());
    }
}
