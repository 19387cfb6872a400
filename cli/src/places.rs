//! Where the command line keeps something of its own, the link called `cdk`; and where the daemon
//! keeps what `doctor` looks at.

use std::env;
use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use fluvio_secret_system::places::{HOME_VARIABLE, PlaceError, absolute};

/// The folders of configuration and data, by the rule that the daemon follows too.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    config: PathBuf,
    data: PathBuf,
}

impl Places {
    /// The folders for this user; nothing is made.
    pub(crate) fn from_environment() -> Result<Self, PlaceError> {
        let variable = |name: &str| env::var_os(name);
        if let Some(home) = absolute(HOME_VARIABLE, variable)? {
            return Ok(Self { config: home.join("config"), data: home.join("data") });
        }
        for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
            absolute(name, variable)?;
        }
        absolute("HOME", variable)?.ok_or(PlaceError::NoHome)?;
        let folders = ProjectDirs::from("", "", "fluvio-secret").ok_or(PlaceError::NoHome)?;
        let (config, data) = (folders.config_dir().to_owned(), folders.data_dir().to_owned());
        Ok(Self { config, data })
    }

    /// The places of tests.
    #[cfg(test)]
    pub(crate) fn under(home: &Path) -> Self {
        Self { config: home.join("config"), data: home.join("data") }
    }

    /// The folder of what the user and the machine are: the identity, the settings.
    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    /// The folder of what is kept.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// The folder of the link, beside the vault's: `~/.local/share/fluvio-secret/bin`.
    pub(crate) fn programs(&self) -> PathBuf {
        self.data.join("bin")
    }

    /// The directory of the earlier versions of all vaults.
    pub(crate) fn histories(&self) -> PathBuf {
        self.data.join("history")
    }

    /// The key that opens the vault.
    pub(crate) fn identity(&self) -> PathBuf {
        self.config.join("identity.txt")
    }

    /// What the user has settled.
    pub(crate) fn settings(&self) -> PathBuf {
        self.config.join("settings.toml")
    }

    /// The sealed secrets.
    pub(crate) fn vault(&self) -> PathBuf {
        self.data.join("vault")
    }
}
