//! Changes of the identity or the recipients. Preparing is what may be refused; then they are made.

use std::collections::BTreeSet;
use std::path::PathBuf;

use fluvio_secret_protocol::{SecretName, Unfinished, limits};
use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::keys::boot_instant::BootInstant;
use crate::keys::encryption;
use crate::keys::foreign_key;
use crate::keys::held::KeyState;
use crate::keys::identity::Recipient;
use crate::keys::keyring::Keyring;
use crate::recipients::list::{self, ListedKey};
use crate::rekey::error::RekeyError;
use crate::rekey::need::{is_any_decrypted_by, is_more_decrypted_than_by};
use crate::rekey::new_keys::{NewKeys, ReplacedFile, kept_passphrase, keys_in};
use crate::rekey::reencrypt::{ReencryptCounts, ReencryptScope, ReencryptStep, Reencryption};
use crate::vault::Vault;

/// A change that is possible. Without [`Rekey::commit`] nothing changes.
#[must_use]
pub struct Rekey<'a> {
    vault: &'a Vault,
    /// `None` if the identity stays, or has been changed already.
    new: Option<NewKeys>,
    /// `None` if nothing has to be encrypted again.
    reencryption: Option<ReencryptPlan>,
    /// The public key of this machine after the change.
    own: Recipient,
    /// The recipients that it is about, for the audit log.
    pub about: Vec<String>,
    /// What had begun before, and is finished by this.
    unfinished: Option<Unfinished>,
    /// Whether it finishes what an earlier version of the program began.
    ends_earlier_change: bool,
}

struct ReencryptPlan {
    list: Vec<ListedKey>,
    is_identity_changed: bool,
    what: ReencryptScope,
    drops_history: bool,
}

/// What there is before a change, when the lists agree.
pub(crate) struct RekeyBase {
    /// The keys of this machine, the current one first.
    pub(crate) own: Vec<Recipient>,
    /// The recipients, without retired keys of this machine.
    list: Vec<ListedKey>,
    /// The change that a new one finishes too.
    pub(crate) unfinished: Option<Unfinished>,
}

/// A change that is made.
#[derive(Debug)]
pub struct Rekeyed {
    /// The number of secrets that were encrypted again.
    pub secrets: usize,
    /// The number of earlier versions that were encrypted again.
    pub versions: usize,
    /// The number of recipients.
    pub recipients: usize,
    /// Secrets of which something could not be decrypted, and was left as it is.
    pub left: Vec<SecretName>,
    /// The public key of this machine.
    pub own: String,
    /// The file that has the key before, as a retired one.
    pub kept: Option<PathBuf>,
    /// What had begun before, and is finished now.
    pub finished: Option<Unfinished>,
}

impl<'a> Rekey<'a> {
    /// Adds a recipient. One that is there already gets the note, and everything is encrypted again.
    pub fn add(vault: &'a Vault, recipient: &str, note: Option<&str>) -> Result<Self, VaultError> {
        let recipient = recipient_of(recipient)?;
        let mut base = RekeyBase::of(vault)?;
        let note = note.map(list::shown_note);
        let is_full = base.list.len() >= limits::RECIPIENTS;
        match base.list.iter_mut().find(|key| key.recipient == recipient) {
            Some(key) => key.note = note.unwrap_or(key.note.clone()),
            None if is_full => return Err(RekeyError::Many.into()),
            None => {
                let (recipient, note) = (recipient.clone(), note.unwrap_or_default());
                base.list.push(ListedKey { recipient, note });
            }
        }
        Ok(Self::reencrypt(vault, base, vec![recipient.to_string()]))
    }

    /// Removes a recipient.
    pub fn remove(vault: &'a Vault, recipient: &str) -> Result<Self, VaultError> {
        let key = recipient_of(recipient)?;
        let mut base = RekeyBase::of(vault)?;
        let recipient = key.to_string();
        if base.own.contains(&key) {
            return Err(RekeyError::Own { recipient }.into());
        }
        let before = base.list.len();
        base.list.retain(|listed| listed.recipient != key);
        // An unfinished change may have removed it, and not encrypted everything again.
        if base.list.len() == before && base.unfinished.is_none() {
            let path = vault.recipient_lists().path();
            return Err(RekeyError::NotListed { path, recipient }.into());
        }
        Ok(Self::reencrypt(vault, base, vec![recipient]))
    }

