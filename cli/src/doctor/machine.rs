//! The machine that is checked.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use fluvio_secret_system::logout;

use crate::on_path;
use crate::sync::sync_places::FLUVIO_VARIABLE;

#[derive(Clone, Debug)]
pub(crate) struct Machine {
    /// Below what the system's files are; `/`, but for tests.
    pub(super) root: PathBuf,
    pub(super) uid: u32,
    /// The user's name, as the login gave it.
    pub(super) user: Option<OsString>,
    pub(super) home: Option<PathBuf>,
    pub(super) path: Option<OsString>,
    pub(super) shell: Option<OsString>,
    /// The program `fluvio`, in place of the one on PATH.
    pub(super) fluvio: Option<OsString>,
    /// The directory of the login.
    pub(super) runtime: Option<PathBuf>,
    /// Where the user's own units are, if not in the home.
    pub(super) config: Option<PathBuf>,
    pub(super) folder: PathBuf,
}

impl Machine {
    pub(crate) fn this() -> Self {
        let absolute =
            |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        Self {
            root: PathBuf::from("/"),
            uid: rustix::process::geteuid().as_raw(),
            user: logout::user(),
            home: absolute("HOME"),
            path: env::var_os("PATH"),
            shell: env::var_os("SHELL"),
            fluvio: env::var_os(FLUVIO_VARIABLE).filter(|path| !path.is_empty()),
            runtime: absolute("XDG_RUNTIME_DIR"),
            config: absolute("XDG_CONFIG_HOME"),
            folder: env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
        }
    }

    pub(super) fn system(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// A file of the system, read whole; empty where it cannot be.
    pub(super) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.system(path)).unwrap_or_default()
    }

    /// The programs of a name on PATH; a shell runs the first one.
    pub(super) fn programs(&self, name: &str) -> Vec<PathBuf> {
        on_path::all(name, self.path.as_deref())
    }

    /// A path as you would type it in the current directory.
    pub(super) fn typed<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.folder).unwrap_or(path)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::Machine;
    use crate::on_path::write_program;

    /// A machine in a directory.
    pub(in crate::doctor) struct Made {
        folder: tempfile::TempDir,
        pub(in crate::doctor) machine: Machine,
    }

    impl Made {
        pub(in crate::doctor) fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let home = folder.path().join("home/ada");
            fs::create_dir_all(&home).expect("a home");
            let machine = Machine {
                root: folder.path().to_owned(),
                uid: 1000,
                user: Some("ada".into()),
                home: Some(home.clone()),
                path: None,
                shell: Some("/bin/bash".into()),
                fluvio: None,
                runtime: None,
                config: None,
                folder: home,
            };
            Self { folder, machine }
        }

        /// A path below its root.
        pub(in crate::doctor) fn at(&self, path: &str) -> PathBuf {
            self.folder.path().join(path)
        }

        pub(in crate::doctor) fn write(&self, path: &str, text: &str) -> PathBuf {
            let path = self.at(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(&path, text).expect("a file");
            path
        }

        pub(in crate::doctor) fn program(&self, path: &str, text: &str) -> PathBuf {
            let path = self.write(path, "");
            write_program(&path, text);
            path
        }

        /// Sets its PATH to directories.
        pub(in crate::doctor) fn set_path(&mut self, folders: &[&str]) {
            let folders = folders.iter().map(|folder| self.at(folder));
            self.machine.path = Some(std::env::join_paths(folders).expect("a PATH"));
        }
    }

    /// Makes a symbolic link, and the directories above it.
    pub(in crate::doctor) fn link(target: &Path, at: &Path) {
        fs::create_dir_all(at.parent().expect("a folder")).expect("a folder");
        std::os::unix::fs::symlink(target, at).expect("a link");
    }
}
