//! Retired keys are removed, once nothing here needs them.

use fluvio_secret_protocol::limits;

use crate::error::VaultError;
use crate::keys::boot_instant::BootInstant;
use crate::rekey::change::RekeyBase;
use crate::rekey::error::RekeyError;
use crate::rekey::need::needing_retired_keys;
use crate::rekey::new_keys::NewKeys;
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
    /// the same keys.
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
        let base = RekeyBase::of(vault)?;
        let is_finished = |vault| RekeyBase::of(vault).map(|base| base.unfinished.is_none());
        for vault in [vault].iter().chain(others) {
            if !is_finished(vault)? {
                return Err(RekeyError::Unfinished.into());
            }
        }
        let retired: Vec<_> = base.own[1..].iter().map(ToString::to_string).collect();
        if retired.is_empty() {
            return Ok(Self { vault, retired, rest: None });
        }
        let rest = NewKeys::without_retired(vault, passphrase, until)?;
        for vault in [vault].iter().chain(others) {
            let names = needing_retired_keys(vault, limits::LEFT_NAMES)?;
            if !names.is_empty() {
                let path = vault.path().to_owned();
                return Err(RekeyError::RetiredNeeded { path, names }.into());
            }
        }
        Ok(Self { vault, retired, rest: Some(rest) })
    }

    /// Removes them, durably.
    pub fn commit(self) -> Result<(), VaultError> {
        // The proof is one of the vault, and not of an empty directory at its path.
        self.vault.refuse_if_moved()?;
        self.rest.map_or(Ok(()), |rest| rest.commit(self.vault))
    }
}