    /// Accepts the vault's recipients on this machine. They must be those that were shown.
    pub fn accept(vault: &'a Vault, shown: &[String]) -> Result<Self, VaultError> {
        vault.earlier_change().refuse_if_begun()?;
        let own = vault.keys().with(Keyring::recipients)?;
        let lists = vault.recipient_lists().read()?;
        let path = || vault.recipient_lists().path();
        let listed = lists.of_vault();
        if list::keys(listed) != shown.iter().cloned().collect::<BTreeSet<_>>() {
            return Err(RekeyError::Changed { path: path() }.into());
        }
        let mut list = listed.to_vec();
        list::replace_retired(&mut list, &own);
        if !list::has(&list, &own[0]) {
            return Err(RekeyError::NotAmong { path: path(), own: own[0].to_string() }.into());
        }
        let about: Vec<_> = list::keys(&list).into_iter().collect();
        let unfinished = lists.unfinished(&own);
        let is_encrypted_for_it = unfinished.is_none() && list::is_same(&list, listed);
        let is_accepted = lists.accepted.as_ref().is_some_and(|one| list::is_same(one, &list));
        if is_accepted && is_encrypted_for_it {
            return Ok(Self::nothing(vault, own[0].clone(), about));
        }
        let mut rekey = Self::reencrypt(vault, RekeyBase { own, list, unfinished }, about);
        if let Some(plan) = rekey.reencryption.as_mut().filter(|_| is_encrypted_for_it) {
            // The machine that changed the list has encrypted the secrets for it. Doing so again would change
            // each of them in everybody's git.
            plan.what = ReencryptScope::ByCount;
        }
        Ok(rekey)
    }

    /// Makes a new key, with the passphrase of the current one. Finishes a rotation that was begun.
    pub fn rotate(
        vault: &'a Vault,
        drops_history: bool,
        passphrase: Option<&str>,
        until: Option<BootInstant>,
    ) -> Result<Self, VaultError> {
        let is_first = vault.keys().checked_state()? == KeyState::None;
        let replaces = ReplacedFile::of(vault)?;
        let base = RekeyBase::of(vault)?;
        if is_first {
            // It was made for this, and nothing is encrypted for it.
            let own = base.own[0].clone();
            let about = vec![own.to_string()];
            return Ok(Self::nothing(vault, own, about));
        }
        let mut own = base.own;
        let new = match base.unfinished {
            Some(Unfinished::Identity) => None,
            _ => {
                let passphrase = kept_passphrase(vault, passphrase)?;
                let keyring = Keyring::generate();
                own.insert(0, keyring.current());
                Some(NewKeys::beside_retired(vault, &keyring, passphrase, until, replaces)?)
            }
        };
        let mut list = base.list;
        list::replace_retired(&mut list, &own);
        let own = own.swap_remove(0);
        let about = vec![own.to_string()];
        let what = ReencryptScope::All;
        let reencryption =
            Some(ReencryptPlan { list, is_identity_changed: true, what, drops_history });
        let unfinished = base.unfinished;
        Ok(Self { new, reencryption, unfinished, ..Self::nothing(vault, own, about) })
    }

    /// Uses a key that the user has. A passphrase is that of its file, or else that of the current one.
    pub fn use_identity(
        vault: &'a Vault,
        file: &[u8],
        passphrase: Option<&str>,
        until: Option<BootInstant>,
    ) -> Result<Self, VaultError> {
        // Before anything is learned of the current one.
        let replaces = ReplacedFile::of(vault)?;
        let used = keys_in(file, passphrase)?;
        let new = || {
            let passphrase = match encryption::is_encrypted(file) {
                true => passphrase.map(|text| Zeroizing::new(text.to_owned())),
                false => kept_passphrase(vault, passphrase)?,
            };
            NewKeys::beside_retired(vault, &used, passphrase, until, replaces)
        };
        let lists = vault.recipient_lists().read()?;
        let is_listed = |key: &Recipient| list::has(lists.of_vault(), key);
        let recipient = used.current();
        let ends_earlier_change = vault.earlier_change().is_in(file);
        let about = vec![recipient.to_string()];
        let nothing = Self::nothing(vault, recipient.clone(), about);
        let rekey = Self { ends_earlier_change, ..nothing };
        let own = match vault.keys().try_with(Keyring::recipients)? {
            Ok(own) => own,
            Err(KeyState::None) => {
                // Without a list this machine never had an identity. It may have to wait until another
                // machine adds this one.
                let had_another =
                    lists.accepted.as_ref().is_some_and(|list| !list::has(&list[..1], &recipient));
                let is_mistaken = had_another && !vault.secrets().all_names()?.is_empty();
                if is_mistaken && !is_listed(&recipient) && !is_any_decrypted_by(vault, &used)? {
                    return Err(RekeyError::OpensNothing { path: vault.path().to_owned() }.into());
                }
                return Ok(Self { new: Some(new()?), ..rekey });
            }
            Err(_) => return Err(vault.keys().locked()),
        };
        let is_current = own[0] == recipient;
        let unfinished = lists.unfinished(&own);
        if is_current && unfinished.is_none() {
            return Ok(rekey);
        }
        let is_list_right = is_listed(&recipient) || !own.iter().any(is_listed);
        let needs_no_change = lists.next.is_none() && is_list_right;
        if !is_current && needs_no_change && !is_more_decrypted_than_by(vault, &used)? {
            return Ok(Self { new: Some(new()?), ..rekey });
        }
        let own = [used.recipients(), own].concat();
        let list = vault.recipient_lists().agreed(vault.recipient_lists().read()?, &own)?;
        let new = if is_current { None } else { Some(new()?) };
        let what = ReencryptScope::All;
        let reencryption =
            Some(ReencryptPlan { list, is_identity_changed: true, what, drops_history: false });
        Ok(Self { new, reencryption, unfinished, ..rekey })
    }

