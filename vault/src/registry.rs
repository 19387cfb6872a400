//! The vaults of projects that the user has registered. The daemon opens no other directory.
//!
//! Beside the identity, `vaults.json` lists them, and `vaults/ID/` has what this machine knows of each: its id, the
//! members that were accepted, and its paths.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fluvio_secret_protocol::{REGISTRY_BYTES, REGISTRY_FILE, limits};
use fluvio_secret_system::private::{DIRECTORY_MODE, PrivateError};
use serde::{Deserialize, Serialize};

use crate::durable_directory::{DurableDirectory, ReadError, is_temporary};
use crate::error::OpenError;
use crate::git;
use crate::id::{self, VaultId};
use crate::inspection::Inspection;
use crate::keys::identity::Recipient;
use crate::known_vaults::{KnownVaults, is_at, is_away};
use crate::members::signing_key_file::SigningKeyFile;
use crate::registry_error::RegistryError;
use crate::remembered::is_empty;
use crate::site::{VaultSite, check_project};
use crate::whole_file::PreparedFile;

const REGISTRY_FORMAT: u32 = 1;

/// The vaults that the user has registered beside the personal one.
pub struct Registry {
    /// That of the personal vault.
    site: VaultSite,
    /// Locked while the list is changed.
    changing: Mutex<()>,
}

/// A vault that the user has registered.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RegisteredVault {
    /// Its directory, without links when it was registered.
    pub path: String,
    /// Its id.
    pub id: VaultId,
    /// Whether secrets that it does not have are taken from the personal vault.
    pub with_personal: bool,
}

/// A registered vault that was looked for.
#[derive(Clone, Debug)]
pub struct FoundVault {
    /// The vault, where it is.
    pub vault: RegisteredVault,
    /// As it was registered, if it has moved.
    pub before: Option<RegisteredVault>,
}

#[derive(Default, Deserialize, Serialize)]
struct RegistryContent {
    format: u32,
    vaults: Vec<RegisteredVault>,
}

impl Registry {
    pub(crate) fn of(site: VaultSite) -> Self {
        Self { site, changing: Mutex::default() }
    }

    /// Whether a vault is registered, as far as that is known.
    pub(crate) fn is_used(&self) -> bool {
        self.list().map_or(true, |vaults| !vaults.is_empty())
    }

