//! Which secrets need which keys.

use fluvio_secret_protocol::SecretName;

use crate::error::VaultError;
use crate::keys::encryption::DecryptFailure;
use crate::keys::keyring::Keyring;
use crate::vault::Vault;

/// Whether the vault's keys decrypt anything that the current one of others does not.
pub(crate) fn is_more_decrypted_than_by(
    vault: &Vault,
    others: &Keyring,
) -> Result<bool, VaultError> {
    let names = find(vault, 1, |bytes| {
        let Some(bytes) = bytes else { return Ok(false) };
        let is_needed = others.decrypt_by_current(bytes).is_err();
        Ok(is_needed && vault.keys().with(|keys| keys.decrypt(bytes).is_ok())?)
    })?;
    Ok(!names.is_empty())
}

pub(crate) fn is_any_decrypted_by(vault: &Vault, keys: &Keyring) -> Result<bool, VaultError> {
    let names = find(vault, 1, |bytes| Ok(bytes.is_some_and(|bytes| keys.decrypt(bytes).is_ok())))?;
    Ok(!names.is_empty())
}

/// The secrets that may need a retired key, at most `most` of them.
///
/// The current key decrypts all versions of the others, or no key here is a recipient. A damaged file
/// counts: a repaired one might need a retired key.
pub(crate) fn needing_retired_keys(
    vault: &Vault,
    most: usize,
) -> Result<Vec<SecretName>, VaultError> {
    find(vault, most, |bytes| {
        let Some(bytes) = bytes else { return Ok(true) };
        vault.keys().with(|keys| {
            let is_foreign = || keys.decrypt(bytes) == Err(DecryptFailure::OtherIdentity);
            keys.decrypt_by_current(bytes).is_err() && !is_foreign()
        })
    })
}

/// The secrets of which a version passes this test, at most `most` of them. The test gets `None` for a
/// file that cannot be a secret, such as a link.
fn find(
    vault: &Vault,
    most: usize,
    test: impl Fn(Option<&[u8]>) -> Result<bool, VaultError>,
) -> Result<Vec<SecretName>, VaultError> {
    let secrets = vault.secrets();
    let mut found = Vec::new();
    for name in secrets.all_names()?.into_names() {
        for place in secrets.places(&name)?.into_iter().rev() {
            let Some(file) = secrets.locate(&name, place)? else { continue };
            let passes = match file.read() {
                Ok(bytes) => test(Some(&bytes))?,
                Err(VaultError::Missing) => false,
                Err(VaultError::Damaged { .. } | VaultError::DamagedVersion { .. }) => test(None)?,
                Err(error) => return Err(error),
            };
            if passes {
                found.push(name);
                break;
            }
        }
        if found.len() == most {
            break;
        }
    }
    Ok(found)
}
