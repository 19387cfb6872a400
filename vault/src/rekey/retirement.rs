//! Retired keys are removed, once nothing here needs them.

use fluvio_secret_protocol::{Role, limits};

use crate::error::VaultError;
use crate::keys::boot_instant::BootInstant;
use crate::keys::held::KeyState;
use crate::keys::identity::Recipient;
use crate::keys::keyring::Keyring;
use crate::members::store_error::MemberStoreError;
use crate::rekey::admitted_key::scope_of;
use crate::rekey::error::{RekeyError, RetirementStep};
use crate::rekey::need::{is_any_left_to_retired_keys, needing_retired_keys};
use crate::rekey::new_keys::NewKeys;
use crate::rekey::scope::ReencryptScope;
use crate::vault::Vault;

/// Retired keys that nothing in the vault needs. Without [`Retirement::commit`] nothing changes.
#[must_use]
pub struct Retirement<'a> {
    vault: &'a Vault,
    /// The public keys of those that are removed.
    pub retired: Vec<String>,
    /// `None` if there are no retired keys.
    rest: Option<NewKeys>,
}

impl<'a> Retirement<'a> {
    /// Proves that the current key decrypts every secret and every earlier version, also in the `others` that have
    /// the same keys. Writes nothing, so a reader can do it.
    ///
    /// # Errors
    ///
    /// [`RekeyError::RetiredNeeded`] with the names of those that it does not.
    pub fn prepare(
        vault: &'a Vault,
        others: &[&Vault],
        passphrase: Option<&str>,
        until: Option<BootInstant>,
    ) -> Result<Self, VaultError> {
        vault.earlier_change().refuse_if_begun()?;
        let nothing = Self { vault, retired: Vec::new(), rest: None };
        if vault.keys().checked_state()? == KeyState::None && !vault.has_lost_identity()? {
            return Ok(nothing);
        }
        let own = vault.keys().with(Keyring::recipients)?;
        let all = || [vault].into_iter().chain(others.iter().copied());
        let roles: Vec<_> = all().map(|one| role_in(one, &own)).collect::<Result<_, _>>()?;
        let retired: Vec<_> = own[1..].iter().map(ToString::to_string).collect();
        if retired.is_empty() {
            return Ok(nothing);
        }
        let rest = NewKeys::without_retired(vault, passphrase, until)?;
        for (one, role) in all().zip(roles) {
            let names = needing_retired_keys(one, limits::LEFT_NAMES)?;
            if !names.is_empty() {
                let (path, step) = (one.path().to_owned(), step_in(one, role, &own)?);
                return Err(RekeyError::RetiredNeeded { path, names, step }.into());
            }
        }
        Ok(Self { retired, rest: Some(rest), ..nothing })
    }

    /// Removes them, durably.
    pub fn commit(self) -> Result<(), VaultError> {
        // The proof is one of the vault, and not of an empty directory at its path.
        self.vault.refuse_if_moved()?;
        self.rest.map_or(Ok(()), |rest| rest.commit(self.vault))
    }
}

/// The role of this machine in a vault; `None` if it is not a member.
///
/// # Errors
///
/// Also if the members of the vault have, or are about to get, a key that would be removed.
fn role_in(vault: &Vault, own: &[Recipient]) -> Result<Option<Role>, VaultError> {
    vault.members().refuse_if_waiting()?;
    let (read, fingerprint) = (vault.members().read()?, vault.members().own_fingerprint()?);
    if read.unfinished(own, fingerprint).is_some() {
        return Err(RekeyError::Unfinished.into());
    }
    if read.is_empty() {
        return Ok(None);
    }
    let agreed = match vault.members().agreed(&read, own) {
        Ok(agreed) => agreed,
        Err(MemberStoreError::NotMember { .. } | MemberStoreError::NotAdmitted { .. }) => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let entry = &agreed.members[agreed.own];
    if own[1..].contains(entry.recipient()) {
        let path = vault.path().to_owned();
        return Err(RekeyError::NotAdmittedKey { path, is_personal: vault.is_personal() }.into());
    }
    Ok(Some(entry.role()))
}

/// What a member of this role can do if a retired key is needed.
fn step_in(
    vault: &Vault,
    role: Option<Role>,
    own: &[Recipient],
) -> Result<RetirementStep, VaultError> {
    let Some(role) = role else {
        return Ok(match vault.is_personal() {
            true => RetirementStep::Restore,
            false => RetirementStep::Forget,
        });
    };
    if is_any_left_to_retired_keys(vault, scope_of(role))? {
        return Ok(RetirementStep::Finish);
    }
    Ok(match is_any_left_to_retired_keys(vault, ReencryptScope::NotByCurrent)? {
        true => RetirementStep::ByAdmin(own[0].to_string()),
        false => RetirementStep::Restore,
    })
}
