//! The vault: its secrets, the keys that decrypt them, and whom they are encrypted for.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use fluvio_secret_protocol::{Found, Recipients, RetiredKey, Secret, SecretName, Unfinished};
use fluvio_secret_system::lock::{self, FileLock};
use fluvio_secret_system::places::PlaceError;
use fluvio_secret_system::private;
use zeroize::Zeroizing;

use crate::durable_directory::DurableDirectory;
use crate::error::{OpenError, VaultError};
use crate::git;
use crate::id::{self, VaultId};
use crate::keys::encryption::DecryptFailure;
use crate::keys::held::KeyState;
use crate::keys::identity::Recipient;
use crate::keys::identity_file::{IdentityFile, IdentityPlace};
use crate::keys::key_holder::KeyHolder;
use crate::keys::keyring::Keyring;
use crate::place::VaultPlace;
use crate::recipients::list::ListedKey;
use crate::recipients::lists::RecipientLists;
use crate::rekey::earlier::EarlierChange;
use crate::remembered::{self, Remembered};
use crate::secrets::fingerprint::{Fingerprints, Given, fingerprint};
use crate::secrets::history::version_history::VersionHistory;
use crate::secrets::record::{BadRecord, Record};
use crate::secrets::store::SecretFiles;
use crate::stranger::Stranger;

/// A vault that this process owns.
pub struct Vault {
    secrets: SecretFiles,
    keys: KeyHolder,
    recipients: RecipientLists,
    earlier_change: EarlierChange,
    id: VaultId,
    place: Arc<VaultPlace>,
    remembered: Remembered,
    _lock: FileLock,
}

