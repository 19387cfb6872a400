//! What the config directory knows of the vault: its id, and that it was used.
//!
//! An empty directory can be a vault whose file system is not mounted. So a machine that has used a vault
//! accepts only that one. A machine that has used none accepts what is there.

use std::io;
use std::path::{Path, PathBuf};

use fluvio_secret_system::places::private_directory;

use super::id::{self, IdError, VaultId};
use super::recipients::{ACCEPTED, IN_VAULT, NEXT as NEXT_LIST};
use super::store::{Folder, Prepared, exists};
use super::{OpenError, history, name_of, next};
use fluvio_secret_system::io_error::io_error_text;

/// The file in the config directory.
const FILE: &str = "vault-id";

/// Why the directory at the vault's path is not the vault of this machine.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum Stranger {
    #[error(
        "{path} is another vault than the one that this machine uses; put that one back, or mount its file system; or use this one with: {ACCEPT}",
        path = .path.display()
    )]
    Another { path: PathBuf },
    #[error(
        "the vault {path} is empty, but this machine has used one; mount its file system, or put it back; or start with an empty vault with: {ACCEPT}",
        path = .path.display()
    )]
    Empty { path: PathBuf },
    #[error(
        "the vault {path} does not exist, but this machine has used one; mount its file system, or put it back; or start with an empty vault with: {ACCEPT}",
        path = .path.display()
    )]
    Gone { path: PathBuf },
    #[error(transparent)]
    Id(#[from] IdError),
    #[error("the vault {path} cannot be used: {}", io_error_text(.source), path = .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "the vault {path} has no {vault}, so it may be another than the one that this machine uses; if it is the same, copy {config} there; or use it as another vault with: {ACCEPT}",
        path = .path.display(), vault = id::FILE, config = .config.display()
    )]
    Nameless { path: PathBuf, config: PathBuf },
}

/// The command for a vault that is another one on purpose.
const ACCEPT: &str = "fluvio-secret daemon start --accept-vault";

/// The config directory, for what it knows of the vault.
#[derive(Debug)]
pub(super) struct Remembered {
    config: Folder,
    identity: PathBuf,
}

impl Remembered {
    /// What is known beside this identity.
    pub(super) fn beside(identity: &Path) -> Self {
        let config = identity.parent().unwrap_or(Path::new("/"));
        Self { config: Folder::at(config.to_owned()), identity: identity.to_owned() }
    }

    /// Refuses a directory that is not the vault of this machine. Makes nothing: it may be the
    /// directory below a mount point.
    pub(super) fn check(&self, path: &Path) -> Result<(), Stranger> {
        let failed = |source| Stranger::Io { path: path.to_owned(), source };
        let known = self.id()?;
        let was_used = known.is_some() || self.was_used().map_err(failed)?;
        // Every vault is made before its identity.
        let has_identity = exists(&self.identity).map_err(failed)?;
        if !exists(path).map_err(failed)? {
            return match was_used || has_identity {
                true => Err(Stranger::Gone { path: path.to_owned() }),
                false => Ok(()),
            };
        }
        let folder = Folder::at(path.to_owned());
        let found = VaultId::read(&folder, id::FILE)?;
        match (known, found) {
            (Some(known), Some(found)) if known == found => Ok(()),
            (Some(_), Some(_)) => Err(Stranger::Another { path: path.to_owned() }),
            (None, _) if !was_used => Ok(()),
            (None, _) | (Some(_), None) if is_empty(&folder).map_err(failed)? => {
                Err(Stranger::Empty { path: path.to_owned() })
            }
            (None, _) => Ok(()),
            (Some(_), None) => {
                let config = self.config.path_of(FILE);
                Err(Stranger::Nameless { path: path.to_owned(), config })
            }
        }
    }

    /// The id of this machine's vault; `None` before the first secret.
    pub(super) fn id(&self) -> Result<Option<VaultId>, IdError> {
        VaultId::read(&self.config, FILE)
    }

    /// Remembers this machine's vault, durably, before anything is encrypted for it.
    pub(super) fn remember(&self, vault: &Folder, id: VaultId) -> Result<(), Stranger> {
        match self.id()? {
            None => Ok(self.write(vault, id)?),
            Some(known) if known == id => Ok(()),
            // It was accepted while the daemon ran.
            Some(_) => Err(Stranger::Another { path: vault.path().to_owned() }),
        }
    }

    fn write(&self, vault: &Folder, id: VaultId) -> Result<(), IdError> {
        // A power cut must not leave an id that is remembered and not in the vault.
        let synced = vault.sync();
        synced.map_err(|source| IdError::Write { path: vault.path_of(id::FILE), source })?;
        let prepared = self.config.prepare(FILE, format!("{id}\n").as_bytes(), None);
        let written = prepared.and_then(Prepared::commit);
        written.map_err(|source| IdError::Write { path: self.config.path_of(FILE), source })
    }

    /// Whether secrets were encrypted on this machine, by versions that remembered no id, too.
    fn was_used(&self) -> io::Result<bool> {
        for file in [ACCEPTED, NEXT_LIST, next::FILE] {
            if self.config.has(file)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Takes the directory at the vault's path for this machine's vault from now on. A directory that does
/// not exist is made.
pub fn accept(path: &Path, identity: &Path) -> Result<(), OpenError> {
    private_directory(path)?;
    let failed = |source| OpenError::Io { path: path.to_owned(), source };
    let folder = Folder::at(path.canonicalize().map_err(failed)?);
    let id = id::of_vault(&folder)?;
    Ok(Remembered::beside(identity).write(&folder, id)?)
}

/// Whether a directory has nothing that a used vault has. The files that a daemon makes when it starts do
/// not count.
pub(super) fn is_empty(folder: &Folder) -> io::Result<bool> {
    if folder.has(IN_VAULT)? {
        return Ok(false);
    }
    for name in folder.names()? {
        if name_of(&name?).is_some() {
            return Ok(false);
        }
    }
    Ok(!history::is_in(folder)?)
}
