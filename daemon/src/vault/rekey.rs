//! Another identity, or other recipients. Prepared, which is what may be refused, and then made.
//!
//! What is to be is written down first (the next identity, the next recipients), durably; then
//! everything is sealed anew; then it is the present, and what was before is removed. So whatever
//! ends this in the middle, all can be opened, and the next change of the kind gets to the end of it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::PoisonError;

use fluvio_secret_protocol::{ListedRecipient, Recipients, SecretName, Unfinished, limits};
use zeroize::Zeroizing;

use super::held::{KeyError, KeyState, Moment};
use super::kind::{self, OtherKind};
use super::memory::{Pinned, wiping_stack};
use super::recipients::{Entry, keys, shortened};
use super::reseal::{Counts, Run, Step, What};
use super::seal::{self, BadIdentity, Closed, Identity, Recipient};
use super::{Vault, VaultError};

/// Why another identity or other recipients were refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RekeyError {
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
    Take(New),
    Seal(Sealing),
}

/// An identity that is to be there, with the passphrase that it is to have.
struct New {
    identity: Pinned<Identity>,
    passphrase: Option<Zeroizing<String>>,
    /// Until when it is held, when it has one.
    until: Option<Moment>,
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
            None if is_full => return Err(RekeyError::Many.into()),
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
    pub(crate) fn prepare_accept(&self, shown: &[String]) -> Result<Rekey<'_>, VaultError> {
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

    /// A new identity in the place of the present one, whose passphrase it gets. One that was begun
    /// before is finished.
    pub(crate) fn prepare_rotate(
        &self,
        drop_history: bool,
        passphrase: Option<&str>,
        until: Option<Moment>,
    ) -> Result<Rekey<'_>, VaultError> {
        let base = self.base()?;
        let new = match base.has_next() {
            true => None,
            false => Some(New {
                identity: wiping_stack(|| Pinned::new(Identity::generate())),
                passphrase: self.kept_passphrase(passphrase)?,
                until,
            }),
        };
        let mut rekey = self.rotation(base, new);
        if let Plan::Seal(sealing) = &mut rekey.plan {
            sealing.drop_history = drop_history;
        }
        Ok(rekey)
    }

    /// An identity that somebody has already in the place of the present one. A passphrase is that of
    /// its file, or else that of the present one.
    pub(crate) fn prepare_use(
        &self,
        file: &[u8],
        passphrase: Option<&str>,
        until: Option<Moment>,
    ) -> Result<Rekey<'_>, VaultError> {
        let identity = identity_of(file, passphrase)?;
        let recipient = identity.recipient();
        let lists = self.lists.read()?;
        let listed = |one: &Recipient| lists.of_vault().iter().any(|entry| entry.recipient == *one);
        let plan = |plan| {
            let about = vec![recipient.to_string()];
            Ok(Rekey { vault: self, plan, about, unfinished: None })
        };
        let new = |identity| {
            let passphrase = match seal::is_sealed(file) {
                true => passphrase.map(|text| Zeroizing::new(text.to_owned())),
                false => self.kept_passphrase(passphrase)?,
            };
            Ok::<_, VaultError>(New { identity, passphrase, until })
        };
        if self.key.with(|_| ())? == Err(KeyState::None) {
            // A machine that had another one has mistaken the file. A new one, with the vault of
            // others, may have to wait until they add it.
            let had_one = lists.accepted.is_some() && !self.all_names()?.is_empty();
            if had_one && !listed(&recipient) && !self.is_opened_by(&identity)? {
                return Err(RekeyError::OpensNothing { path: self.path.clone() }.into());
            }
            return plan(Plan::Take(new(identity)?));
        }
        match &self.own()?[..] {
            [_, next] if *next == recipient => return Ok(self.rotation(self.base()?, None)),
            [_, _] => return Err(RekeyError::Unfinished.into()),
            [present] if *present == recipient && lists.next.is_none() => {
                return plan(Plan::Nothing);
            }
            [present] if *present == recipient => {
                return Ok(self.sealing(self.base()?, vec![recipient.to_string()]));
            }
            // One that opens nothing less than the present one, where the list needs no change.
            [present] if listed(&recipient) || !listed(present) => {
                if !self.opens_more_than(&identity)? {
                    return plan(Plan::Take(new(identity)?));
                }
            }
            _ => {}
        }
        let base = self.base()?;
        Ok(self.rotation(base, Some(new(identity)?)))
    }

    /// The passphrase that a new identity gets: that of the present one, which has to be given.
    fn kept_passphrase(
        &self,
        given: Option<&str>,
    ) -> Result<Option<Zeroizing<String>>, VaultError> {
        let failed = |error| VaultError::Key { path: self.identity().to_owned(), error };
        match (self.key.state(), given) {
            (KeyState::None | KeyState::Open, None) => Ok(None),
            (KeyState::None | KeyState::Open, Some(_)) => Err(failed(KeyError::Open)),
            (KeyState::Locked, _) => Err(self.locked()),
            (KeyState::Unlocked(_), None) => Err(failed(KeyError::Closed)),
            (KeyState::Unlocked(_), Some(given)) => {
                self.key.open(given).map_err(failed)?;
                Ok(Some(Zeroizing::new(given.to_owned())))
            }
        }
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
        self.with_identities(|identities| identities.iter().map(|one| one.recipient()).collect())
    }

    fn sealing(&self, base: Base, about: Vec<String>) -> Rekey<'_> {
        let Base { entries, unfinished, .. } = base;
        let sealing = Sealing { entries, new: None, by_count: false, drop_history: false };
        Rekey { vault: self, plan: Plan::Seal(sealing), about, unfinished }
    }

    /// The change to a new identity, or to the next one that is there.
    fn rotation(&self, base: Base, new: Option<New>) -> Rekey<'_> {
        let mut base = base.settled();
        let own = match &new {
            Some(new) => Some(new.identity.recipient()),
            None => base.own.last().cloned(),
        };
        if let (Some(_), [present], Some(own)) = (&new, &base.own[..], &own) {
            put_in_place(&mut base.entries, present, own);
        }
        let about = own.iter().map(ToString::to_string).collect();
        let mut rekey = self.sealing(base, about);
        if let Plan::Seal(sealing) = &mut rekey.plan {
            sealing.new = new;
        }
        rekey
    }

    /// Those whom secrets are sealed to, and those that only this machine has accepted.
    pub(crate) fn listed_recipients(&self) -> Result<Recipients, VaultError> {
        let lists = self.lists.read()?;
        let next = self.next.with(|_| ())? != Err(KeyState::None);
        let own = match self.key.with(Identity::recipient)? {
            Ok(own) => Some(own),
            Err(KeyState::None) => None,
            Err(_) => self.lists.own()?,
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
        let next = self.next.state() != KeyState::None;
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
        // One whose holder met a fault is free again.
        let _changing = vault.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut secrets, mut versions, mut left) = (0, 0, Vec::new());
        match plan {
            Plan::Nothing => {}
            Plan::Take(new) => vault.take(new)?,
            Plan::Seal(sealing) => {
                let counts = vault.seal_anew(sealing, tell)?;
                (secrets, versions, left) = (counts.secrets, counts.versions, counts.left());
            }
        }
        let own = vault.own()?.first().map(ToString::to_string).unwrap_or_default();
        let recipients = vault.lists.read()?.of_vault().len();
        Ok(Resealed { secrets, versions, recipients, left, own, finished: unfinished })
    }
}

