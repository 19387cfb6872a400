//! The files of the workspace, for tests that read them.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a directory, without what is built or kept by Git.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if !entry.file_type().unwrap().is_dir() {
            found.push(path);
        } else if name != "target" && name != ".git" {
            found.extend(files(&path));
        }
    }
    found.sort();
    found
}

/// A path below the root, as messages name it.
pub(crate) fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}
