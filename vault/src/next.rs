//! The identity that takes the place of the present one when nothing needs that any more.
//!
//! Its file is there from before the first secret is sealed to it until it becomes the identity's own.
//! Meanwhile the vault has two identities, and each secret is sealed to one of them. A new one has the
//! passphrase of the present one, or none; one that somebody has already keeps its own. So each may be
//! locked without the other: a passphrase is taken when it opens one of them.

use std::path::Path;
use std::sync::TryLockError;
use std::sync::atomic::Ordering;

use super::held::{BootInstant, HeldKey, KeyError, KeyState, Opened, Rewritten};
use super::identity::{IdentityError, IdentityFile};
use super::seal::Identity;
use super::{Vault, VaultError};

/// The file beside the identity's.
pub(super) const FILE: &str = "identity.next.txt";

/// Looks whether it is beside this identity.
pub(super) fn beside(identity: &Path) -> Result<HeldKey, IdentityError> {
    HeldKey::of(IdentityFile::at(identity.with_file_name(FILE)))
}

/// The identities that a passphrase opened.
pub struct OpenedKeys {
    /// The present one.
    pub present: Option<Opened>,
    next: Option<Opened>,
}

impl Vault {
    /// Does something with the identities that open what is in the vault: the present one, and then
    /// the next one, if there is one. For short: who locks the vault waits for the end of it.
    pub(super) fn with_identities<T>(
        &self,
        mut work: impl FnMut(&[&Identity]) -> T,
    ) -> Result<T, VaultError> {
        // The next one first: it becomes the present one, never the reverse.
        let done = self.next.with_both(&self.key, |next, present| match (next, present) {
            (Ok(next), Ok(present)) => Ok(work(&[present, next])),
            (Err(KeyState::None), Ok(present)) => Ok(work(&[present])),
            (_, Err(KeyState::None)) => Err(KeyState::None),
            _ => Err(KeyState::Locked),
        })?;
        done.map_err(|state| match state {
            KeyState::None => self.identity_lost(),
            _ => self.locked(),
        })
    }

    /// Does something with one of the identities after the other, while some are locked and none has
    /// given anything.
    pub(super) fn with_unlocked<T>(
        &self,
        mut work: impl FnMut(&Identity) -> Option<T>,
    ) -> Result<Option<T>, VaultError> {
        for key in [&self.next, &self.key] {
            if let Ok(Some(done)) = key.with(&mut work)? {
                return Ok(Some(done));
            }
        }
        Ok(None)
    }

    /// How it is with the keys: locked when one of them is. Looks at no file.
    pub fn state(&self) -> KeyState {
        match (self.key.state(), self.next.state()) {
            (KeyState::Locked, _) | (_, KeyState::Locked) => KeyState::Locked,
            (KeyState::Unlocked(one), KeyState::Unlocked(other)) => {
                KeyState::Unlocked(one.into_iter().chain(other).min())
            }
            (_, KeyState::Unlocked(until)) => KeyState::Unlocked(until),
            (present, _) => present,
        }
    }

    /// When the next one of the keys is to be forgotten; that may have been.
    pub fn due(&self) -> Option<BootInstant> {
        [&self.key, &self.next].into_iter().filter_map(HeldKey::due).min()
    }

    /// How often the vault was locked. Who compares two of these learns whether it was meanwhile.
    pub fn locks(&self) -> u64 {
        self.locks.load(Ordering::SeqCst)
    }

    /// How often somebody asked to lock the vault. That its time was over does not count.
    pub fn lock_requests(&self) -> u64 {
        self.lock_requests.load(Ordering::SeqCst)
    }

    /// Refuses what was opened before the vault was locked, which had happened so often then.
    pub fn refuse_if_locked_since(&self, locks: u64) -> Result<(), VaultError> {
        match self.state() {
            // Somebody has tried to lock what has no passphrase.
            KeyState::None | KeyState::Open => Ok(()),
            _ if self.locks() == locks => Ok(()),
            _ => Err(self.locked()),
        }
    }

