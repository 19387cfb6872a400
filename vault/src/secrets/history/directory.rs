//! The directory of a vault's history: `history/ID-HASH` in the data directory. It is not in the vault,
//! because other people may write to a vault.
//!
//! HASH is that of the vault's path, because two clones have the same id. A file in the directory has
//! the path, so that a vault that was moved finds its history. Without it the directory is incomplete.

use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use fluvio_secret_system::hash::fnv_1a;

use crate::durable_directory::{DurableDirectory, ReadError, file_name};
use crate::id::{self, VaultId};
use crate::secrets::history::moving::move_old;
use crate::whole_file::PreparedFile;

const OWNER: &str = ".vault";
/// The directory in it of the revisions that this machine has seen.
pub(super) const SEEN: &str = ".seen";
/// More than `PATH_MAX`.
const OWNER_BYTES: u64 = 8 << 10;

#[derive(Debug)]
pub(crate) struct HistoryDirectory {
    data: DurableDirectory,
    /// The directory in it with the histories of all vaults.
    histories: String,
    vault: DurableDirectory,
    id: VaultId,
    /// Whether nothing has to be moved to the directory any more.
    is_complete: Mutex<bool>,
}

impl HistoryDirectory {
    pub(super) fn of(vault: DurableDirectory, id: VaultId, histories: &Path) -> Self {
        let data = histories.parent().unwrap_or(Path::new("/"));
        // As the path of the vault, which may be below it.
        let data = data.canonicalize().unwrap_or_else(|_| data.to_owned());
        let histories = file_name(histories).to_string_lossy().into_owned();
        Self {
            data: DurableDirectory::at(data),
            histories,
            vault,
            id,
            is_complete: Mutex::new(false),
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.data.path().join(&self.histories).join(self.name())
    }

    /// The directory. The first use makes it, and moves the history there that is in the vault.
    ///
    /// # Errors
    ///
    /// Those of the file system. Nothing is lost, and the next use tries again.
    pub(super) fn open(&self) -> io::Result<DurableDirectory> {
        let mut is_complete = self.is_complete.lock().unwrap_or_else(PoisonError::into_inner);
        let all = self.data.find_or_make(&self.histories)?;
        if !*is_complete {
            self.complete(&all)?;
            *is_complete = true;
        }
        all.find_or_make(&self.name())
    }

    /// Removes the directory, if it has nothing that a vault in use has.
    pub(super) fn remove_unused(&self) -> io::Result<()> {
        let all = self.data.open(&self.histories)?;
        let own = all.open(&self.name())?;
        own.remove_empty(SEEN)?;
        if own.names()?.all(|name| name.is_ok_and(|name| name == OWNER)) {
            own.remove_if_there(OWNER)?;
            all.remove_empty(&self.name())?;
        }
        Ok(())
    }

    fn complete(&self, all: &DurableDirectory) -> io::Result<()> {
        let name = self.name();
        if !all.has(&name)? {
            self.adopt(all)?;
        }
        let own = all.find_or_make(&name)?;
        let owner = owner(&own)?;
        if owner.as_deref() == Some(self.vault_path()) {
            return Ok(());
        }
        if owner.is_none() {
            self.data.sync()?;
            all.sync()?;
            move_old(&self.vault, &own)?;
        }
        let path = [self.vault_path().as_os_str().as_bytes(), b"\n"].concat();
        PreparedFile::write(&own, OWNER, &path, None)?.commit()
    }

    /// Takes over the history of the same vault at another path, if the vault is not there any more.
    fn adopt(&self, all: &DurableDirectory) -> io::Result<()> {
        let prefix = format!("{}-", self.id);
        let mut found = Vec::new();
        for name in all.names()? {
            let name = name?;
            if !name.starts_with(&prefix) {
                continue;
            }
            // A link or a file of this name is not a history.
            let owner = all.open(&name).and_then(|other| owner(&other));
            if owner.is_ok_and(|owner| owner.is_some_and(|path| self.has_left(&path))) {
                found.push(name);
            }
        }
        match &found[..] {
            [] => {}
            [one] => {
                tracing::info!("the vault was moved, so its history {one} is now {}", self.name());
                all.rename_to(one, all, &self.name())?;
                all.sync()?;
            }
            _ => tracing::warn!(
                "several histories belong to earlier paths of this vault: {}; to use one, stop the \
                 daemon, rename that directory to {}",
                found.join(", "),
                self.path().display()
            ),
        }
        Ok(())
    }

    /// Whether the vault is not at this path any more. At a directory without an id, the vault's file
    /// system may be mounted at other times.
    fn has_left(&self, path: &Path) -> bool {
        match fs::canonicalize(self.data.path().join(path)) {
            Ok(path) if path == self.vault.path() => true,
            Ok(path) => {
                let there = VaultId::read(&DurableDirectory::at(path), id::ID_FILE);
                there.is_ok_and(|there| there.is_some_and(|there| there != self.id))
            }
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// The path of the vault. Below the data directory it is the rest of the path, so that both can be
    /// moved together.
    fn vault_path(&self) -> &Path {
        let path = self.vault.path();
        path.strip_prefix(self.data.path()).unwrap_or(path)
    }

    fn name(&self) -> String {
        format!("{}-{:016x}", self.id, fnv_1a(self.vault_path().as_os_str().as_bytes()))
    }
}

/// The path of the vault whose history is in this directory; `None` when it is not complete.
fn owner(folder: &DurableDirectory) -> io::Result<Option<PathBuf>> {
    let bytes = match folder.read(OWNER, OWNER_BYTES) {
        Ok(bytes) => bytes,
        Err(ReadError::Missing) => return Ok(None),
        Err(ReadError::Io(error)) => return Err(error),
        Err(error) => {
            let path = folder.path_of(OWNER);
            return Err(io::Error::other(format!("cannot read {}: {error}", path.display())));
        }
    };
    let path = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    Ok(Some(std::ffi::OsString::from_vec(path.to_owned()).into()))
}
