//! What tells a secret's sealed file from a later one.

use std::path::Path;
use std::sync::Arc;

use fluvio_secret_protocol::SecretName;

use super::place::Place;
use super::store::{Folder, ReadError};
use super::{SEALED_BYTES, file_of};
use fluvio_secret_system::hash::fnv_1a;

/// A secret that a connector was given, and the fingerprint of the sealed bytes that its value was in;
/// `None` if that is not known.
pub type Given = (SecretName, Option<u64>);

/// Reads the fingerprints of secrets; needs no identity.
pub struct Fingerprints {
    folder: Folder,
    place: Arc<Place>,
}

impl Fingerprints {
    pub(super) fn at(place: Arc<Place>) -> Self {
        Self { folder: Folder::at(place.path().to_owned()), place }
    }

    /// Whether the directory at the vault's path is still the vault. Fingerprints from another one mean nothing.
    pub fn are_of_vault(&self) -> bool {
        self.place.is_here()
    }

    /// The vault's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The fingerprint of a secret; `None` when there is none. All that cannot be read have one fingerprint.
    pub fn of(&self, name: &SecretName) -> Option<u64> {
        match self.folder.read(&file_of(name), SEALED_BYTES) {
            Ok(sealed) => Some(fingerprint(&sealed)),
            Err(ReadError::Missing) => None,
            Err(_) => Some(0),
        }
    }
}

/// The fingerprint of sealed bytes. Sealing the same value again makes other bytes.
pub(super) fn fingerprint(sealed: &[u8]) -> u64 {
    // The next daemon has the same fingerprints. (Whoever could make two files of one fingerprint could keep a
    // connector from being restarted, and is our own user.)
    fnv_1a(sealed)
}