    /// Forgets the keys.
    pub fn lock(&self) -> Result<(), KeyError> {
        // First, for who is about to hold a key, or to give away what one has opened.
        self.locks.fetch_add(1, Ordering::SeqCst);
        self.lock_requests.fetch_add(1, Ordering::SeqCst);
        // The next one first: it becomes the present one, never the reverse. Both before any file is
        // checked: a disk that hangs must not keep the vault open.
        let forgotten = [&self.next, &self.key].map(HeldKey::forget);
        if forgotten.contains(&true) {
            return Ok(());
        }
        match (self.next.is_locked(), self.key.is_locked()) {
            // One that has no passphrase protects nothing, but the other one may have one.
            (next, Err(KeyError::Open)) if next.is_ok() => Ok(()),
            (Err(KeyError::None | KeyError::Open), locked) => locked,
            (next, locked) => locked.and(next),
        }
    }

    /// Forgets the keys when their time is over, and gives whether it did. Looks at no file.
    pub fn lock_when_due(&self) -> bool {
        let is_due = self.next.is_due() || self.key.is_due();
        if is_due {
            self.locks.fetch_add(1, Ordering::SeqCst);
            self.next.lock_when_due();
            self.key.lock_when_due();
        }
        is_due
    }

    /// Opens the identities that have this passphrase; it must be one at the least.
    pub fn open_keys(&self, passphrase: &str) -> Result<OpenedKeys, KeyError> {
        let opened = |key: &HeldKey| match key.open(passphrase) {
            Ok(opened) => Ok(Ok(opened)),
            Err(shut @ (KeyError::None | KeyError::Open | KeyError::Wrong)) => Ok(Err(shut)),
            Err(error) => Err(error),
        };
        match (opened(&self.key)?, opened(&self.next)?) {
            (Err(KeyError::Open), Err(wrong @ KeyError::Wrong)) => Err(wrong),
            (Err(error), Err(_)) => Err(error),
            (present, next) => Ok(OpenedKeys { present: present.ok(), next: next.ok() }),
        }
    }

    /// Holds the keys that were opened, until then, unless more locks were requested than these.
    pub fn unlock(
        &self,
        opened: OpenedKeys,
        until: Option<BootInstant>,
        lock_requests: u64,
    ) -> Result<(), KeyError> {
        let OpenedKeys { present, next } = opened;
        for (key, opened) in [(&self.next, next), (&self.key, present)] {
            if let Some(opened) = opened {
                key.unlock(opened, until, || self.lock_requests() != lock_requests)?;
            }
        }
        Ok(())
    }

    /// Removes the file of a next identity that is the present one, as a backup that was taken during a
    /// rotation has it. Nothing needs it, and it may lack the passphrase that the present one has.
    pub(super) fn remove_copy_of_present(&self) -> Result<(), IdentityError> {
        let is_copy = self.next.with_both(&self.key, |next, present| match (next, present) {
            (Ok(next), Ok(present)) => next.recipient() == present.recipient(),
            _ => false,
        })?;
        if is_copy { self.next.remove() } else { Ok(()) }
    }

    /// Puts the identity with another passphrase in the place of its file, unless another identity is
    /// about to take that: it would have the passphrase from before.
    pub fn replace_key(
        &self,
        rewritten: Rewritten,
        until: Option<BootInstant>,
        lock_requests: u64,
    ) -> Result<(), KeyError> {
        let changing = self.changing.try_lock();
        if matches!(changing, Err(TryLockError::WouldBlock)) {
            return Err(KeyError::Unfinished);
        }
        self.remove_copy_of_present()?;
        match self.next.with(|_| ())? {
            Err(KeyState::None) => {
                self.key.replace(rewritten, until, || self.lock_requests() != lock_requests)
            }
            _ => Err(KeyError::Unfinished),
        }
    }
}
