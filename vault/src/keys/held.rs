//! What the daemon holds of an identity file: no key, or all of them until a time.

use fluvio_secret_system::file_id::FileId;

use crate::keys::boot_instant::BootInstant;
use crate::keys::keyring::Keyring;

pub(crate) struct Held {
    pub(crate) keys: HeldKeys,
    pub(crate) file_id: Option<FileId>,
    /// Whether the file is known to survive a power cut.
    pub(crate) is_durable: bool,
}

pub(crate) enum HeldKeys {
    /// There is no file.
    None,
    /// The file has no passphrase.
    Open(Keyring),
    /// The file has one.
    Locked,
    /// The passphrase was given. At that time the keys are forgotten.
    Unlocked(Keyring, Option<BootInstant>),
}

/// Whether there is an identity, and whether its keys can be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyState {
    /// There is no identity.
    None,
    /// The identity has no passphrase.
    Open,
    /// The passphrase of the identity is missing.
    Locked,
    /// The keys can be used until then; `None` for no limit.
    Unlocked(Option<BootInstant>),
}

impl Held {
    pub(crate) fn state(&self) -> KeyState {
        match self.keys {
            HeldKeys::None => KeyState::None,
            HeldKeys::Open(_) => KeyState::Open,
            HeldKeys::Unlocked(_, until) if !is_over(until) => KeyState::Unlocked(until),
            HeldKeys::Locked | HeldKeys::Unlocked(..) => KeyState::Locked,
        }
    }

    /// The keys, if they can be used; else their state.
    pub(crate) fn keyring(&self) -> Result<&Keyring, KeyState> {
        match &self.keys {
            HeldKeys::Open(keyring) => Ok(keyring),
            HeldKeys::Unlocked(keyring, until) if !is_over(*until) => Ok(keyring),
            _ => Err(self.state()),
        }
    }
}

pub(crate) fn is_over(until: Option<BootInstant>) -> bool {
    until.is_some_and(|until| until <= BootInstant::now())
}
