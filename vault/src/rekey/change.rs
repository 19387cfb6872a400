//! Changes of the identity or the members. Preparing is what may be refused; then they are made.

use std::path::PathBuf;

use fluvio_secret_protocol::{SecretName, ShownApplicant, Unfinished};
use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::keys::boot_instant::BootInstant;
use crate::keys::encryption;
use crate::keys::foreign_key;
use crate::keys::held::KeyState;
use crate::keys::identity::Recipient;
use crate::keys::keyring::Keyring;
use crate::members::agreed_members::AgreedMembers;
use crate::members::list::MemberList;
use crate::members::member::Member;
use crate::members::signing_key::KeyFingerprint;
use crate::rekey::admitted_key::left_to_retired_keys;
use crate::rekey::error::RekeyError;
use crate::rekey::need::{is_any_decrypted_by, is_more_decrypted_than_by};
use crate::rekey::new_keys::{NewKeys, ReplacedFile, kept_passphrase, keys_in};
use crate::rekey::own_member::{list_with, signed};
use crate::rekey::plan::ReencryptPlan;
use crate::rekey::reencrypt::{ReencryptCounts, ReencryptStep};
use crate::rekey::scope::ReencryptScope;
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
    /// The machines whose requests it fulfills.
    admitted: Vec<KeyFingerprint>,
    /// What had begun before, and is finished by this.
    unfinished: Option<Unfinished>,
    /// Whether it finishes what an earlier version of the program began.
    ends_earlier_change: bool,
}

/// What there is before a change, when the lists agree.
pub(crate) struct RekeyBase {
    /// The keys of this machine, the current one first.
    pub(crate) own: Vec<Recipient>,
    list: MemberList,
    /// The members, without retired keys of this machine.
    members: Vec<Member>,
    /// The place of this machine among them.
    own_place: usize,
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
    /// The number of members.
    pub members: usize,
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
    /// Adds a member that signs nothing. One that is there already gets the note, and everything is encrypted again.
    pub fn add(vault: &'a Vault, recipient: &str, note: Option<&str>) -> Result<Self, VaultError> {
        let recipient = recipient_of(recipient)?;
        let mut base = RekeyBase::of(vault)?;
        match base.members.iter_mut().find(|member| *member.recipient() == recipient) {
            Some(member) => {
                if let Some(note) = note {
                    *member = member.with_note(note);
                }
            }
            None => base.members.push(Member::without_key(recipient.clone(), note.unwrap_or(""))),
        }
        Self::reencrypt(vault, base, vec![recipient.to_string()])
    }

    /// Admits machines that have asked to join, with the keys and the roles that the user was shown.
    pub fn admit(vault: &'a Vault, requests: &[ShownApplicant]) -> Result<Self, VaultError> {
        let mut base = RekeyBase::of(vault)?;
        let applicants = vault.members().applicants()?;
        let own = base.members[base.own_place].clone();
        let (mut about, mut admitted) = (Vec::new(), Vec::new());
        for ShownApplicant { fingerprint, recipient, note, role } in requests {
            let asked = applicants.iter().find(|one| one.fingerprint().to_string() == *fingerprint);
            let asked = asked.ok_or_else(|| RekeyError::NotAsked {
                path: vault.path().to_owned(),
                fingerprint: fingerprint.clone(),
            })?;
            // Another request of a machine replaces the one before at any time.
            let now = asked.listed(&[], None, true);
            if (&now.recipient, &now.note) != (recipient, note) {
                return Err(RekeyError::Replaced { fingerprint: fingerprint.clone() }.into());
            }
            if about.contains(recipient) {
                return Err(RekeyError::SameKey { recipient: recipient.clone() }.into());
            }
            let member = asked.clone().with_role(*role);
            let is_it = |one: &Member| {
                one.fingerprint() == member.fingerprint() || one.recipient() == member.recipient()
            };
            // Another machine that asks with this one's key would take its place.
            if is_it(&own) && member.fingerprint() != own.fingerprint() {
                return Err(RekeyError::Own { recipient: member.recipient().to_string() }.into());
            }
            base.members.retain(|one| !is_it(one));
            about.push(member.recipient().to_string());
            admitted.push(member.fingerprint());
            base.members.push(member);
        }
        Ok(Self { admitted, ..Self::reencrypt(vault, base, about)? })
    }

