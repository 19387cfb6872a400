//! Secrets that are about to be set. Preparing is what may fail; then they are committed.

use std::io;
use std::time::SystemTime;

use fluvio_secret_protocol::{Secret, SecretName};
use fluvio_secret_system::parallel::{DISK_THREADS, in_parallel};
use jiff::Timestamp;

use crate::error::VaultError;
use crate::keys::encryption::encrypt;
use crate::keys::identity::Recipient;
use crate::secrets::fingerprint::fingerprint;
use crate::secrets::record::{BadRecord, Record};
use crate::secrets::store::SecretFiles;
use crate::vault::Vault;
use crate::whole_file::{PreparedFile, WrittenFile};

/// A secret that is on the disk and not yet in the vault. Without [`SecretChange::commit`] nothing
/// changes.
#[must_use]
pub struct SecretChange<'a> {
    vault: &'a Vault,
    name: SecretName,
    prepared: PreparedFile,
    set_at: Timestamp,
    /// The fingerprint that the secret will have.
    pub fingerprint: u64,
    /// The fingerprint of the current version, if a restored one has the same value.
    pub same_as: Option<u64>,
    /// The version in the history that it was, and that leaves the history.
    restored: Option<u64>,
}

/// Secrets that are on the disk and not yet in the vault. Without [`SecretBatch::commit`] nothing
/// changes.
#[must_use]
pub struct SecretBatch<'a> {
    vault: &'a Vault,
    files: Vec<(SecretName, PreparedFile)>,
}

/// A change that is made.
#[derive(Debug)]
pub struct Committed {
    /// The date of the secret.
    pub set_at: Timestamp,
    /// Whether this is the first secret of a new identity, which its owner should back up.
    pub is_identity_new: bool,
}

impl<'a> SecretChange<'a> {
    /// Encrypts a value and writes it beside the one that it will replace. The first one of all makes
    /// the identity.
    pub fn set(vault: &'a Vault, name: SecretName, value: Secret) -> Result<Self, VaultError> {
        let recipients = vault.recipients()?;
        let encrypted = encrypted(&recipients, &name, value);
        let (encrypted, set_at) =
            encrypted.map_err(|source| vault.secrets().current(&name).failed(source))?;
        Self::write(vault, name, &encrypted, set_at)
    }

    /// Writes an earlier version beside the current one. Its bytes stay as they are, so this works while
    /// the vault is locked. Otherwise they must be a version of this secret.
    pub fn restore(vault: &'a Vault, name: SecretName, version: u64) -> Result<Self, VaultError> {
        let file = vault.secrets().history().locate(&name, version)?.ok_or(VaultError::Missing)?;
        let encrypted = file.read()?;
        let same_as = match vault.keys().with(|keys| keys.decrypt(&encrypted)) {
            Ok(plain) => {
                let record = plain.map_err(BadRecord::from);
                let record = record.and_then(|plain| Record::of(&name, &plain));
                let record = record.map_err(|why| file.damaged(why))?;
                vault.fingerprint_of_same(&name, &record.value)
            }
            Err(VaultError::IdentityLost { .. } | VaultError::Locked { .. }) => None,
            Err(error) => return Err(error),
        };
        // Its date in `list` is that of now.
        let set_at = now().map_err(|source| vault.secrets().current(&name).failed(source))?;
        let change = Self::write(vault, name, &encrypted, set_at)?;
        Ok(Self { same_as, restored: Some(version), ..change })
    }

    fn write(
        vault: &'a Vault,
        name: SecretName,
        encrypted: &[u8],
        set_at: Timestamp,
    ) -> Result<Self, VaultError> {
        let file = vault.secrets().current(&name);
        let written = file.write(encrypted, date_of(set_at))?;
        let prepared = written.sync().map_err(|source| file.failed(source))?;
        let fingerprint = fingerprint(encrypted);
        Ok(Self { vault, name, prepared, set_at, fingerprint, same_as: None, restored: None })
    }

    /// Puts the secret into the vault, durably. The one before is then in the history.
    pub fn commit(self) -> Result<Committed, VaultError> {
        let Self { vault, name, prepared, set_at, restored, .. } = self;
        let secrets = vault.secrets();
        let kept = secrets.replace(&name, |_| prepared.commit())?;
        vault.keys().forget_file_key(&name);
        if let Some(version) = restored {
            secrets.history().remove_restored(&name, version);
        }
        kept.iter().for_each(|kept| secrets.history().prune(kept));
        Ok(Committed { set_at, is_identity_new: vault.keys().take_is_new() })
    }
}

impl<'a> SecretBatch<'a> {
    /// Encrypts values and writes them beside those that they will replace.
    pub fn set(vault: &'a Vault, values: Vec<(SecretName, Secret)>) -> Result<Self, VaultError> {
        let recipients = vault.recipients()?;
        let mut written = Vec::with_capacity(values.len());
        for (name, value) in values {
            let file = vault.secrets().current(&name);
            let encrypted = encrypted(&recipients, &name, value);
            let (encrypted, set_at) = encrypted.map_err(|source| file.failed(source))?;
            written.push((name, file.write(&encrypted, date_of(set_at))?));
        }
        Ok(Self { vault, files: sync_all(vault.secrets(), written)? })
    }

    /// Puts all secrets into the vault, durably. Those before are then in the history. Returns whether
    /// they are the first ones of a new identity.
    ///
    /// # Errors
    ///
    /// That of the first secret that cannot be put there. Those before it are there.
    pub fn commit(self) -> Result<bool, VaultError> {
        let Self { vault, files } = self;
        let secrets = vault.secrets();
        let mut kept = Vec::with_capacity(files.len());
        let mut outcome = Ok(());
        for (name, prepared) in files {
            match secrets.replace(&name, |_| prepared.rename_into(secrets.directory())) {
                Ok(version) => {
                    vault.keys().forget_file_key(&name);
                    kept.extend(version);
                }
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        let synced = secrets.sync();
        outcome.and(synced)?;
        kept.iter().for_each(|kept| secrets.history().prune(kept));
        Ok(vault.keys().take_is_new())
    }
}

pub(crate) fn sync_all(
    secrets: &SecretFiles,
    written: Vec<(SecretName, WrittenFile)>,
) -> Result<Vec<(SecretName, PreparedFile)>, VaultError> {
    in_parallel(DISK_THREADS, written, |(name, file)| {
        let prepared = file.sync().map_err(|source| secrets.current(&name).failed(source))?;
        Ok((name, prepared))
    })
}

fn encrypted(
    recipients: &[Recipient],
    name: &SecretName,
    value: Secret,
) -> io::Result<(Vec<u8>, Timestamp)> {
    let set_at = now()?;
    let record = Record { name: name.clone(), set_at, value };
    Ok((encrypt(recipients, &record.encode()?)?, set_at))
}

/// Whole seconds, which every file system keeps.
fn now() -> io::Result<Timestamp> {
    Timestamp::from_second(Timestamp::now().as_second()).map_err(io::Error::other)
}

fn date_of(set_at: Timestamp) -> Option<SystemTime> {
    SystemTime::try_from(set_at).ok()
}
