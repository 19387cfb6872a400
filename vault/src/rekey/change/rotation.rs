//! A new key that is made here.

use fluvio_secret_protocol::Unfinished;

use super::{Rekey, RekeyBase};
use crate::error::VaultError;
use crate::keys::boot_instant::BootInstant;
use crate::keys::held::KeyState;
use crate::keys::keyring::Keyring;
use crate::members::member::Member;
use crate::rekey::admitted_key::{entry_of_other_role, left_to_retired_keys};
use crate::rekey::new_keys::{NewKeys, ReplacedFile, kept_passphrase};
use crate::rekey::own_member::signed;
use crate::rekey::plan::ReencryptPlan;
use crate::rekey::scope::ReencryptScope;
use crate::vault::Vault;

impl<'a> Rekey<'a> {
    /// Makes a new key, with the passphrase of the current one. Finishes a rotation that was begun.
    pub fn rotate(
        vault: &'a Vault,
        drops_history: bool,
        passphrase: Option<&str>,
        until: Option<BootInstant>,
    ) -> Result<Self, VaultError> {
        let is_first = vault.keys().checked_state()? == KeyState::None;
        let replaces = ReplacedFile::of(vault)?;
        if !is_first && let Some(entry) = entry_of_other_role(vault)? {
            return Self::rotate_unlisted(vault, &entry, passphrase, until, replaces);
        }
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
        let mut members = base.members;
        members[base.own_place] = members[base.own_place].with_recipient(own[0].clone());
        let list = signed(vault, &base.list, members)?;
        let own = own.swap_remove(0);
        let about = vec![own.to_string()];
        let what = ReencryptScope::All;
        let reencryption =
            Some(ReencryptPlan { list, is_identity_changed: true, what, drops_history });
        let unfinished = base.unfinished;
        Ok(Self { new, reencryption, unfinished, ..Self::nothing(vault, own, about) })
    }

    /// Makes a new key for a machine that is not an admin: nothing is encrypted for it before an admin admits it. After
    /// that, does what is left.
    fn rotate_unlisted(
        vault: &'a Vault,
        entry: &Member,
        passphrase: Option<&str>,
        until: Option<BootInstant>,
        replaces: ReplacedFile,
    ) -> Result<Self, VaultError> {
        let own = vault.keys().with(Keyring::recipients)?;
        let rest = left_to_retired_keys(vault, &vault.members().read()?, Some(entry), &own)?;
        let current = own[0].clone();
        if rest.is_some() {
            let (about, unfinished) = (vec![current.to_string()], Some(Unfinished::Identity));
            return Ok(Self {
                reencryption: rest,
                unfinished,
                ..Self::nothing(vault, current, about)
            });
        }
        let passphrase = kept_passphrase(vault, passphrase)?;
        let keyring = Keyring::generate();
        let new = NewKeys::beside_retired(vault, &keyring, passphrase, until, replaces)?;
        let about = vec![keyring.current().to_string()];
        Ok(Self { new: Some(new), ..Self::nothing(vault, keyring.current(), about) })
    }
}
