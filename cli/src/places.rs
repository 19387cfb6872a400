//! Where the command line keeps something of its own: the link called `cdk`.

use std::env;
use std::path::PathBuf;

use directories::ProjectDirs;
use fluvio_secret_protocol::places::{HOME_VARIABLE, PlaceError, absolute};

/// The folder of the link, beside the vault's: `~/.local/share/fluvio-secret/bin`.
pub(crate) fn programs() -> Result<PathBuf, PlaceError> {
    let variable = |name: &str| env::var_os(name);
    if let Some(home) = absolute(HOME_VARIABLE, variable)? {
        return Ok(home.join("data/bin"));
    }
    absolute("XDG_DATA_HOME", variable)?;
    absolute("HOME", variable)?.ok_or(PlaceError::NoHome)?;
    let folders = ProjectDirs::from("", "", "fluvio-secret").ok_or(PlaceError::NoHome)?;
    Ok(folders.data_dir().join("bin"))
}
