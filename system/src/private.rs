//! Directories and files that only you may use.

use std::fs::{DirBuilder, Metadata};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::help::{Help, Helpful};
use crate::shell;

/// The mode of a private directory.
pub const DIRECTORY_MODE: u32 = 0o700;
/// The mode of a private file.
pub const FILE_MODE: u32 = 0o600;

/// Why a directory or file is not private.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum PrivateError {
    #[error("{} belongs to {}, not to uid {ours}", .path.display(), name_of(*.owner))]
    Foreign { path: PathBuf, owner: u32, ours: u32 },
    #[error("cannot use {}: {source}", .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("others may use {} (mode {mode:04o})", .path.display())]
    Wide { path: PathBuf, mode: u32, wanted: u32 },
    #[error("others may change {} (mode {mode:04o})", .path.display())]
    Writable { path: PathBuf, mode: u32 },
}

/// Makes a directory that only you may use, or checks an existing one.
///
/// # Errors
///
/// [`PrivateError::Foreign`] if the directory, or the one that it would be made in, belongs to another
/// user: for example if sudo keeps `HOME`. [`PrivateError::Wide`] and [`PrivateError::Io`].
pub fn directory(path: &Path) -> Result<(), PrivateError> {
    let failed = |source| PrivateError::Io { path: path.to_owned(), source };
    let ours = rustix::process::geteuid().as_raw();
    for ancestor in path.ancestors() {
        match fs::metadata(ancestor) {
            Ok(found) if found.uid() == ours || (found.uid() == 0 && ancestor != path) => break,
            Ok(found) => {
                let (path, owner) = (ancestor.to_owned(), found.uid());
                return Err(PrivateError::Foreign { path, owner, ours });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
    }
    let missing: Vec<_> = path.ancestors().take_while(|path| !path.exists()).collect();
    match DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path) {
        // "File exists" would be no cause that helps.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let is_other = fs::symlink_metadata(path).is_ok_and(|found| !found.is_dir());
            // If a directory was there, another process has removed it since.
            let gone = io::ErrorKind::NotFound;
            let kind = if is_other { io::ErrorKind::NotADirectory } else { gone };
            return Err(failed(kind.into()));
        }
        made => made.map_err(failed)?,
    }
    // What is in a directory lasts only if the directory's own name does.
    for parent in missing.iter().filter_map(|made| made.parent()) {
        fs::File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed)?;
    }
    let found = fs::metadata(path).map_err(failed)?;
    check(path, &found, ours, DIRECTORY_MODE)
}

/// Checks that a directory or file, which was found at this path, belongs to this user alone.
///
/// # Errors
///
/// [`PrivateError::Foreign`], and [`PrivateError::Wide`] with the mode that is wanted.
pub fn check(path: &Path, found: &Metadata, ours: u32, wanted: u32) -> Result<(), PrivateError> {
    let mode = found.mode() & 0o777;
    if found.uid() != ours {
        Err(PrivateError::Foreign { path: path.to_owned(), owner: found.uid(), ours })
    } else if mode & 0o077 != 0 {
        Err(PrivateError::Wide { path: path.to_owned(), mode, wanted })
    } else {
        Ok(())
    }
}

/// Checks that a directory, which was found at this path, belongs to this user, and that no other may change it.
///
/// # Errors
///
/// [`PrivateError::Foreign`] and [`PrivateError::Writable`].
pub fn check_writers(path: &Path, found: &Metadata, ours: u32) -> Result<(), PrivateError> {
    let mode = found.mode() & 0o777;
    if found.uid() != ours {
        Err(PrivateError::Foreign { path: path.to_owned(), owner: found.uid(), ours })
    } else if mode & 0o022 != 0 {
        Err(PrivateError::Writable { path: path.to_owned(), mode })
    } else {
        Ok(())
    }
}

impl Helpful for PrivateError {
    fn help(&self) -> Option<Help> {
        match self {
            // As after a command that was run with sudo. To own what belongs to root elsewhere may do harm, so
            // this is no command to copy.
            Self::Foreign { path, owner: 0, ours } => Some(Help::advice(format!(
                "if it is in your own home, take it back: sudo chown -R {ours} {}",
                shell::quoted(&path.display().to_string())
            ))),
            Self::Foreign { .. } | Self::Io { .. } => None,
            Self::Wide { path, wanted, .. } => {
                let path = shell::quoted(&path.display().to_string());
                Some(Help::command("fix it with", format!("chmod {wanted:04o} {path}")))
            }
            Self::Writable { path, .. } => {
                let path = shell::quoted(&path.display().to_string());
                Some(Help::command("fix it with", format!("chmod go-w {path}")))
            }
        }
    }
}

fn name_of(uid: u32) -> String {
    if uid == 0 { "root".to_owned() } else { format!("uid {uid}") }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::{PrivateError, directory};
    use crate::help::Helpful;

    #[test]
    fn a_directory_is_made_private_and_a_wide_one_refused() {
        let base = tempfile::tempdir().expect("a directory");
        let path = base.path().join("a/b");
        directory(&path).expect("a new directory");
        assert_eq!(fs::metadata(&path).expect("it is there").mode() & 0o777, 0o700);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).expect("chmod");
        let error = directory(&path).expect_err("a wide directory");
        let help = error.help().expect("a command").to_string();
        assert!(help.contains("chmod 0700"), "{help}");
        let file = base.path().join("file");
        fs::write(&file, "").expect("a file");
        assert!(matches!(directory(&file), Err(PrivateError::Io { .. })));
    }
}
