//! Whether files can be made where the daemon makes them: by making one in each place.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use fluvio_secret_protocol::audit::put_aside;
use fluvio_secret_system::places::Places;
use rustix::fs::{Access, access};

use super::finding::{Diagnosis, DoctorCheck};
use super::fix::Fix;
use super::machine::Machine;
use super::memory;

/// At least one block of a file system, so that a full one has no room for it.
const PROBE: [u8; 4096] = [0; 4096];

pub(super) fn check(machine: &Machine, places: &Places) -> Vec<Diagnosis> {
    let Places { config, data, vault, state, .. } = places;
    let directories = [config, data, vault, &state.path, &state.run].into_iter().cloned();
    let logs = [state.audit_log.clone(), state.daemon_log.clone()];
    judge(directories.chain(memory::lease_place(machine)), &logs)
}

fn judge(directories: impl Iterator<Item = PathBuf>, logs: &[PathBuf]) -> Vec<Diagnosis> {
    let mut found: Vec<_> = directories.filter_map(|directory| fault(&directory)).collect();
    found.extend(
        logs.iter()
            .map(|log| put_aside(log))
            .filter(|old| is_directory(old))
            .map(|old| blocked(&old)),
    );
    if found.is_empty() {
        found.push(DoctorCheck::Writing.ok("files can be created and removed in each directory"));
    }
    found
}

/// What keeps files from being made in a directory. A missing directory is made when it is needed.
fn fault(directory: &Path) -> Option<Diagnosis> {
    let shown = directory.display();
    let (what, attempted) = match directory.is_dir() {
        true => (format!("cannot create and remove a file in {shown}"), attempt(directory)),
        false => (format!("cannot create the directory {shown}"), may_make(directory)),
    };
    Some(failed(&what, &attempted.err()?))
}

/// Fails if a directory that is not there cannot be made. Makes nothing.
fn may_make(directory: &Path) -> io::Result<()> {
    let is_there = |path: &&Path| fs::symlink_metadata(path).is_ok();
    let Some(found) = directory.ancestors().find(is_there) else { return Ok(()) };
    if !found.is_dir() {
        let text = format!("{} is not a directory", found.display());
        return Err(io::Error::new(ErrorKind::NotADirectory, text));
    }
    access(found, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| {
        let error = io::Error::from(error);
        io::Error::new(error.kind(), format!("in {}: {error}", found.display()))
    })
}

/// Makes a file, writes to it as far as the disk, and removes it.
fn attempt(directory: &Path) -> io::Result<()> {
    // The daemon removes what begins like this when it starts, and the vault's .gitignore names it.
    let path = directory.join(format!(".tmp-doctor-{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    let written = file.write_all(&PROBE).and_then(|()| file.sync_all());
    let removed = fs::remove_file(&path);
    written.and(removed)
}

fn failed(what: &str, error: &io::Error) -> Diagnosis {
    let found = DoctorCheck::Writing.error(format!("{what}: {error}"));
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            found.advising("free some space there")
        }
        ErrorKind::ReadOnlyFilesystem => found.advising("mount it read-write"),
        ErrorKind::PermissionDenied => {
            found.advising("change the owner or the mode, so that you can write there")
        }
        _ => found,
    }
}

fn is_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// A directory in the place of a log that was put aside.
fn blocked(old: &Path) -> Diagnosis {
    let shown = old.display();
    let text =
        format!("{shown} is a directory, so no log can be rotated there, and requests will fail");
    DoctorCheck::Writing.error(text).fixed_by(Fix::move_away(old))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::{attempt, judge};
    use crate::doctor::finding::Condition;

    #[test]
    fn a_directory_in_which_no_file_can_be_made_is_an_error() {
        let directory = tempfile::tempdir().expect("a directory");
        attempt(directory.path()).expect("a file");
        assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 0);
        let ok = judge([directory.path().to_owned(), PathBuf::from("/none")].into_iter(), &[]);
        assert_eq!((ok.len(), ok[0].condition), (1, Condition::Ok));
        fs::write(directory.path().join("file"), "").expect("a file");
        for (none, why) in [("file/a/b", "is not a directory"), ("file", "is not a directory")] {
            let found = judge([directory.path().join(none)].into_iter(), &[]);
            assert_eq!((found.len(), found[0].condition), (1, Condition::Error));
            assert!(found[0].text.starts_with("cannot create the directory "), "{found:?}");
            assert!(found[0].text.ends_with(why), "{found:?}");
        }
        let closed =
            super::failed("cannot create it", &std::io::ErrorKind::PermissionDenied.into());
        assert!(closed.advice.is_some(), "{closed:?}");
        // Not even root can make a file there.
        let wrong = judge([PathBuf::from("/proc")].into_iter(), &[]);
        assert_eq!((wrong.len(), wrong[0].condition), (1, Condition::Error));
        assert!(wrong[0].text.starts_with("cannot create and remove a file in /proc: "));
    }

    #[test]
    fn a_directory_in_the_place_of_an_old_log_is_an_error() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = directory.path().join("audit.log");
        fs::write(directory.path().join("audit.log.1"), "").expect("a file");
        assert_eq!(judge([].into_iter(), std::slice::from_ref(&log))[0].condition, Condition::Ok);
        fs::remove_file(directory.path().join("audit.log.1")).expect("removed");
        fs::create_dir(directory.path().join("audit.log.1")).expect("a directory");
        let found = judge([].into_iter(), &[log]);
        assert_eq!(found[0].condition, Condition::Error);
        assert!(found[0].command().is_some_and(|fix| fix.starts_with("mv ")), "{found:?}");
    }
}
