//! Another identity, or other recipients. Prepared, which is what may be refused, and then made.
//!
//! What is to be is written down first (the next identity, the next recipients), durably; then
//! everything is sealed anew; then it is the present, and what was before is removed. So whatever
//! ends this in the middle, all can be opened, and the next change of the kind gets to the end of it.
//!
//! * here: other recipients
//! * [`identity`]: another identity
//! * [`make`]: what was prepared is made
//! * [`told`]: what there is, for people

mod identity;
mod make;
mod told;

use std::collections::BTreeSet;
use std::path::PathBuf;

use fluvio_secret_protocol::{SecretName, Unfinished, limits};
use zeroize::Zeroizing;

use super::held::BootInstant;
use super::kind::{self, OtherKind};
use super::memory::Pinned;
use super::recipients::{Entry, keys, shown_note};
use super::seal::{BadIdentity, Identity, Recipient};
use super::store::Stamp;
use super::{Vault, VaultError};

/// Why another identity or other recipients were refused.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum RekeyError {
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
    #[error("the identity that was given has a passphrase, which was not given")]
    Sealed,
    #[error("another change of the identity was begun and is not finished")]
    Unfinished,
    #[error("this is not the passphrase of the identity that was given")]
    WrongPassphrase,
}

/// A change that is possible; without [`Rekey::commit`] nothing changes.
#[must_use]
pub struct Rekey<'a> {
    vault: &'a Vault,
    plan: Plan,
    /// The recipients that it is about, for the audit log.
    pub about: Vec<String>,
    /// What had been begun before.
    unfinished: Option<Unfinished>,
}

enum Plan {
    /// All is as it was asked for.
    Nothing,
    /// The first identity of this machine, or one that takes the place of another as it is: nothing
    /// has to be sealed to it.
    Take(New),
    Seal(Sealing),
}

/// An identity that is to be there, with the passphrase that it is to have.
struct New {
    identity: Pinned<Identity>,
    passphrase: Option<Zeroizing<String>>,
    /// Until when it is held, when it has one.
    until: Option<BootInstant>,
    /// How often the vault was locked before: it is not held when it was since.
    locks: u64,
    /// What the present identity's file was: with another one in its place, the passphrase may be
    /// another.
    present: Option<Stamp>,
}

struct Sealing {
    entries: Vec<Entry>,
    /// The identity that is to be there; `None` when it stays, or is the one that is there as the
    /// next one.
    new: Option<New>,
    /// Whether what is sealed to as many recipients as there are is left as it is.
    by_count: bool,
    drop_history: bool,
}

/// A change that is made.
#[derive(Debug)]
pub struct Resealed {
    pub secrets: usize,
    pub versions: usize,
    pub recipients: usize,
    pub left: Vec<SecretName>,
    pub own: String,
    /// The file that the identity before is kept in.
    pub kept: Option<PathBuf>,
    pub finished: Option<Unfinished>,
}

/// What there is before a change.
struct Base {
    /// The recipients that are this machine's: of the present identity, and of the next one.
    own: Vec<Recipient>,
    entries: Vec<Entry>,
    unfinished: Option<Unfinished>,
}

impl Base {
    /// Takes the next identity for the present one, where there is one: a change that is asked for
    /// now finishes that, too.
    fn settled(mut self) -> Self {
        if let [present, next] = &self.own[..] {
            put_in_place(&mut self.entries, present, next);
        }
        self
    }

    fn has_next(&self) -> bool {
        self.own.len() > 1
    }
}

