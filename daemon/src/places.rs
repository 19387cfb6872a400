//! Where the daemon keeps things.

use std::env;
use std::path::PathBuf;

use directories::ProjectDirs;
use fluvio_secret_protocol::places::{HOME_VARIABLE, PlaceError, State, absolute, private_folder};

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
        self.state.prepare()
    }

    /// The sealed secrets.
    pub(crate) fn vault(&self) -> PathBuf {
        self.data.join("vault")
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
