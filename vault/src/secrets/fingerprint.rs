//! Fingerprints, by which a secret's file differs from a later one.

use std::path::Path;
use std::sync::Arc;

use fluvio_secret_protocol::SecretName;
use fluvio_secret_system::hash::fnv_1a;

use crate::durable_directory::{DurableDirectory, ReadError};
use crate::place::VaultPlace;
use crate::secrets::file_name::{ENCRYPTED_BYTES, file_of};

/// A secret that was delivered to a connector, and the fingerprint of the bytes that its value was
/// in; `None` if that is not known.
pub type Given = (SecretName, Option<u64>);

/// Reads the fingerprints of secrets; needs no identity.
pub struct Fingerprints {
    directory: DurableDirectory,
    place: Arc<VaultPlace>,
}

impl Fingerprints {
    pub(crate) fn at(place: Arc<VaultPlace>) -> Self {
        Self { directory: DurableDirectory::at(place.path().to_owned()), place }
    }

    /// Whether the directory at the vault's path is still the vault. Fingerprints from another one
    /// mean nothing.
    pub fn are_of_vault(&self) -> bool {
        self.place.is_here()
    }

    /// The vault's directory.
    pub fn folder(&self) -> &Path {
        self.directory.path()
    }

    /// The fingerprint of a secret; `None` if the secret does not exist. All that cannot be read have the same
    /// one.
    pub fn of(&self, name: &SecretName) -> Option<u64> {
        match self.directory.read(&file_of(name), ENCRYPTED_BYTES) {
            Ok(encrypted) => Some(fingerprint(&encrypted)),
            Err(ReadError::Missing) => None,
            Err(_) => Some(0),
        }
    }
}

/// The fingerprint of encrypted bytes. Encrypting the same value again gives other bytes.
pub(crate) fn fingerprint(encrypted: &[u8]) -> u64 {
    // The next daemon must compute the same. Only our own user could profit from a collision.
    fnv_1a(encrypted)
}