impl Vault {
    /// One recipient more; one that is there already gets the note, and everything is sealed anew.
    pub fn prepare_add(
        &self,
        recipient: &str,
        note: Option<&str>,
    ) -> Result<Rekey<'_>, VaultError> {
        let recipient = recipient_of(recipient)?;
        let mut base = self.base()?.settled();
        let note = note.map(shown_note);
        let is_full = base.entries.len() >= limits::RECIPIENTS;
        match base.entries.iter_mut().find(|entry| entry.recipient == recipient) {
            Some(entry) => entry.note = note.unwrap_or(entry.note.clone()),
            None if is_full => return Err(RekeyError::Many.into()),
            None => {
                let (recipient, note) = (recipient.clone(), note.unwrap_or_default());
                base.entries.push(Entry { recipient, note });
            }
        }
        Ok(self.sealing(base, vec![recipient.to_string()]))
    }

    /// One recipient less.
    pub fn prepare_remove(&self, recipient: &str) -> Result<Rekey<'_>, VaultError> {
        let recipient = recipient_of(recipient)?;
        let mut base = self.base()?.settled();
        let told = recipient.to_string();
        if base.own.contains(&recipient) {
            return Err(RekeyError::Own { recipient: told }.into());
        }
        let before = base.entries.len();
        base.entries.retain(|entry| entry.recipient != recipient);
        // One that a change before this one has removed, and not to the end, is removed again.
        if base.entries.len() == before && base.unfinished.is_none() {
            return Err(RekeyError::NotListed { path: self.lists.path(), recipient: told }.into());
        }
        Ok(self.sealing(base, vec![told]))
    }

    /// The vault's recipients, which have to be those that were shown, are this machine's, too.
    pub fn prepare_accept(&self, shown: &[String]) -> Result<Rekey<'_>, VaultError> {
        let lists = self.lists.read()?;
        let entries = lists.of_vault().to_vec();
        let mut base = self.base_of(entries)?;
        let path = || self.lists.path();
        if keys(&base.entries) != shown.iter().cloned().collect::<BTreeSet<_>>() {
            return Err(RekeyError::Changed { path: path() }.into());
        }
        if !base.entries.iter().any(|entry| base.own.contains(&entry.recipient)) {
            let own = base.own.first().map(ToString::to_string).unwrap_or_default();
            return Err(RekeyError::NotAmong { path: path(), own }.into());
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

    /// What there is, when both lists agree.
    fn base(&self) -> Result<Base, VaultError> {
        // Also makes what is not there yet.
        self.recipients()?;
        self.base_of(self.lists.read()?.of_vault().to_vec())
    }

    fn base_of(&self, entries: Vec<Entry>) -> Result<Base, VaultError> {
        let own = self.own()?;
        let unfinished = match (own.len() > 1, self.lists.read()?.next) {
            (true, _) => Some(Unfinished::Identity),
            (false, Some(_)) => Some(Unfinished::Recipients),
            (false, None) => None,
        };
        Ok(Base { own, entries, unfinished })
    }

    /// The recipients that are this machine's: of the present identity, and of the next one.
    fn own(&self) -> Result<Vec<Recipient>, VaultError> {
        let own = |identities: &[&Identity]| identities.iter().map(|one| one.recipient()).collect();
        let mut own: Vec<_> = self.with_identities(own)?;
        // A copy of the present one, such as a backup that was taken during a rotation, does not count.
        own.dedup();
        Ok(own)
    }

    fn sealing(&self, base: Base, about: Vec<String>) -> Rekey<'_> {
        let Base { entries, unfinished, .. } = base;
        let sealing = Sealing { entries, new: None, by_count: false, drop_history: false };
        Rekey { vault: self, plan: Plan::Seal(sealing), about, unfinished }
    }
}

/// Puts one recipient in the place of another, with its note.
fn put_in_place(entries: &mut Vec<Entry>, old: &Recipient, new: &Recipient) {
    if old == new {
        return;
    }
    if entries.iter().any(|entry| entry.recipient == *new) {
        entries.retain(|entry| entry.recipient != *old);
    } else if let Some(entry) = entries.iter_mut().find(|entry| entry.recipient == *old) {
        entry.recipient = new.clone();
    }
}

fn recipient_of(text: &str) -> Result<Recipient, RekeyError> {
    let text = text.trim();
    text.parse().map_err(|_| match kind::of_recipient(text) {
        Some(kind) => RekeyError::OtherKind { what: "recipient", kind },
        None => RekeyError::BadRecipient,
    })
}

#[cfg(test)]
mod tests;
