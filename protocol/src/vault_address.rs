//! Which vault a request is about.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Read;
use std::path::{Path, PathBuf};

use fluvio_secret_system::places::Places;
use fluvio_secret_system::project::{self, ProjectError, ProjectVault, project_of};
use fluvio_secret_system::regular::{self, Links};
use serde::{Deserialize, Serialize};

use crate::limits;

/// The vaults of projects that the user has registered, beside the identity. The daemon writes it.
pub const REGISTRY_FILE: &str = "vaults.json";
/// The most bytes of that file that are read.
pub const REGISTRY_BYTES: u64 = 2 << 20;

/// The vault that a request is about. A request without one is about the personal vault.
///
/// The daemon opens the directory only if the user has registered it.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
pub struct VaultAddress {
    /// Its directory, an absolute path without links; at most [`limits::LABEL_BYTES`].
    pub path: String,
    /// Its id, as the directory has it: 32 lowercase hexadecimal digits. A registered vault that moved is found
    /// by it.
    pub id: String,
}

impl From<ProjectVault> for VaultAddress {
    fn from(ProjectVault { path, id }: ProjectVault) -> Self {
        Self { path, id }
    }
}

impl VaultAddress {
    /// Chooses the vault, as [`project::choose`] does. If that is the personal one, no project around this directory
    /// may have had a vault of its own: its commands would use personal secrets without a word.
    ///
    /// # Errors
    ///
    /// [`ProjectError`] for a vault that is there and cannot be used, or that is registered and gone.
    pub fn choose(named: Option<&OsStr>, from: &Path) -> Result<Option<Self>, ProjectError> {
        let chosen = project::choose(named, from)?;
        let is_searched = named.is_none() && !project::is_named_by_variable();
        match chosen {
            None if is_searched => refuse_gone(from).map(|()| None),
            chosen => Ok(chosen.map(Self::from)),
        }
    }

    pub(crate) fn is_within_limits(&self) -> bool {
        self.path.len() <= limits::LABEL_BYTES && self.id.len() <= limits::VAULT_ID_BYTES
    }
}

/// Fails in a project whose registered vault is gone.
fn refuse_gone(from: &Path) -> Result<(), ProjectError> {
    let registered = registered();
    if registered.is_empty() {
        return Ok(());
    }
    let from = if from.as_os_str().is_empty() { Path::new(".") } else { from };
    let Ok(from) = from.canonicalize() else { return Ok(()) };
    let is_gone = |vault: &&PathBuf| from.starts_with(project_of(vault)) && !vault.exists();
    match registered.iter().find(is_gone) {
        Some(vault) => Err(ProjectError::gone(vault)),
        None => Ok(()),
    }
}

/// The directories of the registered vaults, as far as they can be read. The daemon reports a file that cannot be.
fn registered() -> Vec<PathBuf> {
    let Ok(places) = Places::from_environment() else { return Vec::new() };
    let path = places.config.join(REGISTRY_FILE);
    let mut text = String::new();
    let read = regular::open(OpenOptions::new().read(true), &path, Links::Refuse)
        .and_then(|(file, _)| file.take(REGISTRY_BYTES).read_to_string(&mut text));
    // The daemon writes each path into a line. The launcher is to be small, so this is all that is parsed.
    let path_of = |line: &str| {
        let path = line.trim_start().strip_prefix("\"path\": ")?.trim_end_matches(',');
        serde_json::from_str::<String>(path).ok().map(PathBuf::from)
    };
    if read.is_ok() { text.lines().filter_map(path_of).collect() } else { Vec::new() }
}
