//! The identity file with another current key.

use fluvio_secret_system::file_id::FileId;
use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::keys::boot_instant::BootInstant;
use crate::keys::encryption::{self, BadIdentity};
use crate::keys::error::KeyError;
use crate::keys::foreign_key;
use crate::keys::held::KeyState;
use crate::keys::identity_file::IDENTITY_FILE_BYTES;
use crate::keys::keyring::Keyring;
use crate::rekey::error::RekeyError;
use crate::vault::Vault;

/// What age's encryption of the file adds, and more.
const HEAD_BYTES: usize = 1 << 10;

pub(crate) struct NewKeys {
    text: Zeroizing<String>,
    passphrase: Option<Zeroizing<String>>,
    /// When the keys are forgotten, if they have a passphrase.
    until: Option<BootInstant>,
    replaces: ReplacedFile,
}

/// The file as it was when the change began: a later one may have another passphrase.
#[derive(Clone, Copy)]
pub(crate) struct ReplacedFile {
    id: Option<FileId>,
    /// How many locks had been requested. After another one, the keys are not held.
    lock_requests: u64,
}

impl ReplacedFile {
    pub(crate) fn of(vault: &Vault) -> Result<Self, VaultError> {
        vault.keys().refuse_if_external()?;
        let lock_requests = vault.keys().lock_requests();
        Ok(Self { id: vault.keys().file_id()?, lock_requests })
    }
}

impl NewKeys {
    /// A keyring with its own passphrase. The keys that are there become retired ones.
    pub(crate) fn beside_retired(
        vault: &Vault,
        keyring: &Keyring,
        passphrase: Option<Zeroizing<String>>,
        until: Option<BootInstant>,
        replaces: ReplacedFile,
    ) -> Result<Self, VaultError> {
        let text = match replaces.id {
            Some(_) => vault.keys().with(|held| keyring.to_text_with_retired(held))?,
            None => keyring.to_text(),
        };
        if text.len() + HEAD_BYTES > usize::try_from(IDENTITY_FILE_BYTES).unwrap_or(usize::MAX) {
            return Err(RekeyError::ManyKeys { path: vault.keys().path().to_owned() }.into());
        }
        Ok(Self { text, passphrase, until, replaces })
    }

    /// The current key alone, with the passphrase that it has.
    pub(crate) fn without_retired(
        vault: &Vault,
        passphrase: Option<&str>,
        until: Option<BootInstant>,
    ) -> Result<Self, VaultError> {
        let replaces = ReplacedFile::of(vault)?;
        let passphrase = kept_passphrase(vault, passphrase)?;
        let text = vault.keys().with(Keyring::to_text_of_current)?;
        Ok(Self { text, passphrase, until, replaces })
    }

    /// Whether there was an identity, whose key is retired then.
    pub(crate) fn retires(&self) -> bool {
        self.replaces.id.is_some()
    }

    pub(crate) fn commit(self, vault: &Vault) -> Result<(), VaultError> {
        let Self { text, passphrase, until, replaces, .. } = self;
        let passphrase = passphrase.as_ref().map(|passphrase| passphrase.as_str());
        let prepared = vault.keys().prepare(text.as_bytes(), passphrase, replaces.id)?;
        let replaced = vault.keys().replace(prepared, until, replaces.lock_requests);
        replaced.map_err(|error| vault.keys().failed(error))
    }
}

/// The passphrase that a new file gets: that of the current one, which must be given.
pub(crate) fn kept_passphrase(
    vault: &Vault,
    given: Option<&str>,
) -> Result<Option<Zeroizing<String>>, VaultError> {
    match (vault.keys().state(), given) {
        (KeyState::None | KeyState::Open, None) => Ok(None),
        (KeyState::None | KeyState::Open, Some(_)) => Err(vault.keys().failed(KeyError::Open)),
        (KeyState::Locked, _) => Err(vault.keys().locked()),
        (KeyState::Unlocked(_), None) => Err(vault.keys().failed(KeyError::Closed)),
        (KeyState::Unlocked(_), Some(given)) => {
            vault.keys().open(given).map_err(|error| vault.keys().failed(error))?;
            Ok(Some(Zeroizing::new(given.to_owned())))
        }
    }
}

/// The keys in the bytes of an identity file, which may be encrypted with a passphrase.
pub(crate) fn keys_in(file: &[u8], passphrase: Option<&str>) -> Result<Keyring, RekeyError> {
    if !encryption::is_encrypted(file) {
        return parsed(file);
    }
    let passphrase = passphrase.ok_or(RekeyError::Sealed)?;
    let text = encryption::decrypt_with_passphrase(passphrase, file);
    parsed(&text.map_err(|bad| match bad {
        BadIdentity::WrongPassphrase => RekeyError::WrongPassphrase,
        bad => RekeyError::BadIdentity(bad),
    })?)
}

fn parsed(text: &[u8]) -> Result<Keyring, RekeyError> {
    Keyring::parse(text).map_err(|bad| match foreign_key::in_identity(text) {
        Some(source) => RekeyError::ForeignKey { what: "identity", source },
        None => RekeyError::BadIdentity(bad),
    })
}
