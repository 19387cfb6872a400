//! What the daemon holds of the identity: nothing, or the key, in one place.
//!
//! Its file is looked at whenever the key is wanted: somebody may take it away, or put another one
//! there, while we run. Nobody waits for a disk while the key's place is locked, so how it is can be
//! told at any time.

use std::mem;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use zeroize::Zeroizing;

use super::identity::{Found, IdentityError, IdentityFile};
use super::memory::Pinned;
use super::seal::{self, Closed, Identity, Recipient};
use super::store::{Prepared, Stamp};

/// A moment, by the clock that goes on while the machine sleeps.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct BootInstant(Duration);

/// The identity's file, and what is held of it.
pub struct HeldKey {
    file: IdentityFile,
    /// Held by who looks at the file or changes it.
    looking: Mutex<()>,
    held: RwLock<Held>,
}

struct Held {
    key: Key,
    /// What the file was when it was read.
    stamp: Option<Stamp>,
    /// Whether the file is known to outlast a power cut.
    is_durable: bool,
}

enum Key {
    /// There is no file.
    None,
    /// The file has no passphrase.
    Open(Pinned<Identity>),
    /// The file has one.
    Locked,
    /// It was given. At that moment the key is forgotten.
    Unlocked(Pinned<Identity>, Option<BootInstant>),
}

/// Whether there is an identity, and whether its key can be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyState {
    /// There is no identity.
    None,
    /// The identity has no passphrase.
    Open,
    /// The identity's passphrase is not known.
    Locked,
    /// The key can be used until then; `None` for no limit.
    Unlocked(Option<BootInstant>),
}

/// Why the passphrase is what it was, or the key is where it was.
#[derive(Debug)]
pub enum KeyError {
    /// Somebody else changed the file meanwhile.
    Changed,
    /// The identity has a passphrase, which was not given.
    Closed,
    /// The identity's file cannot be read or written.
    Identity(IdentityError),
    /// A lock was requested after this was.
    Locked,
    /// There is no identity.
    None,
    /// The identity has no passphrase.
    Open,
    /// Another identity is about to take its place.
    Unfinished,
    /// The passphrase is not the identity's.
    Wrong,
}

impl From<IdentityError> for KeyError {
    fn from(error: IdentityError) -> Self {
        Self::Identity(error)
    }
}

impl BootInstant {
    /// The time now.
    pub fn now() -> Self {
        let now = clock_gettime(ClockId::Boottime);
        let (seconds, nanos) = (now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs());
        Self(Duration::from_secs(seconds) + Duration::from_nanos(nanos))
    }

    /// The time after this duration.
    pub fn after(span: Duration) -> Self {
        Self(Self::now().0.saturating_add(span))
    }

    /// How long it is until then.
    pub fn left(self) -> Duration {
        self.0.saturating_sub(Self::now().0)
    }
}

impl HeldKey {
    pub fn of(file: IdentityFile) -> Result<Self, IdentityError> {
        let none = Held { key: Key::None, stamp: None, is_durable: false };
        let held = Self { file, looking: Mutex::default(), held: RwLock::new(none) };
        held.look()?;
        Ok(held)
    }

    pub fn file(&self) -> &IdentityFile {
        &self.file
    }

    /// How it is, without a look at the file.
    pub fn state(&self) -> KeyState {
        match self.held().key {
            Key::None => KeyState::None,
            Key::Open(_) => KeyState::Open,
            Key::Unlocked(_, until) if !is_over(until) => KeyState::Unlocked(until),
            Key::Locked | Key::Unlocked(..) => KeyState::Locked,
        }
    }

    /// Does something with the key, when it is there; else gives how it is.
    pub fn with<T>(
        &self,
        work: impl FnOnce(&Identity) -> T,
    ) -> Result<Result<T, KeyState>, IdentityError> {
        self.look()?;
        // Who locks the vault waits for this to end.
        Ok(self.held().identity().map(work))
    }

    /// The same with both, this one first, each as it is.
    pub fn with_both<T>(
        &self,
        other: &Self,
        work: impl FnOnce(Result<&Identity, KeyState>, Result<&Identity, KeyState>) -> T,
    ) -> Result<T, IdentityError> {
        // Both before either is held: who replaces the one by the other looks first, too.
        self.look()?;
        other.look()?;
        let (held, others) = (self.held(), other.held());
        Ok(work(held.identity(), others.identity()))
    }

    /// Its public part, when it will be there after a power cut, too: what is sealed to it could not
    /// be opened without it. Its maker may have been killed before it was synced.
    pub fn recipient(&self) -> Result<Result<Recipient, KeyState>, IdentityError> {
        let recipient = self.with(Identity::recipient)?;
        if recipient != Err(KeyState::None) {
            self.make_durable()?;
        }
        Ok(recipient)
    }