    /// Everything is as requested.
    fn nothing(vault: &'a Vault, own: Recipient, about: Vec<String>) -> Self {
        Self {
            vault,
            new: None,
            reencryption: None,
            own,
            about,
            unfinished: None,
            ends_earlier_change: false,
        }
    }

    fn reencrypt(vault: &'a Vault, base: RekeyBase, about: Vec<String>) -> Self {
        let RekeyBase { mut own, list, unfinished } = base;
        let is_identity_changed = unfinished == Some(Unfinished::Identity);
        let what = ReencryptScope::All;
        let reencryption =
            Some(ReencryptPlan { list, is_identity_changed, what, drops_history: false });
        let own = own.swap_remove(0);
        Self { reencryption, unfinished, ..Self::nothing(vault, own, about) }
    }

    /// Makes the change, durably, and reports its progress.
    ///
    /// # Errors
    ///
    /// Those of the disk. All secrets can be decrypted then, and the change can be made again.
    pub fn commit(self, report: &mut dyn FnMut(ReencryptStep<'_>)) -> Result<Rekeyed, VaultError> {
        let Self { vault, new, reencryption, own, unfinished, ends_earlier_change, about: _ } =
            self;
        // Before anything is encrypted that an empty directory could be mistaken for.
        vault.remember_vault()?;
        let retires = new.as_ref().is_some_and(NewKeys::retires);
        new.map_or(Ok(()), |new| new.commit(vault))?;
        let counts = match reencryption {
            Some(plan) => plan.commit(vault, &own, report)?,
            None => ReencryptCounts::default(),
        };
        accept_own(vault, &own)?;
        if ends_earlier_change {
            vault.earlier_change().end();
        }
        Ok(Rekeyed {
            secrets: counts.secrets,
            versions: counts.versions,
            recipients: vault.recipient_lists().read()?.of_vault().len(),
            left: counts.left(),
            own: own.to_string(),
            kept: retires.then(|| vault.keys().path().to_owned()),
            finished: unfinished,
        })
    }
}

impl ReencryptPlan {
    fn commit(
        self,
        vault: &Vault,
        own: &Recipient,
        report: &mut dyn FnMut(ReencryptStep<'_>),
    ) -> Result<ReencryptCounts, VaultError> {
        let Self { list, is_identity_changed, what, drops_history } = self;
        vault.recipient_lists().change(&list, own, is_identity_changed)?;
        if drops_history {
            for name in vault.secrets().all_names()? {
                vault.secrets().history().purge(&name)?;
                report(ReencryptStep::Pause);
            }
        }
        let recipients: Vec<_> = list.into_iter().map(|key| key.recipient).collect();
        let mut counts = Reencryption::new(vault, &recipients, what, report).run()?;
        // Everything is decrypted once more by the current key alone. What it does not decrypt, such as a
        // file that was added in between, is encrypted again.
        let mut is_done = !is_identity_changed;
        while !is_done {
            let what = ReencryptScope::NotByCurrent;
            let more = Reencryption::new(vault, &recipients, what, report).run()?;
            is_done = more.secrets + more.versions == 0;
            counts = counts.and(more);
        }
        // An empty directory at the vault's path has nothing to encrypt.
        vault.refuse_if_moved()?;
        vault.recipient_lists().end()?;
        Ok(counts)
    }
}

impl RekeyBase {
    /// Fails while the vault is locked.
    pub(crate) fn of(vault: &Vault) -> Result<Self, VaultError> {
        let list = vault.prepare_recipients()?;
        let own = vault.keys().with(Keyring::recipients)?;
        let unfinished = vault.recipient_lists().read()?.unfinished(&own);
        Ok(Self { own, list, unfinished })
    }
}

/// Has the accepted list name this machine's own key. Other recipients are to be accepted then.
fn accept_own(vault: &Vault, own: &Recipient) -> Result<(), VaultError> {
    let accepted = vault.recipient_lists().read()?.accepted.unwrap_or_default();
    if !list::has(&accepted, own) {
        vault.recipient_lists().begin(own)?;
    }
    Ok(())
}

fn recipient_of(text: &str) -> Result<Recipient, RekeyError> {
    let text = text.trim();
    Recipient::parse(text).ok_or_else(|| match foreign_key::in_recipient(text) {
        Some(source) => RekeyError::ForeignKey { what: "recipient", source },
        None => RekeyError::BadRecipient,
    })
}

#[cfg(test)]
mod tests;
