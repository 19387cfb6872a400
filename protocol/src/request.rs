use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::frame::{FrameError, Limits, Message};
use crate::{Secret, SecretName, limits};

/// What a client asks of the daemon.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Tell how many secrets there are, and what was granted last.
    Activity,
    /// Tell what would keep a connector from starting with a configuration.
    Check(Check),
    /// Remove a secret; what it was goes to the history.
    Delete(Delete),
    /// Remove a lease, whoever holds it.
    EndLease(EndLease),
    /// Give the values of the secrets that a configuration references.
    Grant(Grant),
    /// Tell the versions of a secret.
    History(History),
    /// Keep many values, all at once.
    Import(Import),
    /// Tell what is known of the identity.
    Key,
    /// Give the values of the secrets that a configuration references as a file, for as long as
    /// somebody holds it.
    Lease(Grant),
    /// Tell all leases, one at a time.
    Leases,
    /// Tell the names and dates of all secrets, in pages.
    List,
    /// Forget the key that opens the vault, until it is unlocked.
    Lock,
    /// Put a passphrase on the identity, change it, or take it off.
    Passphrase(Passphrase),
    /// Make an earlier version of a secret the present one.
    Restore(Restore),
    /// Keep a value under a name.
    Set(Set),
    /// Tell how the daemon is.
    Status,
    /// Finish what was begun, and end. Understood in every version of the protocol.
    Stop,
    /// Tell which secrets a configuration references, and from then on which of them change.
    Subscribe(Subscribe),
    /// Open the identity with its passphrase, and keep the key for a while.
    Unlock(Unlock),
}

/// Tell what would keep a connector from starting with a configuration.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The configuration's bytes, at most [`limits::CONFIG_BYTES`]. Travels as the frame's one part.
    #[serde(skip)]
    pub config: Zeroizing<Vec<u8>>,
}

/// Remove a secret.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Delete {
    /// Which.
    pub name: SecretName,
    /// Whether its history is removed too, for good.
    pub purge: bool,
}

/// Remove a lease, whoever holds it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EndLease {
    /// Which; at most [`limits::LEASE_ID_BYTES`].
    pub id: String,
}

/// Tell the versions of a secret.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// Of which.
    pub name: SecretName,
}

/// Keep many values, all at once. A name that has this value already is left as it is.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// The names, each once; at most [`limits::GRANT_NAMES`].
    pub names: Vec<SecretName>,
    /// The value of each name, in the same order; at most [`limits::GRANT_BYTES`] together. They
    /// travel as the frame's parts.
    #[serde(skip)]
    pub values: Vec<Secret>,
    /// What to do where a name has another value.
    pub overwrite: bool,
    /// Whether only to tell what each name has.
    pub dry_run: bool,
}

/// Put a passphrase on the identity, change it, or take it off.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Passphrase {
    /// Whether the first part is the passphrase that the identity has.
    pub has_old: bool,
    /// Whether the last part is the one that it gets.
    pub has_new: bool,
    /// The parts, each at most [`limits::PASSPHRASE_BYTES`].
    #[serde(skip)]
    pub passphrases: Vec<Secret>,
}

/// Make an earlier version of a secret the present one.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Restore {
    /// Of which.
    pub name: SecretName,
    /// Which version; `None` for the newest in the history.
    pub version: Option<u64>,
}

/// Tell which secrets a configuration references, and from then on which of them change.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    /// The configuration's bytes, at most [`limits::CONFIG_BYTES`]. Travels as the frame's one part.
    #[serde(skip)]
    pub config: Zeroizing<Vec<u8>>,
}

/// Give the values of the secrets that a configuration references.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The configuration's path as the client was given it: for the audit log, never opened.
    pub label: String,
    /// The program that will get the values: for the audit log.
    pub program: String,
    /// Whether to refuse, by `checked`, what would keep the connector from starting.
    pub check: bool,
    /// The configuration's bytes, at most [`limits::CONFIG_BYTES`]. Travels as the frame's one part.
    #[serde(skip)]
    pub config: Zeroizing<Vec<u8>>,
}