    fn make_durable(&self) -> Result<(), IdentityError> {
        let _looking = self.looking();
        if !self.held().is_durable {
            self.file.sync()?;
            self.held_mut().is_durable = true;
        }
        Ok(())
    }

    /// Makes a new identity where none is.
    pub fn make(&self) -> Result<Recipient, IdentityError> {
        let _looking = self.looking();
        let identity = self.file.make()?;
        let recipient = identity.recipient();
        let stamp = self.file.stamp()?;
        *self.held_mut() = Held { key: Key::Open(identity), stamp, is_durable: true };
        Ok(recipient)
    }

    /// Writes an identity where none is, and holds it; one with a passphrase until then, unless the
    /// vault was locked while it was written.
    pub fn put(
        &self,
        identity: Pinned<Identity>,
        passphrase: Option<&str>,
        until: Option<BootInstant>,
        was_locked: impl FnOnce() -> bool,
    ) -> Result<(), IdentityError> {
        // Whoever wants a key waits for who is looking, so what takes long comes first.
        let prepared = self.file.prepare_new(&identity, passphrase)?;
        let _looking = self.looking();
        self.file.commit_new(prepared)?;
        let stamp = self.file.stamp()?;
        let mut held = self.held_mut();
        let key = match passphrase {
            // Who locks the vault says so first, and then waits for us here.
            Some(_) if was_locked() => Key::Locked,
            Some(_) => Key::Unlocked(identity, until),
            None => Key::Open(identity),
        };
        *held = Held { key, stamp, is_durable: true };
        Ok(())
    }

    /// Puts another identity, which is held, and its file in the place of these. Gives the file that a
    /// copy of this one is kept in.
    pub fn replace_by(&self, other: &Self) -> Result<PathBuf, IdentityError> {
        let (_other_looking, _looking) = (other.looking(), self.looking());
        let kept = self.file.keep()?;
        self.file.replace_by(&other.file)?;
        let stamp = self.file.stamp()?;
        // The other one first, as who uses or locks both does: so the key is found in the one place or
        // in the other, and one that was locked meanwhile stays so.
        let (mut others, mut held) = (other.held_mut(), self.held_mut());
        let key = mem::replace(&mut others.key, Key::None);
        others.stamp = None;
        *held = Held { key, stamp, is_durable: true };
        Ok(kept)
    }

    /// Removes the file, durably, and forgets the key.
    pub fn remove(&self) -> Result<(), IdentityError> {
        let _looking = self.looking();
        self.file.remove()?;
        *self.held_mut() = Held { key: Key::None, stamp: None, is_durable: false };
        Ok(())
    }

    /// Wipes an unlocked key, whatever became of its file. Returns whether there was one.
    pub fn forget(&self) -> bool {
        let mut held = self.held_mut();
        let is_unlocked = matches!(held.key, Key::Unlocked(..));
        if is_unlocked {
            held.key = Key::Locked;
        }
        is_unlocked
    }

    /// Checks the file of a key that is not unlocked: whether it is locked, or cannot be.
    pub fn is_locked(&self) -> Result<(), KeyError> {
        self.look()?;
        match self.held().key {
            Key::None => Err(KeyError::None),
            // It is in the file for everyone who may read it.
            Key::Open(_) => Err(KeyError::Open),
            Key::Locked | Key::Unlocked(..) => Ok(()),
        }
    }

    /// When its time is over; that may have been. `None` for what is not to be forgotten by itself.
    pub fn due(&self) -> Option<BootInstant> {
        match self.held().key {
            Key::Unlocked(_, until) => until,
            _ => None,
        }
    }

    /// Whether its time is over, and it is there yet.
    pub fn is_due(&self) -> bool {
        matches!(self.held().key, Key::Unlocked(_, until) if is_over(until))
    }

    /// Forgets the key when its time is over, and gives whether it did. Looks at no file.
    pub fn lock_when_due(&self) -> bool {
        let mut held = self.held_mut();
        let is_due = matches!(held.key, Key::Unlocked(_, until) if is_over(until));
        if is_due {
            held.key = Key::Locked;
        }
        is_due
    }

    /// Opens the identity with its passphrase. Takes a second, and 256 MiB.
    pub fn open(&self, passphrase: &str) -> Result<Opened, KeyError> {
        let (stamp, text) = self.text(Some(passphrase))?;
        Ok(Opened { identity: self.file.parse(&text)?, stamp })
    }

    /// Holds the key that was opened, until then, unless the vault was locked in the meantime.
    pub fn unlock(
        &self,
        opened: Opened,
        until: Option<BootInstant>,
        was_locked: impl FnOnce() -> bool,
    ) -> Result<(), KeyError> {
        let _looking = self.looking();
        let Opened { identity, stamp } = opened;
        // What was opened is not what is there now.
        if self.file.stamp()? != stamp {
            return Err(KeyError::Changed);
        }
        let mut held = self.held_mut();
        // A lock first counts itself, and then waits here for its turn.
        if was_locked() {
            return Err(KeyError::Locked);
        }
        *held = Held { key: Key::Unlocked(identity, until), stamp, is_durable: false };
        Ok(())
    }

