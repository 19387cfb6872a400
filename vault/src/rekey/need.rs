//! Which secrets need which keys.

use fluvio_secret_protocol::SecretName;

use crate::error::VaultError;
use crate::keys::encryption::DecryptFailure;
use crate::keys::keyring::Keyring;
use crate::rekey::scope::ReencryptScope;
use crate::revisions::revision::LARGEST_COUNTER;
use crate::revisions::verifier::OpenedRecord;
use crate::secret_reader::SecretReader;
use crate::secrets::version_file::VersionFile;
use crate::vault::Vault;

/// Whether the vault's keys decrypt anything that the current one of others does not.
pub(crate) fn is_more_decrypted_than_by(
    vault: &Vault,
    others: &Keyring,
) -> Result<bool, VaultError> {
    let names = find(vault, 1, |_, _, bytes| {
        let Some(bytes) = bytes else { return Ok(false) };
        let is_needed = others.decrypt_by_current(bytes).is_err();
        Ok(is_needed && vault.keys().with(|keys| keys.decrypt(bytes).is_ok())?)
    })?;
    Ok(!names.is_empty())
}

pub(crate) fn is_any_decrypted_by(vault: &Vault, keys: &Keyring) -> Result<bool, VaultError> {
    let is_decrypted =
        |bytes: Option<&[u8]>| bytes.is_some_and(|bytes| keys.decrypt(bytes).is_ok());
    let names = find(vault, 1, |_, _, bytes| Ok(is_decrypted(bytes)))?;
    Ok(!names.is_empty())
}

/// Whether only a retired key decrypts an accepted record here. Other records cannot be encrypted again.
pub(crate) fn is_any_left_to_retired_keys(
    vault: &Vault,
    scope: ReencryptScope,
) -> Result<bool, VaultError> {
    let reader = SecretReader::of(vault);
    let names = find(vault, 1, |name, file, bytes| {
        let Some(bytes) = bytes.filter(|_| scope.has(file.place)) else { return Ok(false) };
        if vault.keys().with(|keys| keys.decrypt_by_current(bytes).is_ok())? {
            return Ok(false);
        }
        match reader.record(name, file, bytes) {
            // Nothing could follow such a record, so it stays as it is.
            Ok(OpenedRecord::Signed(record)) => Ok(record.counter() <= LARGEST_COUNTER),
            Ok(OpenedRecord::Unsigned(_)) => Ok(true),
            Err(
                VaultError::Damaged { .. }
                | VaultError::DamagedVersion { .. }
                | VaultError::ForOthers { .. },
            ) => Ok(false),
            Err(error) => Err(error),
        }
    })?;
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
    find(vault, most, |_, _, bytes| {
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
    test: impl Fn(&SecretName, &VersionFile, Option<&[u8]>) -> Result<bool, VaultError>,
) -> Result<Vec<SecretName>, VaultError> {
    let secrets = vault.secrets();
    let mut found = Vec::new();
    for name in secrets.all_names()?.into_names() {
        for place in secrets.places(&name)?.into_iter().rev() {
            let Some(file) = secrets.locate(&name, place)? else { continue };
            let passes = match file.read() {
                Ok(bytes) => test(&name, &file, Some(&bytes))?,
                Err(VaultError::Missing) => false,
                Err(VaultError::Damaged { .. } | VaultError::DamagedVersion { .. }) => {
                    test(&name, &file, None)?
                }
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
