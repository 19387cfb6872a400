//! The vault's directory, told from another one that has its path later.
//!
//! A file system is unmounted or mounted, a directory is moved or replaced, a link is changed: then
//! files are read from, and written to, a directory that is not the vault that was locked.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A directory, and the paths that lead to it.
#[derive(Debug)]
pub(crate) struct Place {
    /// As it was asked for. A part of it may be a link.
    asked: PathBuf,
    /// The same without links. Files are reached by this path.
    path: PathBuf,
    /// Device and inode.
    id: (u64, u64),
    /// As long as this is open, no other directory gets the inode.
    _directory: File,
}

impl Place {
    /// Finds the directory at a path.
    pub(super) fn find(asked: &Path) -> io::Result<Self> {
        // Once, so that a link in the path cannot be turned elsewhere later.
        let path = asked.canonicalize()?;
        let directory = File::open(&path)?;
        let id = id_of(&directory.metadata()?);
        Ok(Self { asked: asked.to_owned(), path, id, _directory: directory })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether both paths still lead to the directory. Costs two system calls.
    pub(crate) fn is_here(&self) -> bool {
        let is_it = |found: io::Result<Metadata>| found.is_ok_and(|found| id_of(&found) == self.id);
        is_it(fs::metadata(&self.asked)) && is_it(fs::symlink_metadata(&self.path))
    }
}

fn id_of(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::Place;

    #[test]
    fn another_directory_at_its_path_is_not_it() {
        let folder = tempfile::tempdir().expect("a directory");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("vault")).expect("a directory");
        let place = Place::find(&at("vault")).expect("the directory");
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
    fn a_link_that_leads_elsewhere_does_not_lead_to_it() {
        let folder = tempfile::tempdir().expect("a directory");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("disk")).expect("a directory");
        fs::create_dir(at("other")).expect("a directory");
        symlink(at("disk"), at("vault")).expect("a link");
        let place = Place::find(&at("vault")).expect("the directory");
        assert!(place.is_here() && place.path().ends_with("disk"));
        fs::remove_file(at("vault")).expect("removed");
        symlink(at("other"), at("vault")).expect("a link");
        assert!(!place.is_here());
    }
}
