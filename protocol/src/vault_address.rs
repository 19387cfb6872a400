//! Which vault a request is about.

use fluvio_secret_system::project::ProjectVault;
use serde::{Deserialize, Serialize};

use crate::limits;

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
    pub(crate) fn is_within_limits(&self) -> bool {
        self.path.len() <= limits::LABEL_BYTES && self.id.len() <= limits::VAULT_ID_BYTES
    }
}