    /// Writes the identity with another passphrase, or without one, beside the file. Nothing has
    /// changed before [`HeldKey::replace`].
    pub fn rewrite(&self, old: Option<&str>, new: Option<&str>) -> Result<Rewritten, KeyError> {
        let (stamp, text) = self.text(old)?;
        let opened = Opened { identity: self.file.parse(&text)?, stamp };
        let prepared = match new {
            Some(new) => {
                let sealed = seal::seal_with(new, &text);
                self.file.prepare(&sealed.map_err(|source| self.file.unwritten(source))?)?
            }
            None if old.is_none() => return Err(KeyError::Open),
            None => self.file.prepare(&text)?,
        };
        Ok(Rewritten { opened, prepared, is_sealed: new.is_some() })
    }

    /// Puts what was written in the place of the file, durably. The key is held after it. A key with a
    /// passphrase is held until this moment, and not at all if the vault was locked in the meantime.
    pub fn replace(
        &self,
        rewritten: Rewritten,
        until: Option<BootInstant>,
        was_locked: impl FnOnce() -> bool,
    ) -> Result<(), KeyError> {
        let Rewritten { opened: Opened { identity, stamp }, prepared, is_sealed } = rewritten;
        let _looking = self.looking();
        if self.file.stamp()? != stamp {
            return Err(KeyError::Changed);
        }
        prepared.commit().map_err(|source| self.file.unwritten(source))?;
        let stamp = self.file.stamp()?;
        let mut held = self.held_mut();
        let key = match is_sealed {
            true if was_locked() => Key::Locked,
            true => Key::Unlocked(identity, until),
            false => Key::Open(identity),
        };
        *held = Held { key, stamp, is_durable: true };
        Ok(())
    }

    /// The text of the identity's file, and what the file was. A passphrase must be given when it has
    /// one, and must not when it has none.
    fn text(
        &self,
        passphrase: Option<&str>,
    ) -> Result<(Option<Stamp>, Zeroizing<Vec<u8>>), KeyError> {
        let stamp = self.file.stamp()?;
        let content = self.file.content()?.ok_or(KeyError::None)?;
        let text = match passphrase {
            Some(passphrase) if seal::is_sealed(&content) => seal::open_with(passphrase, &content)
                .map_err(|closed| match closed {
                    Closed::Bad(bad) => KeyError::Identity(self.file.bad(bad)),
                    Closed::Wrong => KeyError::Wrong,
                })?,
            None if seal::is_sealed(&content) => return Err(KeyError::Closed),
            Some(_) => return Err(KeyError::Open),
            None => content,
        };
        Ok((stamp, text))
    }

    fn look(&self) -> Result<(), IdentityError> {
        let _looking = self.looking();
        let stamp = self.file.stamp()?;
        if self.held().stamp == stamp {
            return Ok(());
        }
        let found = self.file.read().inspect_err(|_| {
            // What is held is of another file. One without a passphrase is refused until it can be read.
            let mut held = self.held_mut();
            if let Key::Unlocked(..) = held.key {
                held.key = Key::Locked;
            }
        });
        let key = match found? {
            Found::Nothing => Key::None,
            Found::Identity(identity) => Key::Open(identity),
            Found::Sealed => Key::Locked,
        };
        *self.held_mut() = Held { key, stamp, is_durable: false };
        Ok(())
    }

    fn looking(&self) -> MutexGuard<'_, ()> {
        self.looking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> RwLockReadGuard<'_, Held> {
        // Whoever changes it does so at once, and nothing that reads it leaves anything behind.
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn held_mut(&self) -> RwLockWriteGuard<'_, Held> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// The key, when it is there; else how it is.
    fn identity(&self) -> Result<&Identity, KeyState> {
        match &self.key {
            Key::Open(identity) => Ok(identity),
            Key::Unlocked(identity, until) if !is_over(*until) => Ok(identity),
            Key::None => Err(KeyState::None),
            Key::Locked | Key::Unlocked(..) => Err(KeyState::Locked),
        }
    }
}

/// An identity that was opened, and what its file was then.
pub struct Opened {
    identity: Pinned<Identity>,
    stamp: Option<Stamp>,
}

/// An identity's file that is to take the place of the one that is there.
#[must_use]
pub struct Rewritten {
    opened: Opened,
    prepared: Prepared,
    is_sealed: bool,
}

impl Opened {
    /// Its public part.
    pub fn recipient(&self) -> Recipient {
        self.identity.recipient()
    }
}

impl Rewritten {
    /// Its identity's public part.
    pub fn recipient(&self) -> Recipient {
        self.opened.recipient()
    }
}

fn is_over(until: Option<BootInstant>) -> bool {
    until.is_some_and(|until| until <= BootInstant::now())
}

#[cfg(test)]
mod tests;
