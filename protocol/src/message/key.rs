//! The identity, which decrypts the vault, and its passphrase.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::call::{Call, Worker};
use super::recipient::Reencrypted;
use crate::frame::{FrameError, Message, PartLimits, Parts, one_part, secret_parts};
use crate::{Secret, limits};

/// Describe the identity.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct GetKey;

/// What is known of the identity; never the identity itself.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its file.
    pub identity: String,
    /// Its public part; `None` without an identity, or if this machine never decrypted it.
    pub recipient: Option<String>,
    /// Whether it has a passphrase; `None` without an identity.
    pub passphrase: Option<bool>,
    /// Whether there is no identity, although the vault has secrets that need one.
    pub lost: bool,
    /// The retired keys in the file; empty while the vault is locked.
    pub retired: Vec<RetiredKey>,
}

/// A key that was replaced, and decrypts what was encrypted before.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RetiredKey {
    /// Its public part.
    pub recipient: String,
    /// When it was replaced, as the file has it.
    pub date: Option<String>,
}

/// Forget the key that decrypts the vault, until it is unlocked.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Lock;

/// The key is forgotten.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Locked;

/// Set, change or remove the identity's passphrase.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Passphrase {
    /// Whether the first part is the passphrase that the identity has.
    pub has_old: bool,
    /// Whether the last part is the passphrase that the identity gets.
    pub has_new: bool,
    /// The parts, each at most [`limits::PASSPHRASE_BYTES`].
    #[serde(skip)]
    pub passphrases: Vec<Secret>,
}

/// Remove the retired keys, if everything can be decrypted without them.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Retire {
    /// Whether the identity has a passphrase: the part.
    pub has_passphrase: bool,
    /// At most [`limits::PASSPHRASE_BYTES`].
    #[serde(skip)]
    pub passphrase: Option<Secret>,
}

/// Make a new identity, and re-encrypt all secrets to it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// Whether the earlier versions of all secrets are removed instead.
    pub drop_history: bool,
    /// Whether the identity has a passphrase: the part. The new identity gets it too.
    pub has_passphrase: bool,
    /// At most [`limits::PASSPHRASE_BYTES`].
    #[serde(skip)]
    pub passphrase: Option<Secret>,
}

/// Decrypt the identity with its passphrase, and keep the key for a while.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Unlock {
    /// How many seconds to keep it; `None` for the user's setting.
    pub seconds: Option<u64>,
    /// The passphrase, at most [`limits::PASSPHRASE_BYTES`]: the frame's only part.
    #[serde(skip)]
    pub passphrase: Secret,
}

/// The daemon has the key that decrypts the vault.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Unlocked {
    /// Until when, in seconds since 1970 (UTC); `None` if the vault never locks by itself.
    pub until: Option<i64>,
}

/// Replace the identity by one that exists already.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UseIdentity {
    /// Whether the second part is a passphrase: that of the passed identity, or else of the current
    /// one. The new identity gets it too.
    pub has_passphrase: bool,
    /// An identity file's bytes, at most [`limits::IDENTITY_BYTES`]: the first part.
    #[serde(skip)]
    pub identity: Secret,
    /// At most [`limits::PASSPHRASE_BYTES`].
    #[serde(skip)]
    pub passphrase: Option<Secret>,
}

impl Passphrase {
    /// Replaces `old` by `new`; `None` stands for no passphrase.
    #[must_use]
    pub fn change(old: Option<Secret>, new: Option<Secret>) -> Self {
        let (has_old, has_new) = (old.is_some(), new.is_some());
        Self { has_old, has_new, passphrases: old.into_iter().chain(new).collect() }
    }

    /// The passphrase that the identity has, and the one that it gets.
    #[must_use]
    pub fn old_and_new(&self) -> (Option<&Secret>, Option<&Secret>) {
        let mut passphrases = self.passphrases.iter();
        let old = if self.has_old { passphrases.next() } else { None };
        let new = if self.has_new { passphrases.next() } else { None };
        (old, new)
    }

    fn count(&self) -> usize {
        usize::from(self.has_old) + usize::from(self.has_new)
    }
}

impl Retire {
    /// `passphrase` is the identity's, if it has one.
    #[must_use]
    pub fn new(passphrase: Option<Secret>) -> Self {
        Self { has_passphrase: passphrase.is_some(), passphrase }
    }
}

impl Rotate {
    /// `passphrase` is the identity's, if it has one.
    #[must_use]
    pub fn new(drop_history: bool, passphrase: Option<Secret>) -> Self {
        Self { drop_history, has_passphrase: passphrase.is_some(), passphrase }
    }
}

