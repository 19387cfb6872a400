//! The earlier versions of secrets: whether they can be kept, and what else is among them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use fluvio_secret_protocol::SecretName;
use fluvio_secret_system::places::Places;

use super::finding::{Diagnosis, DoctorCheck, MOST_FINDINGS};

pub(super) fn check(places: &Places, vault: &Path) -> Vec<Diagnosis> {
    let mut found = judge(&places.histories);
    let old = vault.join(".history");
    if fs::symlink_metadata(&old).is_ok() {
        let text = format!(
            "{} is not used, because earlier versions are in {}",
            old.display(),
            places.histories.display()
        );
        let advice = "if some are missing there, see daemon.log for the reason";
        found.push(DoctorCheck::History.warning(text).advising(advice));
    }
    found
}

fn judge(root: &Path) -> Vec<Diagnosis> {
    let mut histories = Histories { root, faults: Vec::new() };
    for history in histories.entries(root) {
        for secret in histories.entries(&history).iter().filter(|path| name_of(path).is_some()) {
            for version in histories.entries(secret).iter().filter(|path| is_version(path)) {
                histories.is(version, Expected::File);
            }
        }
    }
    let mut faults = histories.faults;
    let more = faults.len().saturating_sub(MOST_FINDINGS);
    faults.truncate(MOST_FINDINGS);
    if more > 0 {
        let text = format!("{more} more files are not what they should be");
        faults.push(DoctorCheck::History.error(text));
    }
    if faults.is_empty() {
        let text = format!("earlier versions are kept in {}", root.display());
        faults.push(DoctorCheck::History.ok(text));
    }
    faults
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Expected {
    Directory,
    File,
}

/// The directory of all histories, and what is wrong with it.
struct Histories<'a> {
    root: &'a Path,
    faults: Vec<Diagnosis>,
}

impl Histories<'_> {
    /// What is in a directory, in order. Nothing if the directory is missing or cannot be used.
    fn entries(&mut self, directory: &Path) -> Vec<PathBuf> {
        if !self.is(directory, Expected::Directory) {
            return Vec::new();
        }
        let mut entries = written_and_read(directory).unwrap_or_else(|error| {
            let shown = directory.display();
            self.fault(directory, format!("{shown} cannot hold earlier versions: {error}"), None);
            Vec::new()
        });
        entries.sort();
        entries
    }

    /// Whether a path is what it should be. A missing path is not a fault.
    fn is(&mut self, path: &Path, expected: Expected) -> bool {
        let what = match (fs::symlink_metadata(path), expected) {
            (Err(_), _) => return false,
            (Ok(found), Expected::Directory) if found.is_dir() => return true,
            (Ok(found), Expected::File) if found.is_file() => return true,
            (Ok(found), _) if found.is_symlink() => "a symbolic link, which is not followed",
            (Ok(_), Expected::Directory) => "not a directory",
            (Ok(_), Expected::File) => "not a regular file",
        };
        self.fault(path, format!("{} is {what}", path.display()), Some("move it away"));
        false
    }

    fn fault(&mut self, path: &Path, text: String, advice: Option<&str>) {
        let below = path.strip_prefix(self.root).unwrap_or(Path::new(""));
        let names = below.iter().filter_map(|part| name_of(Path::new(part)));
        let found = DoctorCheck::History.error(text).naming(names);
        self.faults.push(Diagnosis { advice: advice.map(str::to_owned), ..found });
    }
}

/// What is in a directory, in which a file can be made.
fn written_and_read(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let tried = directory.join(format!(".tmp-doctor-{}", std::process::id()));
    File::create_new(&tried)?;
    fs::remove_file(tried)?;
    fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect()
}

fn name_of(path: &Path) -> Option<SecretName> {
    path.file_name()?.to_str()?.parse().ok()
}

fn is_version(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    path.extension().is_some_and(|it| it == "age") && stem.parse::<u64>().is_ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::{MOST_FINDINGS, judge};
    use crate::doctor::finding::Condition;

    #[test]
    fn what_is_among_the_earlier_versions_and_is_not_one_is_named() {
        let home = tempfile::tempdir().expect("a directory");
        let histories = home.path().join("history");
        assert_eq!(judge(&histories)[0].condition, Condition::Ok, "it is not there yet");
        let history = histories.join("id-hash");
        fs::create_dir_all(history.join("A")).expect("a directory");
        fs::write(history.join(".vault"), "vault\n").expect("a file");
        fs::write(history.join("A/1.age"), "").expect("a file");
        let right = judge(&histories);
        assert_eq!((right.len(), right[0].condition), (1, Condition::Ok), "{right:?}");
        assert_eq!(fs::read_dir(&history).expect("a directory").count(), 2, "nothing is left");
        symlink("1.age", history.join("A/2.age")).expect("a link");
        symlink("A", history.join("B")).expect("a link");
        fs::write(history.join("C"), "").expect("a file");
        symlink("id-hash", histories.join("other")).expect("a link");
        let found = judge(&histories);
        for (fault, path) in found.iter().zip(["A/2.age", "B", "C", "history/other"]) {
            assert!(fault.text.contains(&format!("{path} is ")), "{found:?}");
            assert_eq!(fault.condition, Condition::Error, "{found:?}");
        }
        assert_eq!(found.len(), 4, "{found:?}");
        for n in 0..30 {
            symlink("A", history.join(format!("L{n}"))).expect("a link");
        }
        assert_eq!(judge(&histories).len(), MOST_FINDINGS + 1);
        for path in ["away", "/nowhere"] {
            let linked = home.path().join("linked");
            let _ = fs::remove_file(&linked);
            symlink(path, &linked).expect("a link");
            assert!(judge(&linked)[0].text.contains("symbolic link"));
        }
    }
}