/// Keep a value under a name.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// The name.
    pub name: SecretName,
    /// The value, at most [`limits::VALUE_BYTES`]. Travels as the frame's one part.
    #[serde(skip)]
    pub value: Secret,
}

/// Open the identity with its passphrase.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Unlock {
    /// For how many seconds; `None` for as long as the daemon has it by default.
    pub seconds: Option<u64>,
    /// The passphrase, at most [`limits::PASSPHRASE_BYTES`]. Travels as the frame's one part.
    #[serde(skip)]
    pub passphrase: Secret,
}

impl Passphrase {
    /// Puts `new` in the place of `old`; `None` stands for none.
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

    fn parts(&self) -> usize {
        usize::from(self.has_old) + usize::from(self.has_new)
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the configuration: people write values into them.
        let Self { label, program, check, .. } = self;
        let mut printed = f.debug_struct("Grant");
        printed.field("label", label).field("program", program).field("check", check).finish()
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nor here.
        f.debug_struct("Check").finish_non_exhaustive()
    }
}

impl fmt::Debug for Subscribe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nor here.
        f.debug_struct("Subscribe").finish_non_exhaustive()
    }
}

impl Message for Request {
    fn limits(&self) -> Limits {
        match self {
            Self::Check(_) | Self::Grant(_) | Self::Lease(_) | Self::Subscribe(_) => {
                Limits::one(limits::CONFIG_BYTES)
            }
            Self::Import(import) => Limits::values(import.names.len()),
            Self::Passphrase(asked) => {
                let (parts, part) = (asked.parts(), limits::PASSPHRASE_BYTES);
                Limits { parts, part, total: parts * part }
            }
            Self::Unlock(_) => Limits::one(limits::PASSPHRASE_BYTES),
            Self::Set(_) => Limits::one(limits::VALUE_BYTES),
            _ => Limits::NONE,
        }
    }

    fn parts(&self) -> Vec<&[u8]> {
        match self {
            Self::Check(check) => vec![&check.config],
            Self::Grant(grant) | Self::Lease(grant) => vec![&grant.config],
            Self::Import(import) => import.values.iter().map(Secret::expose).collect(),
            Self::Passphrase(asked) => asked.passphrases.iter().map(Secret::expose).collect(),
            Self::Set(set) => vec![set.value.expose()],
            Self::Subscribe(subscribe) => vec![&subscribe.config],
            Self::Unlock(unlock) => vec![unlock.passphrase.expose()],
            _ => Vec::new(),
        }
    }

    fn take_parts(&mut self, parts: Vec<Zeroizing<Vec<u8>>>) -> Result<(), FrameError> {
        let one = |parts: Vec<_>| parts.into_iter().next().ok_or(FrameError::Parts);
        match self {
            Self::Check(check) => check.config = one(parts)?,
            Self::EndLease(end) if end.id.len() > limits::LEASE_ID_BYTES => {
                return Err(FrameError::Large);
            }
            Self::Grant(grant) | Self::Lease(grant) => {
                let labels = [&grant.label, &grant.program];
                if labels.iter().any(|label| label.len() > limits::LABEL_BYTES) {
                    return Err(FrameError::Large);
                }
                grant.config = one(parts)?;
            }
            Self::Import(import) if import.names.len() == parts.len() => {
                import.values = parts.into_iter().map(Secret::new).collect();
            }
            Self::Import(_) => return Err(FrameError::Parts),
            Self::Passphrase(asked) if asked.parts() == parts.len() => {
                asked.passphrases = parts.into_iter().map(Secret::new).collect();
            }
            Self::Passphrase(_) => return Err(FrameError::Parts),
            Self::Set(set) => set.value = Secret::new(one(parts)?),
            Self::Subscribe(subscribe) => subscribe.config = one(parts)?,
            Self::Unlock(unlock) => unlock.passphrase = Secret::new(one(parts)?),
            _ => {}
        }
        Ok(())
    }
}
