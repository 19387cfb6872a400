//! Removes a secret with its history, and leaves a mark that spreads to other machines.

use fluvio_secret_protocol::{RecordKind, Secret, SecretName};

use crate::error::VaultError;
use crate::secrets::file_name::file_of;
use crate::secrets::settle;
use crate::secrets::version_place::VersionPlace;
use crate::secrets::writer::{SealedRecord, SecretWriter};
use crate::vault::Vault;

/// A purge that is possible. Without [`SecretPurge::commit`] nothing changes.
#[must_use]
pub struct SecretPurge<'a> {
    vault: &'a Vault,
    name: SecretName,
    mark: SealedRecord,
}

impl<'a> SecretPurge<'a> {
    /// Signs the mark.
    ///
    /// # Errors
    ///
    /// Also [`VaultError::Unseen`]; [`VaultError::Missing`] if there is neither a secret nor an earlier version.
    pub fn prepare(
        vault: &'a Vault,
        writer: &SecretWriter,
        name: SecretName,
    ) -> Result<Self, VaultError> {
        if !vault.secrets().has_or_had(&name)? {
            return Err(VaultError::Missing);
        }
        let mark = writer.seal(vault, &name, RecordKind::Purged, Secret::default())?;
        Ok(Self { vault, name, mark })
    }

    /// Removes the secret and its history, durably. The next purge finishes one that was killed.
    pub fn commit(self) -> Result<(), VaultError> {
        settle::keep_settled(self.vault, || self.make(), Result::is_ok)
    }

    fn make(self) -> Result<(), VaultError> {
        let Self { vault, name, mark } = self;
        let secrets = vault.secrets();
        vault.forget_file_key(&name);
        let (directory, file) = (secrets.make_marks(VersionPlace::Purged)?, secrets.current(&name));
        let failed = |source| file.failed(source);
        let written = mark.write(&file)?.sync().map_err(failed)?;
        written.rename_into(&directory).and_then(|()| directory.sync()).map_err(failed)?;
        if let Some(place) = secrets.locate(&name, VersionPlace::Purged)?
            && let Some(known) = mark.seen_in(&place)
        {
            secrets.seen().learn(&[(name.clone(), known)]);
        }
        remove_values(vault, &name)
    }
}

/// Removes a secret, its mark of a deletion, and its history.
fn remove_values(vault: &Vault, name: &SecretName) -> Result<(), VaultError> {
    let secrets = vault.secrets();
    secrets.remove_mark(name, VersionPlace::Deleted);
    if secrets.has(name)? {
        let directory = secrets.directory();
        let removed = directory.remove(&file_of(name)).and_then(|()| directory.sync());
        removed.map_err(|source| secrets.current(name).failed(source))?;
    }
    secrets.history().purge(name)
}
