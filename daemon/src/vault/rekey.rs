//! Another identity, or other recipients. Prepared, which is what may be refused, and then made.
//!
//! What is to be is written down first (the next identity, the next recipients), durably; then
//! everything is sealed anew; then it is the present, and what was before is removed. So whatever
//! ends this in the middle, all can be opened, and the next change of the kind gets to the end of it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use fluvio_secret_protocol::{ListedRecipient, Recipients, SecretName, Unfinished, limits};

use super::kind::{self, OtherKind};
use super::recipients::{Entry, keys, shortened};
use super::reseal::{Run, Step, What};
use super::seal::{BadIdentity, Identity, Recipient};
use super::{Key, Vault, VaultError};

/// Why another identity or other recipients were refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("the identity that was given cannot be used: {0}")]
    BadIdentity(BadIdentity),
    #[error(
        "the recipient that was given cannot be used: it is none, or was not copied whole; one begins with age1 and has 62 characters"
    )]
    BadRecipient,
    #[error("the recipients in {path} were changed since they were shown", path = .path.display())]
    Changed { path: PathBuf },
    #[error("the vault has {} recipients already, which is the most", limits::RECIPIENTS)]
    Many,
    #[error("this machine's identity, {own}, is not among the recipients in {path}", path = .path.display())]
    NotAmong { path: PathBuf, own: String },
    #[error("{recipient} is not among the recipients in {path}", path = .path.display())]
    NotListed { path: PathBuf, recipient: String },
    #[error("the identity that was given opens none of the secrets in {path}", path = .path.display())]
    OpensNothing { path: PathBuf },
    #[error("the {what} that was given cannot be used: {kind}")]
    OtherKind { what: &'static str, kind: OtherKind },
    #[error("{recipient} is this machine's own")]
    Own { recipient: String },
    #[error("another change of the identity was begun and is not finished")]
    Unfinished,
}

/// A change that is possible; without [`Rekey::commit`] nothing changes.
#[must_use]
pub(crate) struct Rekey<'a> {
    vault: &'a Vault,
    plan: Plan,
    /// The recipients that it is about, for the audit log.
    pub(crate) about: Vec<String>,
    /// What had been begun before.
    unfinished: Option<Unfinished>,
}

enum Plan {
    /// All is as it was asked for.
    Nothing,
    /// The first identity of this machine, or one that takes the place of another as it is: nothing
    /// has to be sealed to it.
    Take(Identity),
    Seal(Sealing),
}

struct Sealing {
    entries: Vec<Entry>,
    /// The identity that is to be there; `None` when it stays, or is the one that is there as the
    /// next one.
    identity: Option<Identity>,
    /// Whether what is sealed to as many recipients as there are is left as it is.
    by_count: bool,
    drop_history: bool,
}

/// A change that is made.
#[derive(Debug)]
pub(crate) struct Resealed {
    pub(crate) secrets: usize,
    pub(crate) versions: usize,
    pub(crate) recipients: usize,
    pub(crate) left: Vec<SecretName>,
    pub(crate) own: String,
    pub(crate) finished: Option<Unfinished>,
}

/// What there is before a change.
struct Base {
    identity: Arc<Identity>,
    next: Option<Arc<Identity>>,
    entries: Vec<Entry>,
    unfinished: Option<Unfinished>,
}

impl Base {
    /// The recipients that are this machine's.
    fn own(&self) -> Vec<Recipient> {
        self.next.iter().chain([&self.identity]).map(|identity| identity.recipient()).collect()
    }

    /// Takes the next identity for the present one, where there is one: a change that is asked for
    /// now finishes that, too.
    fn settled(mut self) -> Self {
        if let Some(next) = &self.next {
            put_in_place(&mut self.entries, &self.identity.recipient(), &next.recipient());
        }
        self
    }
}

