//! What tells a secret's sealed file from a later one.

use std::path::Path;
use std::sync::Arc;

use fluvio_secret_protocol::SecretName;

use super::place::Place;
use super::store::{Folder, ReadError};
use super::{SEALED_BYTES, file_of};
use crate::hash::fnv_1a;

/// A secret that a connector was given, and the mark of the sealed bytes that its value was in;
/// `None` if that is not known.
pub(crate) type Given = (SecretName, Option<u64>);

/// Reads the marks of secrets; needs no identity.
pub(crate) struct Marks {
    folder: Folder,
    place: Arc<Place>,
}

impl Marks {
    pub(super) fn at(place: Arc<Place>) -> Self {
        Self { folder: Folder::at(place.path().to_owned()), place }
    }

    /// Whether the directory at the vault's path is still the vault. Marks from another one mean nothing.
    pub(crate) fn are_of_vault(&self) -> bool {
        self.place.is_here()
    }

    /// The vault's folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The mark of a secret; `None` when there is none. All that cannot be read have one mark.
    pub(crate) fn of(&self, name: &SecretName) -> Option<u64> {
        match self.folder.read(&file_of(name), SEALED_BYTES) {
            Ok(sealed) => Some(mark(&sealed)),
            Err(ReadError::Missing) => None,
            Err(_) => Some(0),
        }
    }
}

/// The mark of sealed bytes. Sealing the same value again makes other bytes.
pub(super) fn mark(sealed: &[u8]) -> u64 {
    // The next daemon has the same marks. (Whoever could make two files of one mark could keep a
    // connector from being restarted, and is our own user.)
    fnv_1a(sealed)
}
