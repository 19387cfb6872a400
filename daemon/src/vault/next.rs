//! The identity that takes the place of the present one when nothing needs that any more.
//!
//! Its file is there from before the first secret is sealed to it until it becomes the identity's own.
//! Meanwhile the vault has two identities, and each secret is sealed to one of them. Both have the same
//! passphrase, or none.

use std::path::Path;
use std::sync::TryLockError;

use super::held::{HeldKey, KeyError, KeyState, Moment, Opened, Rewritten};
use super::identity::{IdentityError, IdentityFile};
use super::seal::Identity;
use super::{Vault, VaultError};

/// The file beside the identity's.
const FILE: &str = "identity.next.txt";

/// Looks whether it is beside this identity.
pub(super) fn beside(identity: &Path) -> Result<HeldKey, IdentityError> {
    HeldKey::of(IdentityFile::at(identity.with_file_name(FILE)))
}

impl Vault {
    /// Does something with the identities that open what is in the vault: the present one, and then
    /// the next one, if there is one. For short: who locks the vault waits for the end of it.
    pub(super) fn with_identities<T>(
        &self,
        mut work: impl FnMut(&[&Identity]) -> T,
    ) -> Result<T, VaultError> {
        // The next one is looked at first: it becomes the present one, never the reverse.
        let both = self.next.with(|next| self.key.with(|present| work(&[present, next])))?;
        let done = match both {
            Ok(done) => done?,
            Err(KeyState::None) => self.key.with(|present| work(&[present]))?,
            Err(_) => Err(KeyState::Locked),
        };
        done.map_err(|state| match state {
            KeyState::None => self.identity_lost(),
            _ => self.locked(),
        })
    }

    /// Forgets the keys.
    pub(crate) fn lock(&self) -> Result<(), KeyError> {
        self.key.lock()?;
        match self.next.lock() {
            // It is seldom there; and where the one has a passphrase, the other has it, too.
            Err(KeyError::None | KeyError::Open) => Ok(()),
            locked => locked,
        }
    }

    /// Forgets the keys when their time is over, and gives whether it did. Looks at no file.
    pub(crate) fn lock_when_due(&self) -> bool {
        self.next.lock_when_due();
        self.key.lock_when_due()
    }

    /// Opens the next identity with its passphrase, if there is one that is locked.
    pub(crate) fn open_next(&self, passphrase: &str) -> Result<Option<Opened>, KeyError> {
        match self.next.with(|_| ())? {
            Err(KeyState::Locked) => self.next.open(passphrase).map(Some),
            _ => Ok(None),
        }
    }

    /// Holds the keys that were opened, until then.
    pub(crate) fn unlock(
        &self,
        opened: Opened,
        next: Option<Opened>,
        until: Option<Moment>,
    ) -> Result<(), KeyError> {
        if let Some(next) = next {
            self.next.unlock(next, until)?;
        }
        self.key.unlock(opened, until)
    }

    /// Puts the identity with another passphrase in the place of its file, unless another identity is
    /// about to take that: it would have the passphrase from before.
    pub(crate) fn replace_key(
        &self,
        rewritten: Rewritten,
        until: Option<Moment>,
    ) -> Result<(), KeyError> {
        let changing = self.changing.try_lock();
        if matches!(changing, Err(TryLockError::WouldBlock)) {
            return Err(KeyError::Unfinished);
        }
        match self.next.with(|_| ())? {
            Err(KeyState::None) => self.key.replace(rewritten, until),
            _ => Err(KeyError::Unfinished),
        }
    }
}
