//! The earlier versions of secrets: whether they can be kept, and what is among them that is not one.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use fluvio_secret_protocol::SecretName;

use super::{Found, Look};
use fluvio_secret_system::places::Places;

/// How many faults have a line of their own.
const MOST: usize = 16;

pub(super) fn look(places: &Places, vault: &Path) -> Vec<Found> {
    let mut found = judge(&places.histories());
    let old = vault.join(".history");
    if fs::symlink_metadata(&old).is_ok() {
        found.push(Look::History.note(format!(
            "{} is not used: earlier versions are in {}; if they are missing there, the daemon's log says why they were not moved",
            old.display(),
            places.histories().display()
        )));
    }
    found
}

/// What is wrong with the directory of all histories.
fn judge(histories: &Path) -> Vec<Found> {
    let mut faults = Vec::new();
    match each(histories, Expected::Directory, &mut faults) {
        Ok(Some(all)) => all.iter().for_each(|history| of_vault(history, &mut faults)),
        Ok(None) => {}
        Err(error) => faults.push(unusable(histories, &error)),
    }
    let more = faults.len().saturating_sub(MOST);
    faults.truncate(MOST);
    if more > 0 {
        faults.push(Look::History.wrong(format!("{more} more are not what they should be")));
    }
    if faults.is_empty() {
        let text = format!("earlier versions are kept in {}", histories.display());
        faults.push(Look::History.right(text));
    }
    faults
}

/// What a path should be.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Expected {
    Directory,
    File,
}

fn of_vault(history: &Path, faults: &mut Vec<Found>) {
    let entries = match each(history, Expected::Directory, faults) {
        Ok(entries) => entries,
        Err(error) => return faults.push(unusable(history, &error)),
    };
    for secret in entries.into_iter().flatten().filter(|path| is_of_secret(path)) {
        match each(&secret, Expected::Directory, faults) {
            Ok(versions) => {
                for version in versions.into_iter().flatten().filter(|path| is_version(path)) {
                    is(&version, Expected::File, faults);
                }
            }
            Err(error) => faults.push(unusable(&secret, &error)),
        }
    }
}

/// What is in a directory in which something can be written; `None` when it is not one.
fn each(
    folder: &Path,
    expected: Expected,
    faults: &mut Vec<Found>,
) -> io::Result<Option<Vec<PathBuf>>> {
    if !is(folder, expected, faults) {
        return Ok(None);
    }
    // What is said of it is tried.
    let tried = folder.join(format!(".tmp-doctor-{}", std::process::id()));
    File::create_new(&tried)?;
    fs::remove_file(tried)?;
    let entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    let mut paths: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(Some(paths))
}

/// Whether a path is what it should be. A missing path is not a fault.
fn is(path: &Path, expected: Expected, faults: &mut Vec<Found>) -> bool {
    let what = match (fs::symlink_metadata(path), expected) {
        (Err(_), _) => return false,
        (Ok(found), Expected::Directory) if found.is_dir() => return true,
        (Ok(found), Expected::File) if found.is_file() => return true,
        (Ok(found), _) if found.is_symlink() => "a symbolic link, which is not followed",
        (Ok(_), Expected::Directory) => "not a directory",
        (Ok(_), Expected::File) => "not a regular file",
    };
    faults.push(Look::History.wrong(format!("{} is {what}; move it away", path.display())));
    false
}

fn unusable(path: &Path, error: &io::Error) -> Found {
    Look::History.wrong(format!("no earlier version can be kept in {}: {error}", path.display()))
}

fn is_of_secret(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.parse::<SecretName>().is_ok())
}

fn is_version(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    path.extension().is_some_and(|it| it == "age") && stem.parse::<u64>().is_ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::{MOST, judge};
    use crate::doctor::Condition;

    #[test]
    fn what_is_among_the_earlier_versions_and_is_not_one_is_named() {
        let home = tempfile::tempdir().expect("a directory");
        let histories = home.path().join("history");
        assert_eq!(judge(&histories)[0].condition, Condition::Right, "it is not there yet");
        let history = histories.join("id-hash");
        fs::create_dir_all(history.join("A")).expect("a directory");
        fs::write(history.join(".vault"), "vault\n").expect("a file");
        fs::write(history.join("A/1.age"), "").expect("a file");
        let right = judge(&histories);
        assert_eq!((right.len(), right[0].condition), (1, Condition::Right), "{right:?}");
        assert_eq!(fs::read_dir(&history).expect("a directory").count(), 2, "nothing is left");
        symlink("1.age", history.join("A/2.age")).expect("a link");
        symlink("A", history.join("B")).expect("a link");
        fs::write(history.join("C"), "").expect("a file");
        symlink("id-hash", histories.join("other")).expect("a link");
        let found = judge(&histories);
        for (fault, path) in found.iter().zip(["A/2.age", "B", "C", "history/other"]) {
            assert!(fault.text.contains(&format!("{path} is ")), "{found:?}");
            assert_eq!(fault.condition, Condition::Wrong, "{found:?}");
        }
        assert_eq!(found.len(), 4, "{found:?}");
        for n in 0..30 {
            symlink("A", history.join(format!("L{n}"))).expect("a link");
        }
        assert_eq!(judge(&histories).len(), MOST + 1);
        for path in ["away", "/nowhere"] {
            let linked = home.path().join("linked");
            let _ = fs::remove_file(&linked);
            symlink(path, &linked).expect("a link");
            assert!(judge(&linked)[0].text.contains("symbolic link"));
        }
    }
}
