//! Secrets, with what this machine knows of their files.

use fluvio_secret_protocol::{Found, Secret, SecretName};

use crate::error::VaultError;
use crate::secret_reader::{SecretReader, same_or_other};
use crate::secrets::history::seen_revisions::SeenSecret;
use crate::vault::Vault;

/// A secret, and what this machine knew of its files a moment ago.
#[derive(Debug)]
pub struct KnownSecret {
    pub(crate) name: SecretName,
    pub(crate) seen: SeenSecret,
}

impl KnownSecret {
    /// These secrets, in their order. They are known faster if those of a [group](SecretName::group) follow each other.
    pub fn all(vault: &Vault, names: Vec<SecretName>) -> Vec<Self> {
        let seen = vault.secrets().seen().of_all(&names);
        names.into_iter().zip(seen).map(|(name, seen)| Self { name, seen }).collect()
    }

    /// Finds out whether it can be read. The signature in a file that this machine has written or verified is not verified
    /// again.
    pub fn examine(&self, reader: &SecretReader<'_>) -> Result<(), VaultError> {
        match reader.known_record(self) {
            Ok(Some(_)) => Ok(()),
            // The full way finds the reason, if it is no other file.
            _ => reader.value(&self.name).map(drop),
        }
    }

    /// Compares a value with the one that the vault has, as [`SecretReader::compare`] does. The same signatures are not
    /// verified again.
    pub fn compare(&self, reader: &SecretReader<'_>, value: &Secret) -> Result<Found, VaultError> {
        match reader.known_record(self) {
            Ok(Some(record)) => Ok(same_or_other(record.value(), value)),
            Err(VaultError::Missing) => Ok(Found::Nothing),
            _ => reader.compare(&self.name, value),
        }
    }

    /// Its name.
    pub fn into_name(self) -> SecretName {
        self.name
    }
}