/// Decrypts several secrets.
pub struct SecretReader<'a> {
    vault: &'a Vault,
    /// Whether the held keys are those of the identity's file.
    is_checked: bool,
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
        let identity = place.own;
        let keys = KeyHolder::of(IdentityFile::at(place))?;
        let failed = |source| Stranger::Io { path: path.to_owned(), source };
        let remembered = Remembered::beside(identity);
        remembered.check(path)?;
        private::directory(path).map_err(PlaceError::from)?;
        let place = Arc::new(VaultPlace::find(path).map_err(failed)?);
        let path = place.path();
        let lock = FileLock::take_in(path, ".lock", deadline).map_err(failed)?;
        let lock = lock.ok_or_else(|| OpenError::Owned {
            path: path.to_owned(),
            pid: lock::holder(&path.join(".lock")).or_else(|| lock::holder(path)),
        })?;
        let directory = DurableDirectory::at(path.to_owned());
        let id = id::of_vault(&directory).map_err(Stranger::from)?;
        git::prepare(&directory);
        keys.remove_temporary()?;
        let recipients = RecipientLists::of(directory.clone(), identity);
        let history = VersionHistory::of_vault(directory.clone(), id, histories, history_depth);
        let secrets = SecretFiles::of(directory, history);
        let earlier_change = EarlierChange::beside(identity);
        let vault =
            Self { secrets, keys, recipients, earlier_change, id, place, remembered, _lock: lock };
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
        if let Err(error) = self.earlier_change.refuse_if_begun() {
            tracing::warn!("{error}");
        }
        let command = match self.listed_recipients().map(|recipients| recipients.unfinished) {
            Ok(Some(Unfinished::Identity)) => "rotate",
            Ok(Some(Unfinished::Recipients)) => "recipient accept",
            Ok(None) | Err(_) => return,
        };
        tracing::warn!(
            "a change of the identity or the recipients is not finished: run fluvio-secret key {command}"
        );
    }

    /// The id, which no other vault has.
    pub fn id(&self) -> VaultId {
        self.id
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

    pub(crate) fn recipient_lists(&self) -> &RecipientLists {
        &self.recipients
    }

    pub(crate) fn earlier_change(&self) -> &EarlierChange {
        &self.earlier_change
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

    /// Decrypts a secret, whose file key is not kept.
    pub fn read(&self, name: &SecretName) -> Result<Secret, VaultError> {
        self.record(name).map(|record| record.value)
    }

    pub(crate) fn record(&self, name: &SecretName) -> Result<Record, VaultError> {
        self.decrypted(name, false, Keyring::decrypt).map(|(_, record)| record)
    }

    /// A reader of several secrets. The file of the identity is checked now, and not for each.
    pub fn reader(&self) -> SecretReader<'_> {
        // If this fails, so does each read.
        SecretReader { vault: self, is_checked: self.keys.checked_state().is_ok() }
    }

    fn decrypted(
        &self,
        name: &SecretName,
        mut is_checked: bool,
        decrypt: impl Fn(&Keyring, &[u8]) -> Result<Zeroizing<Vec<u8>>, DecryptFailure>,
    ) -> Result<(Vec<u8>, Record), VaultError> {
        let file = self.secrets.current(name);
        let mut encrypted = file.read().inspect_err(|error| {
            if matches!(error, VaultError::Missing) {
                self.keys.forget_file_key(name);
            }
        })?;
        loop {
            match self.decrypt_by(name, is_checked, |keys| decrypt(keys, &encrypted)) {
                Err(error @ VaultError::Damaged { .. }) => {
                    // It may have been encrypted again, for a key that was not there before.
                    let now = file.read()?;
                    if now == encrypted && !is_checked {
                        return Err(self.or_for_others(error));
                    }
                    encrypted = now;
                    is_checked = false;
                }
                decrypted => return decrypted.map(|record| (encrypted, record)),
            }
        }
    }

    /// The error of a file that this machine's keys do not decrypt. If none of them is a recipient of the vault,
    /// the file is as good as any.
    fn or_for_others(&self, error: VaultError) -> VaultError {
        match error {
            VaultError::Damaged {
                file,
                source: source @ BadRecord::Encrypted(DecryptFailure::OtherIdentity),
            } if self.is_for_others() => VaultError::ForOthers { file, source },
            error => error,
        }
    }

    /// Whether the vault has recipients, and this machine is not among them.
    fn is_for_others(&self) -> bool {
        let Ok(Recipients { recipients, .. }) = self.listed_recipients() else { return false };
        let mut listed = recipients.iter().filter(|one| one.listed).peekable();
        listed.peek().is_some() && !listed.any(|one| one.own)
    }

    pub(crate) fn decrypt_by(
        &self,
        name: &SecretName,
        is_checked: bool,
        decrypt: impl FnOnce(&Keyring) -> Result<Zeroizing<Vec<u8>>, DecryptFailure>,
    ) -> Result<Record, VaultError> {
        let plain = match is_checked {
            true => self.keys.with_checked(decrypt)?,
            false => self.keys.with(decrypt)?,
        };
        let plain = plain.map_err(BadRecord::from);
        let record = plain.and_then(|plain| Record::of(name, &plain));
        record.map_err(|why| self.secrets.current(name).damaged(why))
    }

    /// Removes a secret and its history, durably. The next call finishes one that was killed.
    pub fn purge(&self, name: &SecretName) -> Result<(), VaultError> {
        self.keys.forget_file_key(name);
        self.secrets.purge(name)
    }

    /// Compares a value with the one that the vault has under a name.
    pub fn compare(&self, name: &SecretName, value: &Secret) -> Result<Found, VaultError> {
        match self.read(name) {
            Ok(current) if current.expose() == value.expose() => Ok(Found::Same),
            // A damaged one can be replaced like any other.
            Ok(_) | Err(VaultError::Damaged { .. } | VaultError::ForOthers { .. }) => {
                Ok(Found::Other)
            }
            Err(VaultError::Missing) => Ok(Found::Nothing),
            Err(error) => Err(error),
        }
    }

    /// The fingerprint of a secret, if it can be decrypted and has this value.
    pub fn fingerprint_of_same(&self, name: &SecretName, value: &Secret) -> Option<u64> {
        let (encrypted, current) = self.decrypted(name, false, Keyring::decrypt).ok()?;
        (current.value.expose() == value.expose()).then(|| fingerprint(&encrypted))
    }

    /// Whether a secret still has the value that was delivered. A value that was encrypted again is
    /// compared with its earlier version, if the history has that and the vault is not locked.
    pub fn is_present(&self, (name, given): &Given) -> bool {
        let Some(given) = *given else { return false };
        let Ok(encrypted) = self.secrets.current(name).read() else { return false };
        if fingerprint(&encrypted) == given {
            return true;
        }
        let is_given = |encrypted: &[u8]| fingerprint(encrypted) == given;
        let Some(earlier) = self.secrets.history().find(name, is_given) else { return false };
        let decrypt = |bytes| self.decrypt_by(name, false, |keys| keys.decrypt(bytes)).ok();
        let values = decrypt(&encrypted).zip(decrypt(&earlier));
        values.is_some_and(|(current, earlier)| current.value.expose() == earlier.value.expose())
    }

    /// Whom to encrypt for. The first use of all makes the identity.
    pub fn recipients(&self) -> Result<Vec<Recipient>, VaultError> {
        Ok(self.prepare_recipients()?.into_iter().map(|key| key.recipient).collect())
    }

    pub(crate) fn prepare_recipients(&self) -> Result<Vec<ListedKey>, VaultError> {
        self.earlier_change.refuse_if_begun()?;
        // Before anything is encrypted that an empty directory could be mistaken for.
        self.remember_vault()?;
        let own = match self.keys.durable_recipients()? {
            Ok(own) => own,
            Err(KeyState::None) => vec![self.new_identity()?],
            // Encrypting needs no key, if the accepted list is there.
            Err(_) => Vec::new(),
        };
        Ok(self.recipients.prepare(&own)?)
    }

    pub(crate) fn remember_vault(&self) -> Result<(), VaultError> {
        Ok(self.remembered.remember(self.secrets.directory(), self.id)?)
    }

    fn new_identity(&self) -> Result<Recipient, VaultError> {
        // A vault that has had secrets had an identity. A new one would not decrypt them.
        if self.needs_identity()? {
            return Err(self.keys.lost());
        }
        let own = self.keys.make().map_err(|error| self.keys.failed(error))?;
        // A list that is there is of an identity that has decrypted nothing.
        self.recipients.begin(&own)?;
        Ok(own)
    }

    /// Whether there is a secret, an earlier version, or a list of recipients.
    fn needs_identity(&self) -> Result<bool, VaultError> {
        let is_listed = self.recipients.is_in_vault()?;
        Ok(is_listed || self.secrets.has_any()?)
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
        Ok(self.own()?.first().map(ToString::to_string))
    }

    /// The public keys of this machine, the current one first. Only that one is known while the vault is
    /// locked.
    fn own(&self) -> Result<Vec<Recipient>, VaultError> {
        match self.keys.try_with(Keyring::recipients)? {
            Ok(own) => Ok(own),
            Err(KeyState::None) => Ok(Vec::new()),
            Err(_) => Ok(self.recipients.own()?.into_iter().collect()),
        }
    }

    /// The retired keys; empty while they are not known.
    pub fn retired_keys(&self) -> Result<Vec<RetiredKey>, VaultError> {
        Ok(self.keys.try_with(Keyring::retired)?.unwrap_or_default())
    }

    /// Remembers the current public key, for when the vault is locked.
    pub fn remember(&self, own: &Recipient) -> Result<(), VaultError> {
        match self.recipients.read()?.accepted {
            Some(_) => Ok(()),
            None => Ok(self.recipients.begin(own)?),
        }
    }

    /// The recipients of the vault, and those that only this machine has accepted.
    pub fn listed_recipients(&self) -> Result<Recipients, VaultError> {
        Ok(self.recipients.listed(&self.own()?)?)
    }
}

impl SecretReader<'_> {
    /// Decrypts a secret, with the fingerprint of its encrypted bytes. Its file key is kept, so that the
    /// next time takes a tenth.
    pub fn read(&self, name: &SecretName) -> Result<(Secret, u64), VaultError> {
        let decrypt = |keys: &Keyring, encrypted: &[u8]| keys.decrypt_current(name, encrypted);
        let decrypted = self.vault.decrypted(name, self.is_checked, decrypt);
        decrypted.map(|(encrypted, record)| (record.value, fingerprint(&encrypted)))
    }
}