impl UseIdentity {
    /// `passphrase` is that of the identity's file, or of the current identity.
    #[must_use]
    pub fn new(identity: Secret, passphrase: Option<Secret>) -> Self {
        Self { has_passphrase: passphrase.is_some(), identity, passphrase }
    }

    fn count(&self) -> usize {
        1 + usize::from(self.has_passphrase)
    }
}

without_parts! {
    GetKey = "key";
    Key = "key";
    Lock = "lock";
    Locked = "locked";
    Unlocked = "unlocked";
}

impl Call for GetKey {
    type Answer = Key;
    const WORKER: Worker = Worker::Reads;
}

impl Call for Lock {
    type Answer = Locked;
    const WORKER: Worker = Worker::Locks;
    const NEEDS_VAULT: bool = false;
}

impl Parts for Passphrase {
    fn limits(&self) -> PartLimits {
        PartLimits::passphrases(self.count())
    }

    fn parts(&self) -> Vec<&[u8]> {
        self.passphrases.iter().map(Secret::expose).collect()
    }

    fn take_parts(&mut self, parts: Vec<Zeroizing<Vec<u8>>>) -> Result<(), FrameError> {
        self.passphrases = secret_parts(self.count(), parts)?;
        Ok(())
    }
}

impl Message for Passphrase {
    const NAME: &'static str = "passphrase";
}

impl Call for Passphrase {
    type Answer = Key;
    const WORKER: Worker = Worker::Keys;
}

impl Parts for Retire {
    fn limits(&self) -> PartLimits {
        PartLimits::passphrases(usize::from(self.has_passphrase))
    }

    fn parts(&self) -> Vec<&[u8]> {
        self.passphrase.iter().map(Secret::expose).collect()
    }

    fn take_parts(&mut self, parts: Vec<Zeroizing<Vec<u8>>>) -> Result<(), FrameError> {
        self.passphrase = secret_parts(usize::from(self.has_passphrase), parts)?.pop();
        Ok(())
    }
}

impl Message for Retire {
    const NAME: &'static str = "retire";
}

impl Call for Retire {
    type Answer = Key;
    const WORKER: Worker = Worker::Writes;
}

impl Parts for Rotate {
    fn limits(&self) -> PartLimits {
        PartLimits::passphrases(usize::from(self.has_passphrase))
    }

    fn parts(&self) -> Vec<&[u8]> {
        self.passphrase.iter().map(Secret::expose).collect()
    }

    fn take_parts(&mut self, parts: Vec<Zeroizing<Vec<u8>>>) -> Result<(), FrameError> {
        self.passphrase = secret_parts(usize::from(self.has_passphrase), parts)?.pop();
        Ok(())
    }
}

impl Message for Rotate {
    const NAME: &'static str = "rotate";
}

impl Call for Rotate {
    type Answer = Reencrypted;
    const WORKER: Worker = Worker::Writes;
}

impl Parts for Unlock {
    fn limits(&self) -> PartLimits {
        PartLimits::passphrases(1)
    }

    fn parts(&self) -> Vec<&[u8]> {
        vec![self.passphrase.expose()]
    }

    fn take_parts(&mut self, parts: Vec<Zeroizing<Vec<u8>>>) -> Result<(), FrameError> {
        self.passphrase = Secret::new(one_part(parts)?);
        Ok(())
    }
}

impl Message for Unlock {
    const NAME: &'static str = "unlock";
}

impl Call for Unlock {
    type Answer = Unlocked;
    const WORKER: Worker = Worker::Keys;
}

impl Parts for UseIdentity {
    fn limits(&self) -> PartLimits {
        let (parts, part) = (self.count(), limits::IDENTITY_BYTES);
        PartLimits { parts, part, total: part + limits::PASSPHRASE_BYTES }
    }

    fn parts(&self) -> Vec<&[u8]> {
        [&self.identity].into_iter().chain(&self.passphrase).map(Secret::expose).collect()
    }

    fn take_parts(&mut self, parts: Vec<Zeroizing<Vec<u8>>>) -> Result<(), FrameError> {
        let mut parts = secret_parts(self.count(), parts)?.into_iter();
        self.identity = parts.next().unwrap_or_default();
        self.passphrase = parts.next();
        Ok(())
    }
}

impl Message for UseIdentity {
    const NAME: &'static str = "use-identity";
}

impl Call for UseIdentity {
    type Answer = Reencrypted;
    const WORKER: Worker = Worker::Writes;
}
