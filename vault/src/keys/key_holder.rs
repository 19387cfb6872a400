//! The keys that the daemon holds: none, or those of the identity file.
//!
//! The file is checked whenever a key is needed, because other programs may replace it. No thread
//! waits for a disk while it locks the keys, so the state can be read at any time.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use fluvio_secret_system::file_id::FileId;
use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::keys::boot_instant::BootInstant;
use crate::keys::encryption::{self, BadIdentity};
use crate::keys::error::{IdentityError, KeyError};
use crate::keys::file_keys::{FileKeyOwner, TakenRecord};
use crate::keys::held::{Held, HeldKeys, KeyState, is_over};
use crate::keys::identity::Recipient;
use crate::keys::identity_file::IdentityFile;
use crate::keys::keyring::Keyring;
use crate::members::content_hash::ContentHash;
use crate::whole_file::PreparedFile;

/// The identity's file, and its keys.
pub struct KeyHolder {
    file: IdentityFile,
    /// Locked while the file is checked or replaced.
    checking: Mutex<()>,
    held: RwLock<Held>,
    /// How many times the vault was locked, and how many times a client requested that.
    locks: AtomicU64,
    lock_requests: AtomicU64,
    /// Whether the identity was made and nothing has been set with it yet.
    is_new: AtomicBool,
}

/// Decrypted keys, and the id of their file.
pub struct OpenedKeys {
    keyring: Keyring,
    file_id: Option<FileId>,
}

/// A file that is to take the place of the identity's.
#[must_use]
pub struct RewrittenFile {
    keyring: Keyring,
    prepared: PreparedFile,
    has_passphrase: bool,
    /// The id of the file that it replaces; `None` when it is the first one.
    replaces: Option<FileId>,
}

impl KeyHolder {
    pub(crate) fn of(file: IdentityFile) -> Result<Self, IdentityError> {
        let none = Held { keys: HeldKeys::None, file_id: None, is_durable: false };
        let held = Self {
            file,
            checking: Mutex::default(),
            held: RwLock::new(none),
            locks: AtomicU64::new(0),
            lock_requests: AtomicU64::new(0),
            is_new: AtomicBool::new(false),
        };
        held.check_file()?;
        Ok(held)
    }

    /// The identity's file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Fails for an identity that is never written.
    ///
    /// # Errors
    ///
    /// [`IdentityError::External`].
    pub fn refuse_if_external(&self) -> Result<(), IdentityError> {
        self.file.refuse_if_external()
    }

    pub(crate) fn file_id(&self) -> Result<Option<FileId>, IdentityError> {
        self.file.id()
    }

    /// The state, without a check of the file.
    pub fn state(&self) -> KeyState {
        self.held().state()
    }

    pub(crate) fn checked_state(&self) -> Result<KeyState, IdentityError> {
        self.check_file().map(|()| self.state())
    }

    /// Calls `work` with the keys, if they are there. It should be short: a lock waits for it.
    pub(crate) fn try_with<T>(
        &self,
        work: impl FnOnce(&Keyring) -> T,
    ) -> Result<Result<T, KeyState>, IdentityError> {
        self.check_file()?;
        Ok(self.held().keyring().map(work))
    }