impl Vault {
    /// Makes an identity this machine's own.
    fn take(&self, new: New) -> Result<(), VaultError> {
        let New { identity, passphrase, until } = new;
        let (recipient, passphrase) =
            (identity.recipient(), passphrase.as_ref().map(|text| &***text));
        let is_first = self.key.with(|_| ())? == Err(KeyState::None);
        if !is_first {
            self.next.put(identity, passphrase, until)?;
            self.begin(&recipient)?;
            self.key.replace_by(&self.next)?;
        } else {
            self.begin(&recipient)?;
            self.key.put(identity, passphrase, until)?;
        }
        Ok(())
    }

    /// Has the accepted list name this machine's own. Who else the vault has, is to be accepted then.
    fn begin(&self, own: &Recipient) -> Result<(), VaultError> {
        let accepted = self.lists.read()?.accepted.unwrap_or_default();
        if accepted.iter().all(|entry| entry.recipient != *own) {
            self.lists.begin(own)?;
        }
        Ok(())
    }

    fn seal_anew(
        &self,
        sealing: Sealing,
        tell: &mut dyn FnMut(Step<'_>),
    ) -> Result<Counts, VaultError> {
        let Sealing { entries, new, by_count, drop_history } = sealing;
        if let Some(New { identity, passphrase, until }) = new {
            self.next.put(identity, passphrase.as_ref().map(|text| &***text), until)?;
        }
        let own = self.own()?;
        let has_next = own.len() > 1;
        let last = own.last().ok_or_else(|| self.identity_lost())?;
        self.lists.change(&entries, last)?;
        if drop_history {
            self.drop_history()?;
        }
        let recipients: Vec<_> = entries.into_iter().map(|entry| entry.recipient).collect();
        let what = if by_count { What::ByCount } else { What::All };
        let mut counts = Run::new(self, &recipients, what, tell).run()?;
        // What somebody else has put there meanwhile may be sealed to the one that goes.
        while has_next {
            let more = Run::new(self, &recipients, What::NotOfNext, tell).run()?;
            let is_done = more.secrets + more.versions == 0;
            counts = counts.and(more);
            if is_done {
                break;
            }
        }
        // In this order: an identity that is none of the recipients would stop every change.
        self.lists.end()?;
        if has_next {
            self.key.replace_by(&self.next)?;
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

fn recipient_of(text: &str) -> Result<Recipient, RekeyError> {
    let text = text.trim();
    text.parse().map_err(|_| match kind::of_recipient(text) {
        Some(kind) => RekeyError::OtherKind { what: "recipient", kind },
        None => RekeyError::BadRecipient,
    })
}

/// The identity in an identity file's bytes, which may be behind a passphrase.
fn identity_of(file: &[u8], passphrase: Option<&str>) -> Result<Pinned<Identity>, RekeyError> {
    if !seal::is_sealed(file) {
        return parsed(file);
    }
    let opened = seal::open_with(passphrase.ok_or(RekeyError::Sealed)?, file);
    parsed(&opened.map_err(|closed| match closed {
        Closed::Bad(bad) => RekeyError::BadIdentity(bad),
        Closed::Wrong => RekeyError::WrongPassphrase,
    })?)
}

fn parsed(text: &[u8]) -> Result<Pinned<Identity>, RekeyError> {
    let parsed = wiping_stack(|| {
        let text = std::str::from_utf8(text).map_err(|_| BadIdentity::None)?;
        Identity::parse(text).map(Pinned::new)
    });
    parsed.map_err(|bad| match kind::of_identity(text) {
        Some(kind) => RekeyError::OtherKind { what: "identity", kind },
        None => RekeyError::BadIdentity(bad),
    })
}

#[cfg(test)]
mod tests;
