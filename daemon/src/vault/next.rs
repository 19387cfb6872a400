//! The identity that takes the place of the present one when nothing needs that any more.
//!
//! Its file is there from before the first secret is sealed to it until it becomes the identity's own.
//! Meanwhile the vault has two identities, and each secret is sealed to one of them.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::identity::{IdentityError, IdentityFile, Key};
use super::seal::Identity;
use super::{Held, Vault, VaultError};

/// The file beside the identity's.
const FILE: &str = "identity.next.txt";

/// The next identity, if there is one.
pub(super) struct Next {
    file: IdentityFile,
    held: Mutex<Held>,
}

impl Next {
    /// Looks beside this identity.
    pub(super) fn beside(identity: &Path) -> Result<Self, IdentityError> {
        let file = IdentityFile::at(identity.with_file_name(FILE));
        let stamp = file.stamp()?;
        let held = Held { key: file.read()?, stamp, is_durable: false };
        Ok(Self { file, held: Mutex::new(held) })
    }

    pub(super) fn file(&self) -> &IdentityFile {
        &self.file
    }

    pub(super) fn key(&self) -> Result<Key, IdentityError> {
        // Nothing that holds the lock can panic half-way.
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.look(&self.file)?;
        Ok(held.key.clone())
    }
}

impl Vault {
    /// The identities that open what is in the vault: the present one first, and the next one.
    pub(super) fn identities(&self) -> Result<Vec<Arc<Identity>>, VaultError> {
        // In this order: the next one becomes the present one, never the reverse.
        let next = self.next.key()?;
        let present = match self.key()? {
            Key::Open(identity) => identity,
            Key::Passphrase => return Err(self.locked()),
            Key::None => return Err(self.identity_lost()),
        };
        match next {
            Key::Open(next) => Ok(vec![present, next]),
            Key::Passphrase | Key::None => Ok(vec![present]),
        }
    }
}
