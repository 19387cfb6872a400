//! Signs what has no signature, once, because the user vouches for it.

use crate::error::VaultError;
use crate::rekey::change::Rekeyed;
use crate::rekey::reencrypt::{ReencryptStep, Reencryption};
use crate::rekey::scope::ReencryptScope;
use crate::rekey::written_stamps::WrittenStamps;
use crate::secrets::writer::SecretWriter;
use crate::vault::Vault;

/// An upgrade that is possible. Without [`SignatureUpgrade::commit`] nothing changes.
#[must_use]
pub struct SignatureUpgrade<'a> {
    vault: &'a Vault,
    writer: SecretWriter,
}

impl<'a> SignatureUpgrade<'a> {
    /// Fails while the vault is locked, and for a machine that only reads.
    pub fn prepare(vault: &'a Vault) -> Result<Self, VaultError> {
        vault.keys().with(|_| ())?;
        Ok(Self { vault, writer: SecretWriter::of(vault)? })
    }

    /// Signs everything that has no signature, and refuses such records from then on. Reports its progress.
    ///
    /// # Errors
    ///
    /// Those of the disk. The same upgrade does the rest.
    pub fn commit(self, report: &mut dyn FnMut(ReencryptStep<'_>)) -> Result<Rekeyed, VaultError> {
        let Self { vault, writer } = self;
        let (what, mut written) = (ReencryptScope::Unsigned, WrittenStamps::default());
        let counts = Reencryption::new(vault, &writer, what, &mut written, report)?.run()?;
        // An empty directory at the vault's path has nothing to sign.
        vault.refuse_if_moved()?;
        vault.set_signed_only()?;
        Ok(Rekeyed {
            secrets: counts.secrets,
            versions: counts.versions,
            members: vault.members().read()?.of_vault().len(),
            left: counts.left(),
            own: vault.recipient()?.unwrap_or_default(),
            kept: None,
            finished: None,
        })
    }
}
