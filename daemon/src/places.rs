//! Where the daemon keeps things.

use std::env;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use fluvio_secret_system::places::{HOME_VARIABLE, PlaceError, State, absolute, private_folder};
use fluvio_secret_system::regular::{self, Links};

/// The three folders: what is configured, what is kept, what is left behind by running.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    config: PathBuf,
    data: PathBuf,
    pub(crate) state: State,
    /// The login's own folder, which usually is in memory. Only for what may be elsewhere as well.
    pub(crate) runtime: Option<PathBuf>,
}

impl Places {
    /// The folders for this user; nothing is made yet.
    pub(crate) fn from_environment() -> Result<Self, PlaceError> {
        let state = State::from_environment()?;
        let variable = |name: &str| env::var_os(name);
        let runtime = variable("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|p| p.is_absolute());
        if let Some(home) = absolute(HOME_VARIABLE, variable)? {
            return Ok(Self {
                config: home.join("config"),
                data: home.join("data"),
                state,
                runtime,
            });
        }
        // `directories` would look past a relative variable, and past a missing HOME to the
        // password database: then two shells of one user could have two vaults.
        for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
            absolute(name, variable)?;
        }
        absolute("HOME", variable)?.ok_or(PlaceError::NoHome)?;
        let folders = ProjectDirs::from("", "", "fluvio-secret").ok_or(PlaceError::NoHome)?;
        let (config, data) = (folders.config_dir().to_owned(), folders.data_dir().to_owned());
        Ok(Self { config, data, state, runtime })
    }

    /// Makes the folders that are not there, and checks that all of them are only ours. The vault's
    /// own folder is the vault's affair.
    pub(crate) fn prepare(&self) -> Result<(), PlaceError> {
        private_folder(&self.config)?;
        private_folder(&self.data)?;
        self.state.prepare()?;
        for directory in [&*self.config, self.state.folder()] {
            // Where it cannot be written, `doctor` still reports that git would add a key.
            let _ = keep_out_of_git(directory);
        }
        Ok(())
    }

    /// The sealed secrets.
    pub(crate) fn vault(&self) -> PathBuf {
        self.data.join("vault")
    }

    /// What was overwritten or deleted, of each vault; apart from the vault, which others may write to.
    pub(crate) fn histories(&self) -> PathBuf {
        self.data.join("history")
    }

    /// The key that opens them; apart from the vault, so that the vault can be copied.
    pub(crate) fn identity(&self) -> PathBuf {
        self.config.join("identity.txt")
    }

    /// What the user has settled.
    pub(crate) fn settings(&self) -> PathBuf {
        self.config.join("settings.toml")
    }

    /// What the daemon has to say of itself.
    pub(crate) fn daemon_log(&self) -> PathBuf {
        self.state.folder().join("daemon.log")
    }
}

/// Makes git ignore everything in a directory, unless the user has said there what it ignores. The
/// directory may be below a work tree, and `git add -A` would take the key.
fn keep_out_of_git(directory: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600);
    let (mut file, found) = regular::open(&options, &directory.join(".gitignore"), Links::Refuse)?;
    // An empty one is what an interrupted write leaves.
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