impl Vault {
    /// One recipient more; one that is there already gets the note, and everything is sealed anew.
    pub(crate) fn prepare_add(
        &self,
        recipient: &str,
        note: Option<&str>,
    ) -> Result<Rekey<'_>, VaultError> {
        let recipient = recipient_of(recipient)?;
        let mut base = self.base()?.settled();
        let note = note.map(shortened);
        let is_full = base.entries.len() >= limits::RECIPIENTS;
        match base.entries.iter_mut().find(|entry| entry.recipient == recipient) {
            Some(entry) => entry.note = note.unwrap_or(entry.note.clone()),
            None if is_full => return Err(KeyError::Many.into()),
            None => {
                let (recipient, note) = (recipient.clone(), note.unwrap_or_default());
                base.entries.push(Entry { recipient, note });
            }
        }
        Ok(self.sealing(base, vec![recipient.to_string()]))
    }

    /// One recipient less.
    pub(crate) fn prepare_remove(&self, recipient: &str) -> Result<Rekey<'_>, VaultError> {
        let recipient = recipient_of(recipient)?;
        let mut base = self.base()?.settled();
        let told = recipient.to_string();
        if base.own().contains(&recipient) {
            return Err(KeyError::Own { recipient: told }.into());
        }
        let before = base.entries.len();
        base.entries.retain(|entry| entry.recipient != recipient);
        // One that a change before this one has removed, and not to the end, is removed again.
        if base.entries.len() == before && base.unfinished.is_none() {
            return Err(KeyError::NotListed { path: self.lists.path(), recipient: told }.into());
        }
        Ok(self.sealing(base, vec![told]))
    }

    /// The vault's recipients, which have to be those that were shown, are this machine's, too.
    pub(crate) fn prepare_accept(&self, shown: &[String]) -> Result<Rekey<'_>, VaultError> {
        let lists = self.lists.read()?;
        let entries = lists.of_vault().to_vec();
        let mut base = self.base_of(entries)?;
        let path = || self.lists.path();
        if keys(&base.entries) != shown.iter().cloned().collect::<BTreeSet<_>>() {
            return Err(KeyError::Changed { path: path() }.into());
        }
        let own = base.own();
        if !base.entries.iter().any(|entry| own.contains(&entry.recipient)) {
            let own = base.identity.recipient().to_string();
            return Err(KeyError::NotAmong { path: path(), own }.into());
        }
        base = base.settled();
        let about: Vec<_> = keys(&base.entries).into_iter().collect();
        let is_accepted =
            lists.accepted.is_some_and(|accepted| keys(&accepted) == keys(&base.entries));
        if is_accepted && base.unfinished.is_none() {
            return Ok(Rekey { vault: self, plan: Plan::Nothing, about, unfinished: None });
        }
        // Who has changed the list has sealed the secrets to it. To do it again would only change
        // each of them in everybody's git.
        let by_count = base.unfinished.is_none();
        let mut rekey = self.sealing(base, about);
        if let Plan::Seal(sealing) = &mut rekey.plan {
            sealing.by_count = by_count;
        }
        Ok(rekey)
    }

    /// A new identity in the place of the present one. One that was begun before is finished.
    pub(crate) fn prepare_rotate(&self, drop_history: bool) -> Result<Rekey<'_>, VaultError> {
        let base = self.base()?;
        let new = if base.next.is_some() { None } else { Some(Identity::generate()) };
        let mut rekey = self.rotation(base, new);
        if let Plan::Seal(sealing) = &mut rekey.plan {
            sealing.drop_history = drop_history;
        }
        Ok(rekey)
    }

    /// An identity that somebody has already in the place of the present one.
    pub(crate) fn prepare_use(&self, text: &[u8]) -> Result<Rekey<'_>, VaultError> {
        let new = identity_of(text)?;
        let recipient = new.recipient();
        let about = vec![recipient.to_string()];
        let lists = self.lists.read()?;
        let listed = |recipient: &Recipient| {
            lists.of_vault().iter().any(|entry| entry.recipient == *recipient)
        };
        let take = |new| {
            Ok(Rekey { vault: self, plan: Plan::Take(new), about: about.clone(), unfinished: None })
        };
        let present = match self.key()? {
            Key::Open(present) => present,
            Key::Passphrase => return Err(self.locked()),
            Key::None => {
                // A machine that had another one has mistaken the file. A new one, with the vault of
                // others, may have to wait until they add it.
                let had_one = lists.accepted.is_some();
                let is_empty = self.all_names()?.is_empty();
                if had_one && !is_empty && !listed(&recipient) && !self.opens_any(&new)? {
                    return Err(KeyError::OpensNothing { path: self.path.clone() }.into());
                }
                return take(new);
            }
        };
        let next = self.next.key()?;
        match &next {
            Key::Open(next) if next.recipient() != recipient => {
                return Err(KeyError::Unfinished.into());
            }
            Key::None if present.recipient() == recipient => {
                let unfinished = lists.next.map(|_| Unfinished::Recipients);
                if unfinished.is_some() {
                    return Ok(self.sealing(self.base()?, about));
                }
                return Ok(Rekey { vault: self, plan: Plan::Nothing, about, unfinished });
            }
            _ => {}
        }
        // One that opens all there is, or nothing less than the present one: nothing changes for it.
        let is_listed_for = listed(&recipient) || !listed(&present.recipient());
        if matches!(next, Key::None) && is_listed_for && !self.opens_more(&present, &new)? {
            return take(new);
        }
        let base = self.base()?;
        let new = if base.next.is_some() { None } else { Some(new) };
        Ok(self.rotation(base, new))
    }

    /// What there is, when both lists agree.
    fn base(&self) -> Result<Base, VaultError> {
        // Also makes what is not there yet.
        self.recipients()?;
        self.base_of(self.lists.read()?.of_vault().to_vec())
    }

    fn base_of(&self, entries: Vec<Entry>) -> Result<Base, VaultError> {
        let mut identities = self.identities()?.into_iter();
        let identity = identities.next().ok_or_else(|| self.identity_lost())?;
        let next = identities.next();
        let unfinished = match (&next, self.lists.read()?.next) {
            (Some(_), _) => Some(Unfinished::Identity),
            (None, Some(_)) => Some(Unfinished::Recipients),
            (None, None) => None,
        };
        Ok(Base { identity, next, entries, unfinished })
    }

    fn sealing(&self, base: Base, about: Vec<String>) -> Rekey<'_> {
        let Base { entries, unfinished, .. } = base;
        let sealing = Sealing { entries, identity: None, by_count: false, drop_history: false };
        Rekey { vault: self, plan: Plan::Seal(sealing), about, unfinished }
    }

    /// The change to a new identity, or to the next one that is there.
    fn rotation(&self, base: Base, new: Option<Identity>) -> Rekey<'_> {
        let mut base = base.settled();
        if let Some(new) = &new {
            put_in_place(&mut base.entries, &base.identity.recipient(), &new.recipient());
        }
        let own = new.as_ref().map(Identity::recipient).or_else(|| base.own().into_iter().next());
        let about = own.iter().map(ToString::to_string).collect();
        let mut rekey = self.sealing(base, about);
        if let Plan::Seal(sealing) = &mut rekey.plan {
            sealing.identity = new;
        }
        rekey
    }

    /// Those whom secrets are sealed to, and those that only this machine has accepted.
    pub(crate) fn listed_recipients(&self) -> Result<Recipients, VaultError> {
        let lists = self.lists.read()?;
        let next = matches!(self.next.key()?, Key::Open(_) | Key::Passphrase);
        let own = match (self.key()?, &lists.accepted) {
            (Key::Open(identity), _) => Some(identity.recipient()),
            (Key::Passphrase, Some(accepted)) => accepted.first().map(|own| own.recipient.clone()),
            (Key::Passphrase, None) | (Key::None, _) => None,
        };
        let accepted = lists.accepted.as_deref().unwrap_or_default();
        let (of_vault, has) = (lists.of_vault(), |list: &[Entry], one: &Entry| {
            list.iter().any(|entry| entry.recipient == one.recipient)
        });
        let gone = accepted.iter().filter(|entry| !has(of_vault, entry));
        let listed = |entry: &Entry| ListedRecipient {
            recipient: entry.recipient.to_string(),
            note: Some(entry.note.clone()).filter(|note| !note.is_empty()),
            own: own.as_ref() == Some(&entry.recipient),
            listed: has(of_vault, entry),
            // What this machine has begun it has accepted.
            accepted: has(accepted, entry)
                || lists.next.as_deref().is_some_and(|next| has(next, entry)),
        };
        Ok(Recipients {
            recipients: of_vault.iter().chain(gone).map(listed).collect(),
            file: self.lists.path().display().to_string(),
            unfinished: match (next, &lists.next) {
                (true, _) => Some(Unfinished::Identity),
                (false, Some(_)) => Some(Unfinished::Recipients),
                (false, None) => None,
            },
        })
    }

    /// Writes down for the daemon's log that a change is not finished.
    pub(super) fn tell_of_unfinished(&self) {
        let next = matches!(self.next.key(), Ok(Key::Open(_) | Key::Passphrase));
        if next || self.lists.read().is_ok_and(|lists| lists.next.is_some()) {
            tracing::warn!(
                "a change of the identity or the recipients is not finished; all secrets can be \
                 opened; finish it with: fluvio-secret key {}",
                if next { "rotate" } else { "recipient accept" }
            );
        }
    }
}

