//! Keeps git from adding a key.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::private::FILE_MODE;
use crate::regular::{self, Links};

/// Makes git ignore everything in a directory, unless the user has a `.gitignore` there. The directory
/// may be in a work tree, and `git add -A` would add the key.
pub(crate) fn keep_out_of_git(directory: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(FILE_MODE);
    let (mut file, found) = regular::open(&options, &directory.join(".gitignore"), Links::Refuse)?;
    // An interrupted write leaves an empty one.
    if found.len() == 0 { file.write_all(b"*\n") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::keep_out_of_git;

    #[test]
    fn d20_a_gitignore_is_made_where_none_is_and_another_is_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join(".gitignore");
        keep_out_of_git(directory.path()).expect("made");
        assert_eq!(fs::read(&path).expect("a file"), b"*\n");
        for (before, after) in [("", "*\n"), ("*\n!settings.toml\n", "*\n!settings.toml\n")] {
            fs::write(&path, before).expect("a file");
            keep_out_of_git(directory.path()).expect("looked at");
            assert_eq!(fs::read_to_string(&path).expect("a file"), after);
        }
        fs::remove_file(&path).expect("removed");
        let target = directory.path().join("target");
        std::os::unix::fs::symlink(&target, &path).expect("a link");
        assert!(
            keep_out_of_git(directory.path()).is_err() && !target.exists(),
            "no link is followed"
        );
    }
}