    /// The registered vaults, in the order of their paths.
    pub fn list(&self) -> Result<Vec<RegisteredVault>, RegistryError> {
        let path = || self.site.config.path_of(REGISTRY_FILE);
        let bytes = match self.site.config.read(REGISTRY_FILE, REGISTRY_BYTES) {
            Ok(bytes) => bytes,
            Err(ReadError::Missing) => return Ok(Vec::new()),
            Err(source) => return Err(RegistryError::Read { path: path(), source }),
        };
        let content: RegistryContent = serde_json::from_slice(&bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            RegistryError::Bad { path: path(), line, column }
        })?;
        match content.format {
            REGISTRY_FORMAT => Ok(content.vaults),
            format => Err(RegistryError::Newer { path: path(), format }),
        }
    }

    /// The registered vault with this directory and id, or one that has moved there. [`Registry::take_over`] remembers
    /// the new place.
    pub fn find(&self, path: &str, id: &str) -> Result<FoundVault, RegistryError> {
        let unknown = || RegistryError::Unknown { path: path.into() };
        let id = VaultId::parse(id).ok_or_else(unknown)?;
        let mut vaults = self.list()?;
        if let Some(found) = vaults.iter().find(|vault| vault.path == path) {
            return match found.id == id {
                true => Ok(FoundVault { vault: found.clone(), before: None }),
                false => Err(RegistryError::Another { path: path.into() }),
            };
        }
        let directory = Path::new(path);
        if !directory.canonicalize().is_ok_and(|real| real.as_os_str() == directory.as_os_str())
            || !is_at(directory, id)
        {
            return Err(unknown());
        }
        vaults.retain(|vault| vault.id == id && is_away(Path::new(&vault.path), id));
        let before = vaults.into_iter().next().ok_or_else(unknown)?;
        // Anyone can make a directory with this id. The personal vault is not opened to it without a question.
        let vault = RegisteredVault { path: path.to_owned(), id, with_personal: false };
        Ok(FoundVault { vault, before: Some(before) })
    }

    /// Remembers the new place of a vault that has moved.
    pub fn take_over(&self, found: &FoundVault) -> Result<(), RegistryError> {
        let FoundVault { vault, before } = found;
        let Some(before) = before else { return Ok(()) };
        let _changing = self.changing();
        let mut vaults = self.list()?;
        let is_it = |vault: &RegisteredVault| vault.path == before.path && vault.id == before.id;
        let unknown = || RegistryError::Unknown { path: vault.path.as_str().into() };
        let at = vaults.iter().position(is_it).ok_or_else(unknown)?;
        vaults[at] = vault.clone();
        self.known().add(vault.id, &vault.path)?;
        self.write(vaults)
    }

    pub(crate) fn site_of(&self, vault: &RegisteredVault) -> VaultSite {
        let path = PathBuf::from(&vault.path);
        let config = self.known().of(vault.id);
        VaultSite { path, config, is_personal: false, ..self.site.clone() }
    }

    /// Makes a vault in a new directory, whose parent exists, for the keys of this machine. Registers it.
    pub fn make(&self, path: &Path, own: &[Recipient]) -> Result<RegisteredVault, RegistryError> {
        let directory = self.make_directory(path, None)?;
        id::of_vault(&directory)?;
        git::prepare(&directory);
        let made = self.inspect(path)?;
        self.known().prepare(made.id)?;
        made.begin(own)?;
        let made = self.inspect(path)?;
        let list = made.list()?.hash().to_string();
        self.register(&made, &list, None)
    }

    /// Makes the directory of a vault. An existing directory must be empty, or the vault with this id.
    pub(crate) fn make_directory(
        &self,
        path: &Path,
        id: Option<VaultId>,
    ) -> Result<DurableDirectory, RegistryError> {
        let failed = |source| RegistryError::Make { path: path.to_owned(), source };
        let vaults = self.list()?;
        let others = vaults.iter().filter(|vault| Path::new(&vault.path) != path);
        if others.count() >= limits::VAULTS {
            return Err(RegistryError::Many);
        }
        let is_made = match DirBuilder::new().mode(DIRECTORY_MODE).create(path) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(failed(error)),
        };
        if path.is_symlink() {
            // A repository can have one that points to any directory.
            return Err(RegistryError::Link { path: path.to_owned() });
        }
        let directory = DurableDirectory::at(path.canonicalize().map_err(failed)?);
        if id.is_some_and(|id| is_at(directory.path(), id)) {
            return Ok(directory);
        }
        let is_here = |vault: &RegisteredVault| {
            Path::new(&vault.path) == directory.path() && is_at(directory.path(), vault.id)
        };
        if vaults.iter().any(is_here) {
            return Err(RegistryError::Registered { path: path.to_owned() });
        }
        if !is_made && !is_empty(&directory).map_err(failed)? {
            return Err(RegistryError::Exists { path: path.to_owned() });
        }
        if let Some(file) = strange_file(&directory).map_err(failed)? {
            return Err(RegistryError::NotEmpty { path: path.to_owned(), file });
        }
        if let Some(id) = id
            && VaultId::read(&directory, id::ID_FILE)?.is_some_and(|found| found != id)
        {
            return Err(RegistryError::Exists { path: path.to_owned() });
        }
        DurableDirectory::of(directory.path()).sync().map_err(failed)?;
        Ok(directory)
    }

    /// What a directory is that may be registered. Reads its id, its list of recipients, and its names.
    pub fn inspect(&self, path: &Path) -> Result<Inspection, RegistryError> {
        let failed = |source| RegistryError::Make { path: path.to_owned(), source };
        let path = path.canonicalize().map_err(failed)?;
        if self.site.path.canonicalize().is_ok_and(|personal| personal == path) {
            return Err(RegistryError::Personal { path });
        }
        check_project(&path).map_err(OpenError::from)?;
        if let Some(found) = VaultId::read(&DurableDirectory::at(path.clone()), id::ID_FILE)? {
            self.refuse_personal(&path, found)?;
        }
        Inspection::of(&path, |id| self.known().of(id), self.site.signing_key())
    }

    /// Registers a vault with the list of members that the user was shown, by its hash.
    pub fn register(
        &self,
        inspected: &Inspection,
        shown: &str,
        with_personal: Option<bool>,
    ) -> Result<RegisteredVault, RegistryError> {
        self.enter(inspected, with_personal, || {
            self.known().prepare(inspected.id)?;
            inspected.accept(shown)
        })
    }

    /// Fails for the id of the personal vault: a record of one would count in the other.
    pub(crate) fn refuse_personal(&self, path: &Path, id: VaultId) -> Result<(), RegistryError> {
        let personal = DurableDirectory::at(self.site.path.clone());
        match VaultId::read(&personal, id::ID_FILE)? == Some(id) {
            true => Err(RegistryError::PersonalId { path: path.to_owned() }),
            false => Ok(()),
        }
    }

    /// Makes the directory of what this machine knows of the vault with this id.
    pub(crate) fn prepare_known(&self, id: VaultId) -> Result<DurableDirectory, RegistryError> {
        self.known().prepare(id)?;
        Ok(self.known().of(id))
    }

    pub(crate) fn signing_key(&self) -> SigningKeyFile {
        self.site.signing_key()
    }

    /// Registers a vault after this machine has written down whom it trusts.
    pub(crate) fn enter(
        &self,
        inspected: &Inspection,
        with_personal: Option<bool>,
        trust: impl FnOnce() -> Result<(), RegistryError>,
    ) -> Result<RegisteredVault, RegistryError> {
        let path = inspected.text_of_path()?;
        let _changing = self.changing();
        let mut vaults = self.list()?;
        let before = vaults.iter().position(|vault| vault.path == path);
        let before = before.map(|at| vaults.remove(at));
        if vaults.len() >= limits::VAULTS {
            return Err(RegistryError::Many);
        }
        trust()?;
        self.known().add(inspected.id, path)?;
        let is_same = |vault: &RegisteredVault| vault.id == inspected.id;
        let kept = before.filter(is_same).is_some_and(|vault| vault.with_personal);
        let with_personal = with_personal.unwrap_or(kept);
        let vault = RegisteredVault { path: path.to_owned(), id: inspected.id, with_personal };
        vaults.push(vault.clone());
        self.write(vaults)?;
        Ok(vault)
    }

    /// Removes a vault from the registered ones. Its directory stays. Until it is also forgotten `for_good`,
    /// [`Registry::refuse_if_any_is_forgotten`] names it.
    pub fn forget(&self, path: &str, for_good: bool) -> Result<(), RegistryError> {
        let _changing = self.changing();
        let mut vaults = self.list()?;
        let is_it = |vault: &RegisteredVault| vault.path == path;
        let mut known = if for_good { self.known().list()? } else { Vec::new() };
        known.retain(|vault| vault.paths.iter().any(|known| known == path));
        let registered = vaults.iter().position(is_it).map(|at| vaults.remove(at));
        if registered.is_none() && known.is_empty() {
            return Err(RegistryError::Unknown { path: path.into() });
        }
        if registered.is_some() {
            self.write(vaults)?;
        }
        known.iter().try_for_each(|vault| self.known().remove(vault.id, path))
    }

    /// Fails if this machine knows of a vault that is not registered: a change of the identity has left it as it was.
    pub fn refuse_if_any_is_forgotten(&self) -> Result<(), RegistryError> {
        let registered = self.list()?;
        for known in self.known().list()? {
            let of_this = registered.iter().filter(|vault| vault.id == known.id);
            let here: Vec<_> = of_this.map(|vault| &vault.path).collect();
            if here.is_empty() && known.paths.is_empty() {
                let directory = self.known().of(known.id).path().to_owned();
                return Err(RegistryError::Nowhere { directory });
            }
            if let Some(path) = known.paths.iter().find(|path| !here.contains(path)) {
                return Err(RegistryError::Forgotten { path: path.into() });
            }
        }
        Ok(())
    }

    fn known(&self) -> KnownVaults {
        KnownVaults::beside(&self.site.config)
    }

    fn write(&self, mut vaults: Vec<RegisteredVault>) -> Result<(), RegistryError> {
        vaults.sort_by(|one, other| one.path.cmp(&other.path));
        let content = RegistryContent { format: REGISTRY_FORMAT, vaults };
        let write = || {
            let mut text = serde_json::to_vec_pretty(&content)?;
            text.push(b'\n');
            PreparedFile::write(&self.site.config, REGISTRY_FILE, &text, None)?.commit()
        };
        let path = self.site.config.path_of(REGISTRY_FILE);
        write().map_err(|source| RegistryError::Write { path, source })
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file in a directory that a `vault init` which was killed has not left there.
fn strange_file(directory: &DurableDirectory) -> io::Result<Option<PathBuf>> {
    let left = [git::IGNORE_FILE, git::ATTRIBUTES_FILE, id::ID_FILE];
    for entry in fs::read_dir(directory.path())? {
        let name = entry?.file_name();
        let is_left = |name: &str| left.contains(&name) || is_temporary(name);
        if !name.to_str().is_some_and(is_left) {
            return Ok(Some(name.into()));
        }
    }
    Ok(None)
}

impl From<PrivateError> for RegistryError {
    fn from(error: PrivateError) -> Self {
        Self::Open(OpenError::Place(error.into()))
    }
}

#[cfg(test)]
mod tests;