impl Rekey<'_> {
    /// Makes the change, durably, and tells how far it is.
    ///
    /// # Errors
    ///
    /// Those of the disk. All secrets can be opened all the same, and the change can be made again.
    pub(crate) fn commit(self, tell: &mut dyn FnMut(Step<'_>)) -> Result<Resealed, VaultError> {
        let Self { vault, plan, unfinished, about: _ } = self;
        let (mut secrets, mut versions, mut left) = (0, 0, Vec::new());
        match plan {
            Plan::Nothing => {}
            Plan::Take(identity) => vault.take(&identity)?,
            Plan::Seal(sealing) => {
                let counts = vault.seal_anew(sealing, tell)?;
                (secrets, versions, left) = (counts.secrets, counts.versions, counts.left());
            }
        }
        let own = vault.identities()?.first().map(|own| own.recipient().to_string());
        let recipients = vault.lists.read()?.of_vault().len();
        let (own, finished) = (own.unwrap_or_default(), unfinished);
        Ok(Resealed { secrets, versions, recipients, left, own, finished })
    }
}

impl Vault {
    /// Makes an identity this machine's own.
    fn take(&self, identity: &Identity) -> Result<(), VaultError> {
        let recipient = identity.recipient();
        let is_first = matches!(self.key()?, Key::None);
        if !is_first {
            self.next.file().put(identity)?;
        }
        let accepted = self.lists.read()?.accepted.unwrap_or_default();
        // What is accepted has to have the identity; who else the vault has, is to be accepted then.
        if accepted.iter().all(|entry| entry.recipient != recipient) {
            self.lists.begin(&recipient)?;
        }
        match is_first {
            true => self.identity.put(identity)?,
            false => self.identity.replace_by(self.next.file())?,
        }
        Ok(())
    }

