//! What this machine knows of each vault of a project: `vaults/ID/`, beside the identity.
//!
//! It stays when a vault is forgotten. So `key retire` finds a vault that may still need an old key.

use std::io;
use std::path::{Path, PathBuf};

use fluvio_secret_system::private;

use crate::durable_directory::{DurableDirectory, ReadError, exists};
use crate::error::OpenError;
use crate::id::{self, VaultId};
use crate::registry_error::RegistryError;
use crate::remembered::{self, REMEMBERED_FILE};
use crate::whole_file::PreparedFile;

const KNOWN_VAULTS: &str = "vaults";
/// Where the vault was registered: a JSON array of paths.
const PATHS_FILE: &str = "paths";
const PATHS_BYTES: u64 = 2 << 20;

/// What this machine knows of all vaults of projects.
#[derive(Debug)]
pub(crate) struct KnownVaults {
    path: PathBuf,
}

/// A vault that was registered.
#[derive(Debug)]
pub(crate) struct KnownVault {
    pub(crate) id: VaultId,
    /// Where it was registered. Empty if an early version wrote no paths.
    pub(crate) paths: Vec<String>,
}

impl KnownVaults {
    pub(crate) fn beside(config: &DurableDirectory) -> Self {
        Self { path: config.path_of(KNOWN_VAULTS) }
    }

    /// The directory of one vault.
    pub(crate) fn of(&self, id: VaultId) -> DurableDirectory {
        DurableDirectory::at(self.path.join(id.to_string()))
    }

    /// Makes the directory of a vault, with its id, durably.
    pub(crate) fn prepare(&self, id: VaultId) -> Result<(), RegistryError> {
        let known = self.of(id);
        private::directory(known.path())?;
        if VaultId::read(&known, REMEMBERED_FILE)?.is_none() {
            remembered::refuse_unsigned(&known).map_err(OpenError::from)?;
        }
        write(&known, REMEMBERED_FILE, format!("{id}\n").as_bytes())
    }

    /// All that were registered and not forgotten for good.
    pub(crate) fn list(&self) -> Result<Vec<KnownVault>, RegistryError> {
        let unread = |source| self.unread(&self.path, ReadError::Io(source));
        if !exists(&self.path).map_err(unread)? {
            return Ok(Vec::new());
        }
        let names = DurableDirectory::at(self.path.clone()).names().map_err(unread)?;
        let mut vaults = Vec::new();
        for name in names {
            if let Some(id) = VaultId::parse(&name.map_err(unread)?) {
                vaults.push(KnownVault { id, paths: self.paths(id)? });
            }
        }
        vaults.sort_by_key(|vault| vault.id.to_string());
        Ok(vaults)
    }

    /// Remembers where a vault is. A place where it is not any more is dropped if it has moved.
    pub(crate) fn add(&self, id: VaultId, path: &str) -> Result<(), RegistryError> {
        let mut paths = self.paths(id)?;
        paths.retain(|known| !is_away(Path::new(known), id));
        paths.push(path.to_owned());
        self.write_paths(id, paths)
    }

    /// Forgets where a vault was, and everything of a vault that was nowhere else.
    pub(crate) fn remove(&self, id: VaultId, path: &str) -> Result<(), RegistryError> {
        let mut paths = self.paths(id)?;
        paths.retain(|known| known != path);
        if !paths.is_empty() {
            return self.write_paths(id, paths);
        }
        let known = self.of(id);
        let removed = std::fs::remove_dir_all(known.path());
        removed.map_err(|source| RegistryError::Write { path: known.path().to_owned(), source })
    }

    fn paths(&self, id: VaultId) -> Result<Vec<String>, RegistryError> {
        let known = self.of(id);
        let path = known.path_of(PATHS_FILE);
        match known.read(PATHS_FILE, PATHS_BYTES) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| self.unread(&path, ReadError::Io(io::Error::from(error)))),
            Err(ReadError::Missing) => Ok(Vec::new()),
            Err(source) => Err(self.unread(&path, source)),
        }
    }

    fn write_paths(&self, id: VaultId, mut paths: Vec<String>) -> Result<(), RegistryError> {
        paths.sort();
        paths.dedup();
        let known = self.of(id);
        let path = known.path_of(PATHS_FILE);
        let text = serde_json::to_vec(&paths);
        let text = text.map_err(|error| RegistryError::Write { path, source: error.into() })?;
        write(&known, PATHS_FILE, &text)
    }

    fn unread(&self, path: &Path, source: ReadError) -> RegistryError {
        RegistryError::Read { path: path.to_owned(), source }
    }
}

/// Whether a directory is the vault with this id.
pub(crate) fn is_at(path: &Path, id: VaultId) -> bool {
    let found = VaultId::read(&DurableDirectory::at(path.to_owned()), id::ID_FILE);
    matches!(found, Ok(Some(found)) if found == id)
}

/// Whether the directory of a vault is gone, or is another one now. A disk that cannot be read may come back.
pub(crate) fn is_away(path: &Path, id: VaultId) -> bool {
    match VaultId::read(&DurableDirectory::at(path.to_owned()), id::ID_FILE) {
        Ok(Some(found)) => found != id,
        Ok(None) => exists(path).is_ok(),
        Err(_) => false,
    }
}

fn write(known: &DurableDirectory, name: &str, bytes: &[u8]) -> Result<(), RegistryError> {
    let written = PreparedFile::write(known, name, bytes, None).and_then(PreparedFile::commit);
    let path = known.path_of(name);
    written.map_err(|source| RegistryError::Write { path, source })
}
