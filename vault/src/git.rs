//! The files that tell git how to treat a vault.

use std::io;

use crate::durable_directory::{DurableDirectory, ReadError};
use crate::whole_file::PreparedFile;

/// What does not travel with the vault.
const IGNORED: &str = "/.lock\n/.tmp-*\n";
pub(crate) const IGNORE_FILE: &str = ".gitignore";
pub(crate) const ATTRIBUTES_FILE: &str = ".gitattributes";
const ATTRIBUTES_BYTES: u64 = 64 << 10;

/// Git takes most encrypted files for text, and would write conflict markers into them. With these
/// lines it keeps one of two changed files, whole.
const LINES: [&str; 5] = [
    "*.age -text -diff merge=binary",
    "/.members/* -text -diff merge=binary",
    "/requests/* -text -diff merge=binary",
    "/.vault-id -text merge=binary",
    "/.git* merge=binary",
];

/// Writes the files of git that are not there. The vault works without them, so a failure is logged.
pub(crate) fn prepare(vault: &DurableDirectory) {
    if let Err(error) = ignore(vault) {
        tracing::warn!("cannot write {}: {error}", vault.path_of(IGNORE_FILE).display());
    }
    if let Err(error) = attribute(vault) {
        tracing::warn!("cannot write {}: {error}", vault.path_of(ATTRIBUTES_FILE).display());
    }
}

fn ignore(vault: &DurableDirectory) -> io::Result<()> {
    if vault.has(IGNORE_FILE)? {
        return Ok(());
    }
    PreparedFile::write(vault, IGNORE_FILE, IGNORED.as_bytes(), None)?.commit_new()
}

/// Our lines come first: for git the last one counts, which is then the user's own.
fn attribute(vault: &DurableDirectory) -> io::Result<()> {
    let found = match vault.read(ATTRIBUTES_FILE, ATTRIBUTES_BYTES) {
        Ok(found) => found,
        Err(ReadError::Missing) => Vec::new(),
        Err(ReadError::Io(error)) => return Err(error),
        Err(error) => return Err(io::Error::other(error.to_string())),
    };
    let has = |line: &str| {
        found.split(|&byte| byte == b'\n').any(|one| one.trim_ascii() == line.as_bytes())
    };
    let missing: String =
        LINES.iter().filter(|line| !has(line)).map(|line| format!("{line}\n")).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let text = [missing.as_bytes(), &found].concat();
    PreparedFile::write(vault, ATTRIBUTES_FILE, &text, None)?.commit()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::{ATTRIBUTES_FILE, LINES, prepare};
    use crate::durable_directory::DurableDirectory;

    #[test]
    fn a_users_own_lines_stay_and_count_more() {
        let guard = tempfile::tempdir().expect("a directory");
        let directory = DurableDirectory::at(guard.path().to_owned());
        let path = guard.path().join(ATTRIBUTES_FILE);
        let ours = LINES.map(|line| format!("{line}\n")).concat();
        prepare(&directory);
        assert_eq!(fs::read_to_string(&path).expect("a file"), ours);
        for (before, after) in [
            ("*.age diff=age\n", format!("{ours}*.age diff=age\n")),
            // One that was written on Windows, or has no line end.
            (&ours.replace('\n', "\r\n"), ours.replace('\n', "\r\n")),
            (&ours[ours.find('\n').expect("a line") + 1..], ours.clone()),
            ("x text", format!("{ours}x text")),
        ] {
            fs::write(&path, before).expect("written");
            prepare(&directory);
            assert_eq!(fs::read_to_string(&path).expect("a file"), after);
            prepare(&directory);
            assert_eq!(fs::read_to_string(&path).expect("a file"), after, "once");
        }
    }

    #[test]
    fn what_is_not_a_file_is_left_alone() {
        let guard = tempfile::tempdir().expect("a directory");
        let directory = DurableDirectory::at(guard.path().to_owned());
        let elsewhere = guard.path().join("elsewhere");
        fs::write(&elsewhere, "x").expect("a file");
        for name in [".gitignore", ATTRIBUTES_FILE] {
            symlink("elsewhere", guard.path().join(name)).expect("a link");
        }
        prepare(&directory);
        assert_eq!(fs::read(&elsewhere).expect("a file"), b"x");
        assert!(guard.path().join(ATTRIBUTES_FILE).is_symlink());
    }
}