    /// Removes a member, by its fingerprint or its public key.
    pub fn remove(vault: &'a Vault, member: &str) -> Result<Self, VaultError> {
        let member = member.trim();
        if KeyFingerprint::parse(member).is_none() {
            // Anything else may be a secret key, which is not repeated.
            recipient_of(member).map_err(|error| match error {
                RekeyError::BadRecipient => RekeyError::BadMember,
                error => error,
            })?;
        }
        let mut base = RekeyBase::of(vault)?;
        let is_it = |one: &Member| {
            one.fingerprint().to_string() == member || one.recipient().to_string() == member
        };
        let Some(at) = base.members.iter().position(is_it) else {
            // An unfinished change may have removed it, and not encrypted everything again.
            if base.unfinished.is_some() {
                return Self::reencrypt(vault, base, vec![member.to_owned()]);
            }
            let path = vault.path().to_owned();
            return Err(RekeyError::NotListed { path, member: member.to_owned() }.into());
        };
        if at == base.own_place {
            return Err(RekeyError::Own { recipient: member.to_owned() }.into());
        }
        let removed = base.members.remove(at).recipient().to_string();
        Self::reencrypt(vault, base, vec![removed])
    }

    /// Brings two lists together that two admins made at the same time.
    pub fn merge(vault: &'a Vault) -> Result<Self, VaultError> {
        vault.earlier_change().refuse_if_begun()?;
        let own = vault.keys().with(Keyring::recipients)?;
        let merged = vault.members().merged()?.ok_or(RekeyError::NoFork)?;
        let about = merged.recipients().map(ToString::to_string).collect();
        let fingerprint = vault.members().own_fingerprint()?;
        let unfinished = vault.members().read()?.unfinished(&own, fingerprint);
        let reencryption = Some(ReencryptPlan {
            list: merged,
            is_identity_changed: unfinished == Some(Unfinished::Identity),
            what: ReencryptScope::All,
            drops_history: false,
        });
        Ok(Self { reencryption, unfinished, ..Self::nothing(vault, own[0].clone(), about) })
    }

