//! Notices when another directory takes the path of the vault.
//!
//! That happens if a file system is mounted or unmounted, a directory is moved or replaced, or a link
//! is changed.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use fluvio_secret_system::file_id::Inode;

/// A directory, and the paths that point to it.
#[derive(Debug)]
pub(crate) struct VaultPlace {
    /// As it was requested. A part of it may be a link.
    asked: PathBuf,
    /// The same without links. Files are reached by this path.
    path: PathBuf,
    inode: Inode,
    /// As long as this is open, no other directory gets the inode.
    _directory: File,
}

impl VaultPlace {
    pub(crate) fn find(asked: &Path) -> io::Result<Self> {
        // Once, so that a link in the path cannot be turned elsewhere later.
        let path = asked.canonicalize()?;
        let directory = File::open(&path)?;
        let inode = Inode::from(&directory.metadata()?);
        Ok(Self { asked: asked.to_owned(), path, inode, _directory: directory })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether both paths still point to the directory.
    pub(crate) fn is_here(&self) -> bool {
        let is_it = |found: io::Result<Metadata>| {
            found.is_ok_and(|found| Inode::from(&found) == self.inode)
        };
        // If both are one path, what is there is no link.
        (self.asked == self.path || is_it(fs::metadata(&self.asked)))
            && is_it(fs::symlink_metadata(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::VaultPlace;

    #[test]
    fn another_directory_at_its_path_is_not_it() {
        let folder = tempfile::tempdir().expect("a directory");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("vault")).expect("a directory");
        let place = VaultPlace::find(&at("vault")).expect("the directory");
        fs::write(at("vault/file"), "x").expect("written");
        assert!(place.is_here());
        fs::rename(at("vault"), at("away")).expect("moved");
        assert!(!place.is_here(), "it is gone");
        fs::create_dir(at("vault")).expect("a directory");
        assert!(!place.is_here(), "another one");
        fs::remove_dir(at("vault")).expect("removed");
        fs::write(at("vault"), "").expect("written");
        assert!(!place.is_here(), "a file");
        fs::remove_file(at("vault")).expect("removed");
        fs::rename(at("away"), at("vault")).expect("put back");
        assert!(place.is_here());
        // The inode of a directory that was removed is not given to the next one.
        fs::remove_dir_all(at("vault")).expect("removed");
        for _ in 0..20 {
            fs::create_dir(at("vault")).expect("a directory");
            assert!(!place.is_here());
            fs::remove_dir(at("vault")).expect("removed");
        }
    }

    #[test]
    fn a_link_that_points_elsewhere_does_not_point_to_it() {
        let folder = tempfile::tempdir().expect("a directory");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("disk")).expect("a directory");
        fs::create_dir(at("other")).expect("a directory");
        symlink(at("disk"), at("vault")).expect("a link");
        let place = VaultPlace::find(&at("vault")).expect("the directory");
        assert!(place.is_here() && place.path().ends_with("disk"));
        fs::remove_file(at("vault")).expect("removed");
        symlink(at("other"), at("vault")).expect("a link");
        assert!(!place.is_here());
    }
}
