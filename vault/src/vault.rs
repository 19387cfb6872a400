//! The vault: its secrets, the keys that decrypt them, and whom they are encrypted for.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use fluvio_secret_protocol::{Members, RetiredKey, Role, SecretName};
use fluvio_secret_system::file_id::FileId;
use fluvio_secret_system::hash::fnv_1a;
use fluvio_secret_system::lock::{self, FileLock};

use crate::durable_directory::DurableDirectory;
use crate::error::{OpenError, VaultError};
use crate::git;
use crate::id::{self, VaultId};
use crate::keys::file_keys::FileKeyOwner;
use crate::keys::held::KeyState;
use crate::keys::identity::Recipient;
use crate::keys::identity_file::{IdentityFile, IdentityPlace};
use crate::keys::key_holder::KeyHolder;
use crate::keys::keyring::Keyring;
use crate::members::agreed_members::AgreedMembers;
use crate::members::signing_key::KeyFingerprint;
use crate::members::store::MemberStore;
use crate::place::VaultPlace;
use crate::registry::{RegisteredVault, Registry};
use crate::registry_error::RegistryError;
use crate::rekey::earlier::EarlierChange;
use crate::remembered::{self, Remembered};
use crate::revisions::verifier::RecordVerifier;
use crate::secrets::fingerprint::Fingerprints;
use crate::secrets::history::version_history::VersionHistory;
use crate::secrets::store::SecretFiles;
use crate::site::VaultSite;
use crate::stranger::Stranger;

/// The directories of marks, as they were when they were settled last.
pub(crate) type SettledMarks = [Option<FileId>; 2];

/// A vault that this process owns.
pub struct Vault {
    secrets: SecretFiles,
    keys: Arc<KeyHolder>,
    members: MemberStore,
    id: VaultId,
    place: Arc<VaultPlace>,
    remembered: Remembered,
    site: VaultSite,
    settled: Mutex<Option<SettledMarks>>,
    _lock: FileLock,
}