    /// The same for a caller that needs them.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&Keyring) -> T) -> Result<T, VaultError> {
        self.check_file()?;
        self.with_checked(work)
    }

    /// The same for a caller that has checked the file, and needs the keys several times.
    pub(crate) fn with_checked<T>(
        &self,
        work: impl FnOnce(&Keyring) -> T,
    ) -> Result<T, VaultError> {
        self.held().keyring().map(work).map_err(|state| match state {
            KeyState::None => self.lost(),
            _ => self.locked(),
        })
    }

    /// Wipes the file key of a secret, whose file is replaced or removed.
    pub(crate) fn forget_file_key(&self, owner: &FileKeyOwner) {
        if let HeldKeys::Open(keyring) | HeldKeys::Unlocked(keyring, _) = &self.held().keys {
            keyring.forget_file_key(owner);
        }
    }

    /// Remembers how the record in a file was taken, if the file's key is kept.
    pub(crate) fn remember_taken(
        &self,
        owner: &FileKeyOwner,
        content: ContentHash,
        taken: TakenRecord,
    ) {
        if let Ok(keyring) = self.held().keyring() {
            keyring.remember_taken(owner, content, taken);
        }
    }

    pub(crate) fn locked(&self) -> VaultError {
        VaultError::Locked { path: self.path().to_owned() }
    }

    pub(crate) fn failed(&self, source: KeyError) -> VaultError {
        VaultError::Key { path: self.path().to_owned(), source }
    }

    pub(crate) fn lost(&self) -> VaultError {
        VaultError::IdentityLost { path: self.path().to_owned() }
    }

    /// The public keys, the current one first, if their file will survive a power cut: without it,
    /// what is encrypted for them is lost.
    pub(crate) fn durable_recipients(
        &self,
    ) -> Result<Result<Vec<Recipient>, KeyState>, IdentityError> {
        let recipients = self.try_with(Keyring::recipients)?;
        let _checking = self.checking();
        if recipients != Err(KeyState::None) && !self.held().is_durable {
            self.file.sync()?;
            self.held_mut().is_durable = true;
        }
        Ok(recipients)
    }

    pub(crate) fn make(&self) -> Result<Recipient, KeyError> {
        let text = Keyring::generate().to_text();
        let rewritten = self.prepare(text.as_bytes(), None, None)?;
        let recipient = rewritten.recipient();
        self.replace(rewritten, None, self.lock_requests())?;
        self.is_new.store(true, Ordering::Relaxed);
        Ok(recipient)
    }

    /// Whether nothing has been set with a new identity before. Only the first call returns that.
    pub fn take_is_new(&self) -> bool {
        self.is_new.swap(false, Ordering::Relaxed)
    }

    /// How many times the vault was locked.
    pub fn locks(&self) -> u64 {
        self.locks.load(Ordering::SeqCst)
    }

    /// How many times a client requested a lock. The end of an unlock does not count.
    pub fn lock_requests(&self) -> u64 {
        self.lock_requests.load(Ordering::SeqCst)
    }

    /// Fails if the vault was locked since it had been locked `locks` times.
    pub fn refuse_if_locked_since(&self, locks: u64) -> Result<(), VaultError> {
        match self.state() {
            // A lock of an identity without a passphrase has no effect.
            KeyState::None | KeyState::Open => Ok(()),
            _ if self.locks() == locks => Ok(()),
            _ => Err(self.locked()),
        }
    }

    /// Wipes the keys. Fails if they are in the file without a passphrase.
    pub fn lock(&self) -> Result<(), KeyError> {
        // First, for an unlock that is about to hold keys.
        self.lock_requests.fetch_add(1, Ordering::SeqCst);
        // Before the file is checked: a disk that hangs must not keep the vault open.
        if self.wipe_if(|_| true) {
            return Ok(());
        }
        match self.checked_state()? {
            KeyState::None => Err(KeyError::None),
            KeyState::Open => Err(KeyError::Open),
            KeyState::Locked | KeyState::Unlocked(_) => Ok(()),
        }
    }

    /// Wipes the keys if their time is over, and returns whether it did. Checks no file.
    pub fn lock_when_due(&self) -> bool {
        self.wipe_if(is_over)
    }

    fn wipe_if(&self, is_due: impl Fn(Option<BootInstant>) -> bool) -> bool {
        let mut held = self.held_mut();
        let is_wiped = matches!(held.keys, HeldKeys::Unlocked(_, until) if is_due(until));
        if is_wiped {
            self.locks.fetch_add(1, Ordering::SeqCst);
            held.keys = HeldKeys::Locked;
        }
        is_wiped
    }

    /// When the keys are to be wiped. That time may be over.
    pub fn due(&self) -> Option<BootInstant> {
        match self.held().keys {
            HeldKeys::Unlocked(_, until) => until,
            _ => None,
        }
    }

    /// Decrypts the identity with its passphrase. Takes a second, and 256 MiB.
    pub fn open(&self, passphrase: &str) -> Result<OpenedKeys, KeyError> {
        let (file_id, text) = self.text(Some(passphrase))?;
        Ok(OpenedKeys { keyring: self.file.parse(&text)?, file_id })
    }

    /// Holds keys that were decrypted, until then, unless a lock was requested in the meantime.
    pub fn unlock(
        &self,
        opened: OpenedKeys,
        until: Option<BootInstant>,
        lock_requests: u64,
    ) -> Result<(), KeyError> {
        let _checking = self.checking();
        let OpenedKeys { keyring, file_id } = opened;
        if self.file.id()? != file_id {
            return Err(KeyError::Changed);
        }
        let mut held = self.held_mut();
        // A lock is counted before it waits here.
        if self.lock_requests() != lock_requests {
            return Err(KeyError::Locked);
        }
        *held = Held { keys: HeldKeys::Unlocked(keyring, until), file_id, is_durable: false };
        Ok(())
    }

    /// Writes the identity with another passphrase, or without one, beside the file. Nothing has
    /// changed before [`KeyHolder::replace`].
    pub fn rewrite(&self, old: Option<&str>, new: Option<&str>) -> Result<RewrittenFile, KeyError> {
        self.refuse_if_external()?;
        let (file_id, text) = self.text(old)?;
        if old.is_none() && new.is_none() {
            return Err(KeyError::Open);
        }
        Ok(self.prepare(&text, new, file_id)?)
    }

    /// Writes an identity beside the file that has this id.
    pub(crate) fn prepare(
        &self,
        text: &[u8],
        passphrase: Option<&str>,
        replaces: Option<FileId>,
    ) -> Result<RewrittenFile, IdentityError> {
        let keyring = self.file.parse(text)?;
        // Others wait for a check of the file, so what takes long comes first.
        let prepared = self.file.prepare(text, passphrase)?;
        Ok(RewrittenFile { keyring, prepared, has_passphrase: passphrase.is_some(), replaces })
    }

    /// Makes what was written the identity's file, durably, and holds its keys. With a passphrase they
    /// are held until then, and not at all if a lock was requested in the meantime.
    pub fn replace(
        &self,
        rewritten: RewrittenFile,
        until: Option<BootInstant>,
        lock_requests: u64,
    ) -> Result<(), KeyError> {
        let RewrittenFile { keyring, prepared, has_passphrase, replaces } = rewritten;
        let _checking = self.checking();
        if self.file.id()? != replaces {
            return Err(KeyError::Changed);
        }
        let committed = match replaces {
            Some(_) => prepared.commit(),
            None => prepared.commit_new(),
        };
        committed.map_err(|source| self.file.unwritten(source))?;
        let file_id = self.file.id()?;
        let mut held = self.held_mut();
        let keys = match has_passphrase {
            true if self.lock_requests() != lock_requests => HeldKeys::Locked,
            true => HeldKeys::Unlocked(keyring, until),
            false => HeldKeys::Open(keyring),
        };
        *held = Held { keys, file_id, is_durable: true };
        Ok(())
    }

    pub(crate) fn remove_temporary(&self) -> Result<(), IdentityError> {
        self.file.remove_temporary()
    }

    /// The id and the text of the file. A passphrase must be given if, and only if, it has one.
    fn text(
        &self,
        passphrase: Option<&str>,
    ) -> Result<(Option<FileId>, Zeroizing<Vec<u8>>), KeyError> {
        let file_id = self.file.id()?;
        let content = self.file.content()?.ok_or(KeyError::None)?;
        let text = match passphrase {
            Some(passphrase) if encryption::is_encrypted(&content) => {
                let text = encryption::decrypt_with_passphrase(passphrase, &content);
                text.map_err(|bad| match bad {
                    BadIdentity::WrongPassphrase => KeyError::Wrong,
                    bad => KeyError::Identity(self.file.bad(bad)),
                })?
            }
            None if encryption::is_encrypted(&content) => return Err(KeyError::Closed),
            Some(_) => return Err(KeyError::Open),
            None => content,
        };
        Ok((file_id, text))
    }

    /// Reads the file again if it is another one.
    fn check_file(&self) -> Result<(), IdentityError> {
        let _checking = self.checking();
        let file_id = self.file.id()?;
        if self.held().file_id == file_id {
            return Ok(());
        }
        // An unlocked key is of another file now. An open one is refused until its file can be read.
        let parsed = self.file.content().and_then(|content| match content {
            None => Ok(HeldKeys::None),
            Some(bytes) if encryption::is_encrypted(&bytes) => Ok(HeldKeys::Locked),
            Some(bytes) => self.file.parse(&bytes).map(HeldKeys::Open),
        });
        let keys = parsed.inspect_err(|_| _ = self.wipe_if(|_| true))?;
        *self.held_mut() = Held { keys, file_id, is_durable: false };
        Ok(())
    }

    fn checking(&self) -> MutexGuard<'_, ()> {
        self.checking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Each writer assigns a whole value, so a panic leaves nothing half done.
    fn held(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn held_mut(&self) -> RwLockWriteGuard<'_, Held> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenedKeys {
    /// The current public key.
    pub fn recipient(&self) -> Recipient {
        self.keyring.current()
    }
}

impl RewrittenFile {
    /// The current public key.
    pub fn recipient(&self) -> Recipient {
        self.keyring.current()
    }
}

#[cfg(test)]
mod tests;
