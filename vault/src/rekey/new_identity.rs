//! Another identity: a new one, or one that somebody has already.

use zeroize::Zeroizing;

use super::{Base, New, Plan, Rekey, RekeyError, put_in_place};
use crate::held::{BootInstant, KeyError, KeyState};
use crate::kind;
use crate::memory::{Pinned, wiping_stack};
use crate::recipients::{Read, keys};
use crate::seal::{self, BadIdentity, Closed, Identity, Recipient};
use crate::{Vault, VaultError};

impl Vault {
    /// A new identity in the place of the present one, whose passphrase it gets. One that was begun
    /// before is finished.
    pub fn prepare_rotate(
        &self,
        drop_history: bool,
        passphrase: Option<&str>,
        until: Option<BootInstant>,
    ) -> Result<Rekey<'_>, VaultError> {
        let is_first = self.key.with(|_| ())? == Err(KeyState::None);
        let (locks, base) = (self.locks(), self.base()?);
        if is_first {
            // It was made for this, and nothing is encrypted for it.
            let about = base.own.iter().map(ToString::to_string).collect();
            return Ok(Rekey { vault: self, plan: Plan::Nothing, about, unfinished: None });
        }
        let new = match base.has_next() {
            true => None,
            false => {
                let present = self.key.file().stamp()?;
                let passphrase = self.kept_passphrase(passphrase)?;
                let identity = wiping_stack(|| Pinned::new(Identity::generate()));
                Some(New { identity, passphrase, until, locks, present })
            }
        };
        let mut rekey = self.rotation(base, new);
        if let Plan::Seal(sealing) = &mut rekey.plan {
            sealing.drop_history = drop_history;
        }
        Ok(rekey)
    }

    /// An identity that somebody has already in the place of the present one. A passphrase is that of
    /// its file, or else that of the present one.
    pub fn prepare_use(
        &self,
        file: &[u8],
        passphrase: Option<&str>,
        until: Option<BootInstant>,
    ) -> Result<Rekey<'_>, VaultError> {
        // Before anything is learned of the present one.
        let (locks, present) = (self.locks(), self.key.file().stamp()?);
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
            Ok::<_, VaultError>(New { identity, passphrase, until, locks, present })
        };
        if self.key.with(|_| ())? == Err(KeyState::None) {
            // A machine that had another one has mistaken the file. A new one, with the vault of
            // others, may have to wait until they add it; and one that was killed here tries again.
            let own = lists.accepted.as_ref().map(|accepted| accepted.first());
            let had_another =
                own.is_some_and(|own| own.is_none_or(|own| own.recipient != recipient));
            let had_one = had_another && !self.all_names()?.is_empty();
            if had_one && !listed(&recipient) && !self.is_opened_by(&identity)? {
                return Err(RekeyError::OpensNothing { path: self.path().to_owned() }.into());
            }
            return plan(Plan::Take(new(identity)?));
        }
        match &self.own()?[..] {
            [_, next] if *next == recipient => Ok(self.rotation(self.base()?, None)),
            [_, _] => Err(RekeyError::Unfinished.into()),
            [present] if *present == recipient && lists.next.is_none() => plan(Plan::Nothing),
            [present] if *present == recipient => {
                Ok(self.sealing(self.base()?, vec![recipient.to_string()]))
            }
            // One that opens nothing less than the present one, where the list needs no change.
            [present]
                if (listed(&recipient) || !listed(present))
                    && !self.opens_more_than(&identity)? =>
            {
                plan(Plan::Take(new(identity)?))
            }
            present => {
                let base = match is_older_copy(&lists, present, &recipient) {
                    true => self.base_of(lists.of_vault().to_vec())?,
                    false => self.base()?,
                };
                Ok(self.rotation(base, Some(new(identity)?)))
            }
        }
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
}

/// Whether the vault is a copy from before the present identity took the place of this one: then its list
/// names everyone that was accepted here, with this one in place of the present one.
fn is_older_copy(lists: &Read, present: &[Recipient], used: &Recipient) -> bool {
    let ([present], Some(accepted)) = (present, &lists.accepted) else { return false };
    let mut before = accepted.clone();
    put_in_place(&mut before, present, used);
    keys(&before) == keys(lists.of_vault())
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