impl Vault {
    /// Opens the vault, or makes one, and locks its directory. Waits until `deadline` for an owner that
    /// stops.
    ///
    /// `histories` is the directory of the histories of all vaults, `history_depth` the number of earlier
    /// versions of each secret that are kept.
    pub fn open<'a>(
        path: &Path,
        identity: impl Into<IdentityPlace<'a>>,
        histories: &Path,
        history_depth: usize,
        deadline: Instant,
    ) -> Result<Self, OpenError> {
        let place = identity.into();
        let keys = KeyHolder::of(IdentityFile::at(place))?;
        let site = VaultSite {
            path: path.to_owned(),
            config: DurableDirectory::of(place.own),
            identity: place.own.to_owned(),
            histories: histories.to_owned(),
            history_depth,
            is_personal: true,
        };
        Self::open_at(site, Arc::new(keys), deadline)
    }

    /// Opens a vault that is registered beside this one, with the same keys. Locks its directory, and waits until
    /// `deadline` for an owner that stops.
    pub fn open_registered(
        &self,
        vault: &RegisteredVault,
        deadline: Instant,
    ) -> Result<Self, RegistryError> {
        let opened = Self::open_at(self.registry().site_of(vault), self.keys.clone(), deadline);
        opened.map_err(|error| match error {
            OpenError::Stranger(stranger) => stranger.into(),
            error => error.into(),
        })
    }

    /// Opens a vault with keys that other vaults have, too.
    pub(crate) fn open_at(
        site: VaultSite,
        keys: Arc<KeyHolder>,
        deadline: Instant,
    ) -> Result<Self, OpenError> {
        let failed = |source| Stranger::Io { path: site.path.clone(), source };
        let remembered = site.remembered();
        remembered.check(&site.path)?;
        site.prepare()?;
        let place = Arc::new(VaultPlace::find(&site.path).map_err(failed)?);
        let path = place.path();
        let lock = FileLock::take_in(path, ".lock", deadline).map_err(failed)?;
        let lock = lock.ok_or_else(|| OpenError::Owned {
            path: path.to_owned(),
            pid: lock::holder(&path.join(".lock")).or_else(|| lock::holder(path)),
        })?;
        let directory = DurableDirectory::at(path.to_owned());
        let id = id::of_vault(&directory).map_err(Stranger::from)?;
        git::prepare(&directory);
        if site.is_personal {
            keys.remove_temporary()?;
        }
        let (config, signing) = (site.config.clone(), site.signing_key());
        let members = MemberStore::of(id, directory.clone(), config, signing);
        let (histories, depth) = (&site.histories, site.history_depth);
        let history = VersionHistory::of_vault(directory.clone(), id, histories, depth);
        let secrets = SecretFiles::of(directory, history);
        let settled = Mutex::default();
        let vault =
            Self { secrets, keys, members, id, place, remembered, site, settled, _lock: lock };
        vault.remember_if_used();
        vault.warn_of_unfinished();
        Ok(vault)
    }

    /// Remembers a vault that is in use. A machine that cannot write that down can still read it.
    fn remember_if_used(&self) {
        let is_used = remembered::is_empty(self.secrets.directory()).map(|is_empty| !is_empty);
        if is_used.unwrap_or(true)
            && let Err(error) = self.remembered.remember(self.secrets.directory(), self.id)
        {
            tracing::warn!("{error}");
        }
    }

    fn warn_of_unfinished(&self) {
        if let Err(error) = self.earlier_change().refuse_if_begun() {
            tracing::warn!("{error}");
        }
        if let Ok(Members { unfinished: Some(_), .. }) = self.listed_members() {
            tracing::warn!(
                "a change of the identity or the members is not finished: run fluvio-secret key rotate"
            );
        }
    }

    /// The id, which no other vault has.
    pub fn id(&self) -> VaultId {
        self.id
    }

    /// Whether it is the user's own vault, and no project's.
    pub(crate) fn is_personal(&self) -> bool {
        self.site.is_personal
    }

    /// The vault's directory.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// The keys that decrypt it.
    pub fn keys(&self) -> &KeyHolder {
        &self.keys
    }

    /// The files of the secrets.
    pub fn secrets(&self) -> &SecretFiles {
        &self.secrets
    }

    pub(crate) fn site(&self) -> &VaultSite {
        &self.site
    }

    pub(crate) fn members(&self) -> &MemberStore {
        &self.members
    }

    pub(crate) fn earlier_change(&self) -> EarlierChange {
        EarlierChange::beside(&self.site.identity)
    }

    /// The vaults that the user has registered beside this one.
    pub fn registry(&self) -> Registry {
        Registry::of(self.site.clone())
    }

    pub(crate) fn file_key_owner(&self, name: &SecretName) -> FileKeyOwner {
        (fnv_1a(self.path().as_os_str().as_bytes()), name.clone())
    }

    /// Wipes the file key of a secret, whose file is replaced or removed.
    pub(crate) fn forget_file_key(&self, name: &SecretName) {
        self.keys.forget_file_key(&self.file_key_owner(name));
    }

    /// Fails if the directory at the vault's path is not the one that was locked.
    pub fn refuse_if_moved(&self) -> Result<(), VaultError> {
        match self.place.is_here() {
            true => Ok(()),
            false => Err(VaultError::Moved { path: self.path().to_owned() }),
        }
    }

    /// The fingerprints of the secrets, for a reader that needs no key.
    pub fn fingerprints(&self) -> Fingerprints {
        Fingerprints::at(self.place.clone())
    }

    /// Which records count, by the members that this machine has accepted.
    pub(crate) fn verifier(&self) -> Result<RecordVerifier, VaultError> {
        let read = self.members.read()?;
        // A machine that cannot write down what it accepts, such as a container, still reads its own vault.
        let members = match &read.accepted {
            Some(accepted) => Some(accepted.clone()),
            // While this machine waits to be admitted, only a list of the admin whom it trusts counts.
            None if self.site.is_personal && self.members.waits_for()?.is_none() => {
                read.newest_found(self.id)
            }
            None => None,
        };
        let former = self.members.former()?;
        let takes_unsigned = !self.remembered.is_signed_only()?;
        Ok(RecordVerifier { members, former, takes_unsigned })
    }

    /// Refuses records without a signature from now on.
    pub(crate) fn set_signed_only(&self) -> Result<(), VaultError> {
        Ok(self.remembered.set_signed_only()?)
    }

    /// How the marks of removals were when they were settled last.
    pub(crate) fn settled(&self) -> MutexGuard<'_, Option<SettledMarks>> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whom to encrypt for. The first use of all makes the identity.
    pub fn recipients(&self) -> Result<Vec<Recipient>, VaultError> {
        let members = self.prepare_members()?.members;
        Ok(members.iter().map(|member| member.recipient().clone()).collect())
    }

    pub(crate) fn prepare_members(&self) -> Result<AgreedMembers, VaultError> {
        self.earlier_change().refuse_if_begun()?;
        self.members.refuse_if_waiting()?;
        // Before anything is encrypted that an empty directory could be mistaken for.
        self.remember_vault()?;
        let own = match self.keys.durable_recipients()? {
            Ok(own) => own,
            Err(KeyState::None) => vec![self.new_identity()?],
            // Encrypting needs no key, if the accepted list is there.
            Err(_) => Vec::new(),
        };
        Ok(self.members.prepare(&own)?)
    }

    /// Fails if this machine may not change the vault, as far as is known. Writes nothing.
    ///
    /// # Errors
    ///
    /// Also those of a list or a key that cannot be read.
    pub fn refuse_change(&self) -> Result<(), VaultError> {
        Ok(self.members.refuse_change(&self.own_recipients()?)?)
    }

    /// Whether this machine waits to be admitted, and so has nothing of the vault.
    pub fn waits_for_admission(&self) -> bool {
        self.members.waits_for().is_ok_and(|admin| admin.is_some())
    }

    pub(crate) fn remember_vault(&self) -> Result<(), VaultError> {
        self.remember_as(self.id)
    }

    /// Remembers the vault with an id that its directory has got.
    pub(crate) fn remember_as(&self, id: VaultId) -> Result<(), VaultError> {
        Ok(self.remembered.remember(self.secrets.directory(), id)?)
    }

    /// Whether this machine has used the vault, as far as that is known.
    pub(crate) fn was_used(&self) -> Result<bool, VaultError> {
        let is_remembered = self.remembered.id().map_err(Stranger::from)?.is_some();
        Ok(is_remembered || self.needs_identity()? || !self.members.read()?.is_empty())
    }

    /// The key of this machine. The first use of all makes the identity, with the list of the vault.
    pub fn own_recipient(&self) -> Result<Recipient, VaultError> {
        match self.keys.durable_recipients()? {
            Ok(own) => own.into_iter().next().ok_or_else(|| self.keys.lost()),
            Err(KeyState::None) => {
                self.prepare_members()?;
                let own = self.own_recipients()?.into_iter().next();
                own.ok_or_else(|| self.keys.lost())
            }
            Err(_) => self.locked_recipient(),
        }
    }

    /// The key of this machine while the vault is locked, if the accepted list has it.
    pub(crate) fn locked_recipient(&self) -> Result<Recipient, VaultError> {
        self.members.own()?.ok_or_else(|| self.keys.locked())
    }

    pub(crate) fn new_identity(&self) -> Result<Recipient, VaultError> {
        // A vault that has had secrets had an identity. A new one would not decrypt them. Before a vault of a project
        // is registered, there is one.
        if !self.site.is_personal || self.needs_identity()? {
            return Err(self.keys.lost());
        }
        self.keys.make().map_err(|error| self.keys.failed(error))
    }

    /// Whether there is a secret, an earlier version, a list of recipients, or another vault.
    fn needs_identity(&self) -> Result<bool, VaultError> {
        let has_others = self.registry().is_used();
        Ok(has_others || self.members.is_in_vault()? || self.secrets.has_any()?)
    }

    /// Whether there is no identity, although something here needs one.
    pub fn has_lost_identity(&self) -> Result<bool, VaultError> {
        match self.keys.checked_state()? {
            KeyState::None => self.needs_identity(),
            _ => Ok(false),
        }
    }

    /// The current public key, as far as it is known.
    pub fn recipient(&self) -> Result<Option<String>, VaultError> {
        Ok(self.own_recipients()?.first().map(ToString::to_string))
    }

    /// The public keys of this machine, the current one first. Only that one is known while the vault is
    /// locked.
    pub fn own_recipients(&self) -> Result<Vec<Recipient>, VaultError> {
        match self.keys.try_with(Keyring::recipients)? {
            Ok(own) => Ok(own),
            Err(KeyState::None) => Ok(Vec::new()),
            Err(_) => Ok(self.members.own()?.into_iter().collect()),
        }
    }

    /// The retired keys; empty while they are not known.
    pub fn retired_keys(&self) -> Result<Vec<RetiredKey>, VaultError> {
        Ok(self.keys.try_with(Keyring::retired)?.unwrap_or_default())
    }

    /// Remembers the current public key, for when the vault is locked.
    pub fn remember(&self, own: &Recipient) -> Result<(), VaultError> {
        match self.members.waits_for()? {
            Some(_) => Ok(()),
            None => Ok(self.members.begin_if_none(own)?),
        }
    }

    /// Asks the admins to admit this machine, by a file in the vault. Returns that, and the fingerprint of this machine;
    /// no file if it has this role already.
    pub fn request_membership(
        &self,
        role: Role,
        note: Option<&str>,
    ) -> Result<(Option<PathBuf>, KeyFingerprint), VaultError> {
        let own = self.own_recipients()?;
        let own = own.first().ok_or_else(|| self.keys.lost())?;
        Ok(self.members.request(own, role, note)?)
    }

    /// The members of the vault.
    pub fn listed_members(&self) -> Result<Members, VaultError> {
        Ok(self.members.listed(&self.own_recipients()?)?)
    }
}
