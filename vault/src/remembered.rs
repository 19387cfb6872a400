//! What the config directory knows of the vault: its id, and whether it was used.
//!
//! An empty directory can be a vault whose file system is not mounted. So a machine that has used a
//! vault accepts only that one. Any other machine accepts what is there.

use std::io;
use std::path::{Path, PathBuf};

use fluvio_secret_system::places::PlaceError;
use fluvio_secret_system::private;

use crate::durable_directory::{DurableDirectory, exists};
use crate::error::OpenError;
use crate::id::{self, IdError, VaultId};
use crate::members::earlier_list::{EARLIER_ACCEPTED, EARLIER_IN_VAULT};
use crate::members::store::{ACCEPTED, NEXT};
use crate::members::versions::VERSIONS;
use crate::secrets::file_name::name_of;
use crate::secrets::history::moving;
use crate::stranger::Stranger;
use crate::whole_file::PreparedFile;

pub(crate) const REMEMBERED_FILE: &str = "vault-id";
/// An empty file: records without a signature are refused.
const SIGNED_ONLY: &str = "signed-only";

#[derive(Debug)]
pub(crate) struct Remembered {
    config: DurableDirectory,
    identity: PathBuf,
}

impl Remembered {
    pub(crate) fn of(config: DurableDirectory, identity: &Path) -> Self {
        Self { config, identity: identity.to_owned() }
    }

    /// Refuses a directory that is not the vault of this machine. Makes nothing: it may be the
    /// directory below a mount point.
    pub(crate) fn check(&self, path: &Path) -> Result<(), Stranger> {
        let failed = |source| Stranger::Io { path: path.to_owned(), source };
        let known = self.id()?;
        let was_used = known.is_some() || self.was_used().map_err(failed)?;
        if !exists(path).map_err(failed)? {
            return match was_used {
                true => Err(Stranger::Gone { path: path.to_owned() }),
                false => Ok(()),
            };
        }
        let directory = DurableDirectory::at(path.to_owned());
        let found = VaultId::read(&directory, id::ID_FILE)?;
        match (known, found) {
            (Some(known), Some(found)) if known == found => Ok(()),
            (Some(_), Some(_)) => Err(Stranger::Another { path: path.to_owned() }),
            (None, _) if !was_used => Ok(()),
            (None, _) | (Some(_), None) if is_empty(&directory).map_err(failed)? => {
                Err(Stranger::Empty { path: path.to_owned() })
            }
            (None, _) => Ok(()),
            (Some(_), None) => {
                let config = self.config.path_of(REMEMBERED_FILE);
                Err(Stranger::Nameless { path: path.to_owned(), config })
            }
        }
    }

    /// The id of this machine's vault; `None` before the first secret.
    pub(crate) fn id(&self) -> Result<Option<VaultId>, IdError> {
        VaultId::read(&self.config, REMEMBERED_FILE)
    }

    /// Remembers this machine's vault, durably, before anything is encrypted for it.
    pub(crate) fn remember(&self, vault: &DurableDirectory, id: VaultId) -> Result<(), Stranger> {
        match self.id()? {
            None => self.write(vault, id),
            Some(known) if known == id => Ok(()),
            // It was accepted while the daemon ran.
            Some(_) => Err(Stranger::Another { path: vault.path().to_owned() }),
        }
    }

    /// Whether records without a signature are refused: in each vault that this machine has not used with an early
    /// version.
    pub(crate) fn is_signed_only(&self) -> Result<bool, Stranger> {
        let path = || self.config.path_of(SIGNED_ONLY);
        let is_set = self.config.has(SIGNED_ONLY);
        let is_set = is_set.map_err(|source| Stranger::Io { path: path(), source })?;
        Ok(is_set || self.id()?.is_none())
    }

    /// Refuses records without a signature from now on, durably.
    pub(crate) fn set_signed_only(&self) -> Result<(), Stranger> {
        refuse_unsigned(&self.config)
    }

    fn write(&self, vault: &DurableDirectory, id: VaultId) -> Result<(), Stranger> {
        if self.id()?.is_none() {
            self.set_signed_only()?;
        }
        // A power cut must not leave an id that is remembered and not in the vault.
        let synced = vault.sync();
        synced.map_err(|source| IdError::Write { path: vault.path_of(id::ID_FILE), source })?;
        let text = format!("{id}\n");
        let prepared = PreparedFile::write(&self.config, REMEMBERED_FILE, text.as_bytes(), None);
        let written = prepared.and_then(PreparedFile::commit);
        written.map_err(|source| IdError::Write {
            path: self.config.path_of(REMEMBERED_FILE),
            source,
        })?;
        Ok(())
    }

    /// Whether there was a vault, even one of a version that remembered no id. Every vault is made before
    /// its identity.
    fn was_used(&self) -> io::Result<bool> {
        for list in [ACCEPTED, NEXT, EARLIER_ACCEPTED] {
            if self.config.has(list)? {
                return Ok(true);
            }
        }
        exists(&self.identity)
    }
}

/// Refuses records without a signature in the vault of which this directory is what is known.
pub(crate) fn refuse_unsigned(config: &DurableDirectory) -> Result<(), Stranger> {
    let written = PreparedFile::write(config, SIGNED_ONLY, b"", None);
    let path = || config.path_of(SIGNED_ONLY);
    let written = written.and_then(PreparedFile::commit);
    written.map_err(|source| Stranger::Io { path: path(), source })
}

/// Makes the directory at the vault's path this machine's vault. A missing one is created.
pub fn accept(path: &Path, identity: &Path) -> Result<(), OpenError> {
    private::directory(path).map_err(PlaceError::from)?;
    let failed = |source| Stranger::Io { path: path.to_owned(), source };
    let directory = DurableDirectory::at(path.canonicalize().map_err(failed)?);
    let id = id::of_vault(&directory).map_err(Stranger::from)?;
    Ok(Remembered::of(DurableDirectory::of(identity), identity).write(&directory, id)?)
}

/// Whether a directory has nothing that a used vault has. What a daemon writes when it starts does not
/// count.
pub(crate) fn is_empty(directory: &DurableDirectory) -> io::Result<bool> {
    if directory.has(VERSIONS)? || directory.has(EARLIER_IN_VAULT)? {
        return Ok(false);
    }
    for name in directory.names()? {
        if name_of(&name?).is_some() {
            return Ok(false);
        }
    }
    Ok(!moving::is_in(directory)?)
}