    /// Encrypts another vault for the current key, after the identity was changed; `None` if it is, or if an admin
    /// has to admit that key. Also encrypts a clone that does not have the list that was accepted in another clone.
    pub fn resume(vault: &'a Vault, drops_history: bool) -> Result<Option<Self>, VaultError> {
        let own = vault.keys().with(Keyring::recipients)?;
        let fingerprint = vault.members().own_fingerprint()?;
        let read = vault.members().read()?;
        let own_entry = fingerprint.and_then(|key| read.accepted.as_ref()?.find(&key));
        let is_up_to_date = read.is_published() || !own_entry.is_some_and(Member::may_write);
        let about = vec![own[0].to_string()];
        let mut rekey = if is_up_to_date && read.unfinished(&own, fingerprint).is_none() {
            let Some(plan) = left_to_retired_keys(vault, &read, own_entry, &own)? else {
                return Ok(None);
            };
            let (reencryption, unfinished) = (Some(plan), Some(Unfinished::Identity));
            Self { reencryption, unfinished, ..Self::nothing(vault, own[0].clone(), about) }
        } else {
            Self::reencrypt(vault, RekeyBase::of(vault)?, about)?
        };
        if let Some(plan) = &mut rekey.reencryption {
            plan.drops_history = drops_history;
        }
        Ok(Some(rekey))
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
        let lists = vault.members().read()?;
        let listed: Vec<_> = lists.of_vault().iter().map(|one| one.recipient().clone()).collect();
        let is_listed = |key: &Recipient| listed.contains(key);
        let recipient = used.current();
        let ends_earlier_change = vault.earlier_change().is_in(file);
        let about = vec![recipient.to_string()];
        let nothing = Self::nothing(vault, recipient.clone(), about);
        let rekey = Self { ends_earlier_change, ..nothing };
        let own = match vault.keys().try_with(Keyring::recipients)? {
            Ok(own) => own,
            Err(KeyState::None) => {
                // Without a list this machine never had an identity. It may have to wait until an admin
                // admits it.
                let had_another = vault.members().own()?.is_some_and(|before| before != recipient);
                let is_mistaken = had_another && !vault.secrets().all_names()?.is_empty();
                if is_mistaken && !is_listed(&recipient) && !is_any_decrypted_by(vault, &used)? {
                    return Err(RekeyError::OpensNothing { path: vault.path().to_owned() }.into());
                }
                return Ok(Self { new: Some(new()?), ..rekey });
            }
            Err(_) => return Err(vault.keys().locked()),
        };
        let is_current = own[0] == recipient;
        let fingerprint = vault.members().own_fingerprint()?;
        let unfinished = lists.unfinished(&own, fingerprint);
        if is_current && unfinished.is_none() {
            return Ok(rekey);
        }
        let needs_no_change =
            lists.next.is_none() && lists.has_key(&used.recipients(), &own, fingerprint);
        if !is_current && needs_no_change && !is_more_decrypted_than_by(vault, &used)? {
            return Ok(Self { new: Some(new()?), ..rekey });
        }
        let list = list_with(vault, lists, &used.recipients(), &own)?;
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
            admitted: Vec::new(),
            unfinished: None,
            ends_earlier_change: false,
        }
    }

    fn reencrypt(
        vault: &'a Vault,
        base: RekeyBase,
        about: Vec<String>,
    ) -> Result<Self, VaultError> {
        let RekeyBase { mut own, list, members, unfinished, .. } = base;
        let list = signed(vault, &list, members)?;
        let is_identity_changed = unfinished == Some(Unfinished::Identity);
        let what = ReencryptScope::All;
        let reencryption =
            Some(ReencryptPlan { list, is_identity_changed, what, drops_history: false });
        let own = own.swap_remove(0);
        Ok(Self { reencryption, unfinished, ..Self::nothing(vault, own, about) })
    }

    /// Makes the change, durably, and reports its progress.
    ///
    /// # Errors
    ///
    /// Those of the disk. All secrets can be decrypted then, and the change can be made again.
    pub fn commit(self, report: &mut dyn FnMut(ReencryptStep<'_>)) -> Result<Rekeyed, VaultError> {
        let Self { vault, new, reencryption, own, admitted, unfinished, .. } = self;
        // Before anything is encrypted that an empty directory could be mistaken for.
        vault.remember_vault()?;
        let retires = new.as_ref().is_some_and(NewKeys::retires);
        new.map_or(Ok(()), |new| new.commit(vault))?;
        let counts = match reencryption {
            Some(plan) => plan.commit(vault, &admitted, report)?,
            None => ReencryptCounts::default(),
        };
        vault.members().begin_if_none(&own)?;
        if self.ends_earlier_change {
            vault.earlier_change().end();
        }
        Ok(Rekeyed {
            secrets: counts.secrets,
            versions: counts.versions,
            members: vault.members().read()?.of_vault().len(),
            left: counts.left(),
            own: own.to_string(),
            kept: retires.then(|| vault.keys().path().to_owned()),
            finished: unfinished,
        })
    }
}

impl RekeyBase {
    /// Fails while the vault is locked.
    pub(crate) fn of(vault: &Vault) -> Result<Self, VaultError> {
        let AgreedMembers { list, members, own: own_place } = vault.prepare_members()?;
        let own = vault.keys().with(Keyring::recipients)?;
        let fingerprint = vault.members().own_fingerprint()?;
        let unfinished = vault.members().read()?.unfinished(&own, fingerprint);
        Ok(Self { own, list, members, own_place, unfinished })
    }
}

fn recipient_of(text: &str) -> Result<Recipient, RekeyError> {
    let text = text.trim();
    Recipient::parse(text).ok_or_else(|| match foreign_key::in_recipient(text) {
        Some(source) => RekeyError::ForeignKey { what: "recipient", source },
        None => RekeyError::BadRecipient,
    })
}

mod rotation;
#[cfg(test)]
mod tests;