    fn seal_anew(
        &self,
        sealing: Sealing,
        tell: &mut dyn FnMut(Step<'_>),
    ) -> Result<super::reseal::Counts, VaultError> {
        let Sealing { entries, identity, by_count, drop_history } = sealing;
        if let Some(identity) = &identity {
            self.next.file().put(identity)?;
        }
        let next = match self.next.key()? {
            Key::Open(next) => Some(next),
            Key::Passphrase | Key::None => None,
        };
        let own = match (&next, self.key()?) {
            (Some(next), _) => next.recipient(),
            (None, Key::Open(present)) => present.recipient(),
            (None, Key::Passphrase | Key::None) => return Err(self.locked()),
        };
        self.lists.change(&entries, &own)?;
        if drop_history {
            self.drop_history()?;
        }
        let recipients: Vec<_> = entries.into_iter().map(|entry| entry.recipient).collect();
        let what = if by_count { What::ByCount } else { What::All };
        let mut counts = Run::new(self, &recipients, what, tell)?.run()?;
        if let Some(next) = &next {
            // What somebody else has put there meanwhile may be sealed to the one that goes.
            loop {
                let more = Run::new(self, &recipients, What::NotOf(next), tell)?.run()?;
                let is_done = more.secrets + more.versions == 0;
                counts = counts.and(more);
                if is_done {
                    break;
                }
            }
        }
        // In this order: an identity that is none of the recipients would stop every change.
        self.lists.end()?;
        if next.is_some() {
            self.identity.replace_by(self.next.file())?;
        }
        Ok(counts)
    }

    fn drop_history(&self) -> Result<(), VaultError> {
        for name in self.all_names()? {
            let purged = self.history.purge(&name);
            purged.map_err(|source| self.history_storage(&name, source))?;
        }
        Ok(())
    }
}

/// Puts one recipient in the place of another, with its note.
fn put_in_place(entries: &mut Vec<Entry>, old: &Recipient, new: &Recipient) {
    if entries.iter().any(|entry| entry.recipient == *new) {
        entries.retain(|entry| entry.recipient != *old);
    } else if let Some(entry) = entries.iter_mut().find(|entry| entry.recipient == *old) {
        entry.recipient = new.clone();
    }
}

fn recipient_of(text: &str) -> Result<Recipient, KeyError> {
    let text = text.trim();
    text.parse().map_err(|_| match kind::of_recipient(text) {
        Some(kind) => KeyError::OtherKind { what: "recipient", kind },
        None => KeyError::BadRecipient,
    })
}

fn identity_of(text: &[u8]) -> Result<Identity, KeyError> {
    let parsed = std::str::from_utf8(text).map_err(|_| BadIdentity::None);
    parsed.and_then(Identity::parse).map_err(|bad| match kind::of_identity(text) {
        Some(kind) => KeyError::OtherKind { what: "identity", kind },
        None => KeyError::BadIdentity(bad),
    })
}

#[cfg(test)]
mod tests;
