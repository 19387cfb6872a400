//! Which vault a command is about.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use fluvio_secret_protocol::{ListedVault, VaultAddress};
use fluvio_secret_system::project::{self, PERSONAL, project_of};
use fluvio_secret_system::shell;

use crate::error::CliError;
use crate::{argument, format, output};

#[derive(Args, Clone, Debug, Default)]
pub(crate) struct VaultArgs {
    /// Project in DIR with the vault, or the word personal
    #[arg(
        long,
        value_name = "DIR",
        value_hint = ValueHint::DirPath,
        add = argument::vaults()
    )]
    vault: Option<OsString>,
}

impl VaultArgs {
    /// As if this were the value of the option.
    pub(crate) fn naming(vault: Option<OsString>) -> Self {
        Self { vault }
    }

    /// The same for a vault by its directory, from anywhere.
    pub(crate) fn naming_directory(vault: Option<&str>) -> Self {
        let value = vault.map_or(Path::new(PERSONAL), |path| project_of(Path::new(path)));
        Self::naming(Some(value.into()))
    }

    /// The value of the option.
    pub(crate) fn value(&self) -> Option<&OsString> {
        self.vault.as_ref()
    }

    /// A command that is about the same vault, if you type it in the same directory.
    pub(crate) fn append_to(&self, command: &str) -> String {
        match &self.vault {
            Some(value) => format!("{command} --vault {}", shell::path(Path::new(value))),
            None => command.to_owned(),
        }
    }

    /// The vault for the current directory. `None` is the personal one.
    pub(crate) fn here(&self) -> Result<Option<VaultAddress>, CliError> {
        self.of(Path::new("."))
    }

    /// The same, with a note that names a project's vault.
    pub(crate) fn here_noted(&self) -> Result<Option<VaultAddress>, CliError> {
        let vault = self.here()?;
        note(vault.as_ref());
        Ok(vault)
    }

    /// The vault for a directory.
    pub(crate) fn of(&self, directory: &Path) -> Result<Option<VaultAddress>, CliError> {
        Ok(VaultAddress::choose(self.vault.as_deref(), directory)?)
    }

    /// The vault for a configuration.
    pub(crate) fn of_config(&self, config: &Path) -> Result<Option<VaultAddress>, CliError> {
        self.of(config.parent().unwrap_or(config))
    }
}

/// The vault that commands would use here, if you have not registered it. One that has moved is found by its id.
pub(crate) fn unregistered(vaults: &[ListedVault]) -> Result<Option<VaultAddress>, CliError> {
    let is_it = |here: &VaultAddress, vault: &ListedVault| {
        vault.id == here.id && (vault.path == here.path || vault.trouble.is_some())
    };
    let here = VaultArgs::default().here()?;
    Ok(here.filter(|here| !vaults.iter().any(|vault| is_it(here, vault))))
}

/// The vault that the daemon names by its directory.
pub(crate) fn in_directory(vault: Option<&str>) -> Result<Option<VaultAddress>, CliError> {
    let vault = vault.map(|path| project::at(Path::new(path))).transpose()?;
    Ok(vault.map(VaultAddress::from))
}

/// Names a project's vault on standard error: what the cloud's commands print has no place for it.
pub(crate) fn note(vault: Option<&VaultAddress>) {
    if let Some(vault) = vault {
        output::say(&format!("note: in the vault {}", format::shorten(&vault.path)));
    }
}

/// A vault by its directory, for a table.
pub(crate) fn shown(vault: Option<&str>) -> String {
    vault.map_or_else(|| PERSONAL.to_owned(), format::shorten)
}

/// What follows the description of a connector, if its vault is a project's.
pub(crate) fn appended(vault: Option<&str>) -> String {
    vault.map(|vault| format!(", vault {}", format::shorten(vault))).unwrap_or_default()
}

/// The directory of a vault, for a request that names it by that. A project that is gone has one, too.
pub(crate) fn directory_of(project: &Path) -> Result<PathBuf, CliError> {
    match project::at(project) {
        Ok(vault) => Ok(vault.path.into()),
        Err(error) => {
            let path = std::path::absolute(project).map_err(CliError::System)?;
            let is_vault = path.file_name().is_some_and(|name| name == project::VAULT_DIRECTORY);
            let vault = if is_vault { path } else { path.join(project::VAULT_DIRECTORY) };
            if vault.exists() { Err(error.into()) } else { Ok(vault) }
        }
    }
}

/// The vault in a directory, or the one that other commands find.
pub(crate) fn named_or_found(directory: Option<&Path>) -> Result<PathBuf, CliError> {
    match directory {
        Some(directory) => directory_of(directory),
        None => match VaultArgs::default().here()? {
            Some(vault) => Ok(vault.path.into()),
            None => Err(CliError::NoProject),
        },
    }
}

/// A path for a request, which is text.
pub(crate) fn text_of(path: &Path) -> Result<String, CliError> {
    let is_text = path.to_str().map(str::to_owned);
    is_text.ok_or_else(|| CliError::NotUtf8 { path: path.to_owned() })
}
