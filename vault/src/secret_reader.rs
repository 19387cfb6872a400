//! Reads several secrets, each in a tenth of the time once it was read.

use fluvio_secret_protocol::{Secret, SecretName};

use crate::error::VaultError;
use crate::keys::keyring::Keyring;
use crate::secrets::fingerprint::fingerprint;
use crate::vault::Vault;

/// Decrypts several secrets. The file of the identity is checked once, and not for each.
pub struct SecretReader<'a> {
    vault: &'a Vault,
    /// Whether the held keys are those of the identity's file.
    is_checked: bool,
}

impl<'a> SecretReader<'a> {
    /// A reader of this vault.
    pub fn of(vault: &'a Vault) -> Self {
        // If this fails, so does each read.
        Self { vault, is_checked: vault.keys().checked_state().is_ok() }
    }

    /// Decrypts a secret, with the fingerprint of its encrypted bytes. Its file key is kept, so that the
    /// next time takes a tenth.
    pub fn read(&self, name: &SecretName) -> Result<(Secret, u64), VaultError> {
        let owner = self.vault.file_key_owner(name);
        let decrypt = |keys: &Keyring, encrypted: &[u8]| keys.decrypt_current(&owner, encrypted);
        let decrypted = self.vault.decrypted(name, self.is_checked, decrypt);
        decrypted.map(|(encrypted, record)| (record.value, fingerprint(&encrypted)))
    }
}
