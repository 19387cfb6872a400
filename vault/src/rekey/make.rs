//! What was prepared is made.

use std::path::PathBuf;
use std::sync::PoisonError;

use super::{New, Plan, Rekey, Resealed, Sealing};
use crate::held::{HeldKey, KeyError};
use crate::reseal::{Counts, Run, Step, What};
use crate::seal::Recipient;
use crate::{Vault, VaultError};

impl Rekey<'_> {
    /// Makes the change, durably, and tells how far it is.
    ///
    /// # Errors
    ///
    /// Those of the disk. All secrets can be opened all the same, and the change can be made again.
    pub fn commit(self, tell: &mut dyn FnMut(Step<'_>)) -> Result<Resealed, VaultError> {
        let Self { vault, plan, unfinished, about: _ } = self;
        // One whose holder met a fault is free again.
        let _changing = vault.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut secrets, mut versions, mut left, mut kept) = (0, 0, Vec::new(), None);
        let own = match plan {
            Plan::Nothing => vault.own()?.first().map(ToString::to_string).unwrap_or_default(),
            Plan::Take(new) => {
                let own = new.identity.recipient().to_string();
                kept = vault.take(new)?;
                own
            }
            Plan::Seal(sealing) => {
                let sealed = vault.seal_anew(sealing, tell)?;
                let counts = sealed.counts;
                (secrets, versions, left) = (counts.secrets, counts.versions, counts.left());
                kept = sealed.kept;
                sealed.own.to_string()
            }
        };
        let recipients = vault.lists.read()?.of_vault().len();
        Ok(Resealed { secrets, versions, recipients, left, own, kept, finished: unfinished })
    }
}

/// Everything is encrypted for other recipients.
struct Sealed {
    own: Recipient,
    counts: Counts,
    kept: Option<PathBuf>,
}

impl Vault {
    /// Makes an identity this machine's own. Gives the file that the one before is kept in.
    fn take(&self, new: New) -> Result<Option<PathBuf>, VaultError> {
        self.refuse_if_changed(&new)?;
        self.remembered.remember(&self.folder, self.id)?;
        let recipient = new.identity.recipient();
        if new.present.is_some() {
            self.remove_copy_of_present()?;
            self.put(&self.next, new)?;
            self.begin(&recipient)?;
            self.replace_present().map(Some)
        } else {
            self.begin(&recipient)?;
            self.put(&self.key, new)?;
            Ok(None)
        }
    }

    /// Puts the next identity in the place of the present one, which is kept under another name.
    fn replace_present(&self) -> Result<PathBuf, VaultError> {
        // What was proven is true of the vault, and not of an empty directory at its path.
        self.refuse_if_moved()?;
        Ok(self.key.replace_by(&self.next)?)
    }

    /// Refuses an identity that was prepared for another present one, or for another passphrase of it.
    fn refuse_if_changed(&self, new: &New) -> Result<(), VaultError> {
        if self.key.file().stamp()? == new.present {
            return Ok(());
        }
        let path = self.identity().to_owned();
        Err(VaultError::Key { path, error: KeyError::Changed })
    }

    /// Writes an identity that is to be there.
    fn put(&self, place: &HeldKey, new: New) -> Result<(), VaultError> {
        let New { identity, passphrase, until, locks, present: _ } = new;
        let passphrase = passphrase.as_ref().map(|text| text.as_str());
        Ok(place.put(identity, passphrase, until, || self.locks() != locks)?)
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
    ) -> Result<Sealed, VaultError> {
        let Sealing { entries, new, by_count, drop_history } = sealing;
        self.remove_copy_of_present()?;
        if let Some(new) = new {
            self.refuse_if_changed(&new)?;
            self.put(&self.next, new)?;
        }
        let mut own = self.own()?;
        let has_next = own.len() > 1;
        let own = own.pop().ok_or_else(|| self.identity_lost())?;
        self.lists.change(&entries, &own)?;
        if drop_history {
            self.drop_history()?;
        }
        let recipients: Vec<_> = entries.into_iter().map(|entry| entry.recipient).collect();
        let what = if by_count { What::ByCount } else { What::All };
        let mut counts = Run::new(self, &recipients, what, tell).run()?;
        // Nothing may need the key that goes: everything is decrypted once more, by the next one alone. What
        // it does not decrypt, such as a file that was added in between, is encrypted again.
        let mut is_done = !has_next;
        while !is_done {
            let more = Run::new(self, &recipients, What::NotOfNext, tell).run()?;
            is_done = more.secrets + more.versions == 0;
            counts = counts.and(more);
        }
        // In this order: an identity that is none of the recipients would stop every change.
        self.lists.end()?;
        let kept = if has_next { Some(self.replace_present()?) } else { None };
        Ok(Sealed { own, counts, kept })
    }

    fn drop_history(&self) -> Result<(), VaultError> {
        for name in self.all_names()? {
            let purged = self.history.purge(&name);
            purged.map_err(|source| self.history_storage(&name, source))?;
        }
        Ok(())
    }
}
