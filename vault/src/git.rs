//! What git has to know of a vault that is kept in it.

use std::io;

use super::store::{Folder, ReadError};

/// What is not to travel with the vault.
const IGNORED: &str = "/.lock\n/.tmp-*\n";
/// The file that says how git treats files.
const ATTRIBUTES: &str = ".gitattributes";
/// More than any such file has.
const MOST_BYTES: u64 = 64 << 10;

/// Git takes most sealed files for text. It would then write conflict markers into them, or change line
/// ends. With these lines a file of which two have changed one stays the one or the other, whole.
const LINES: [&str; 4] = [
    "*.age -text -diff merge=binary",
    "/.recipients -text merge=binary",
    "/.vault-id -text merge=binary",
    "/.git* merge=binary",
];

/// Writes the files of git that are not there. Without them the vault is as good, so a failure is logged.
pub(super) fn prepare(vault: &Folder) {
    if let Err(error) = ignore(vault) {
        tracing::warn!("{} is not written: {error}", vault.path_of(".gitignore").display());
    }
    if let Err(error) = attribute(vault) {
        tracing::warn!("{} is not written: {error}", vault.path_of(ATTRIBUTES).display());
    }
}

fn ignore(vault: &Folder) -> io::Result<()> {
    if vault.has(".gitignore")? {
        return Ok(());
    }
    vault.prepare(".gitignore", IGNORED.as_bytes(), None)?.commit_new()
}

/// Our lines come first: git takes the last line that says something, which is then the user's own.
fn attribute(vault: &Folder) -> io::Result<()> {
    let found = match vault.read(ATTRIBUTES, MOST_BYTES) {
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
    vault.prepare(ATTRIBUTES, &text, None)?.commit()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::{ATTRIBUTES, LINES, prepare};
    use crate::store::Folder;

    #[test]
    fn a_users_own_lines_stay_and_count_more() {
        let guard = tempfile::tempdir().expect("a directory");
        let folder = Folder::at(guard.path().to_owned());
        let path = guard.path().join(ATTRIBUTES);
        let ours = LINES.map(|line| format!("{line}\n")).concat();
        prepare(&folder);
        assert_eq!(fs::read_to_string(&path).expect("a file"), ours);
        for (before, after) in [
            ("*.age diff=age\n", format!("{ours}*.age diff=age\n")),
            // One that was written on Windows, or has no line end.
            (&ours.replace('\n', "\r\n"), ours.replace('\n', "\r\n")),
            (&ours[ours.find('\n').expect("a line") + 1..], ours.clone()),
            ("x text", format!("{ours}x text")),
        ] {
            fs::write(&path, before).expect("written");
            prepare(&folder);
            assert_eq!(fs::read_to_string(&path).expect("a file"), after);
            prepare(&folder);
            assert_eq!(fs::read_to_string(&path).expect("a file"), after, "once");
        }
    }

    #[test]
    fn what_is_not_a_file_is_left_alone() {
        let guard = tempfile::tempdir().expect("a directory");
        let folder = Folder::at(guard.path().to_owned());
        let elsewhere = guard.path().join("elsewhere");
        fs::write(&elsewhere, "x").expect("a file");
        for name in [".gitignore", ATTRIBUTES] {
            symlink("elsewhere", guard.path().join(name)).expect("a link");
        }
        prepare(&folder);
        assert_eq!(fs::read(&elsewhere).expect("a file"), b"x");
        assert!(guard.path().join(ATTRIBUTES).is_symlink());
    }
}
