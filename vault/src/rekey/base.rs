//! What there is before a change of the recipients.

use fluvio_secret_protocol::Unfinished;

use crate::error::VaultError;
use crate::keys::encryption::Recipient;
use crate::keys::keyring::Keyring;
use crate::recipients::list::ListedKey;
use crate::vault::Vault;

/// What there is, when the lists agree.
pub(crate) struct RekeyBase {
    /// The keys of this machine, the current one first.
    pub(crate) own: Vec<Recipient>,
    /// The recipients, without retired keys of this machine.
    pub(crate) list: Vec<ListedKey>,
    /// The change that a new one finishes too.
    pub(crate) unfinished: Option<Unfinished>,
}

impl RekeyBase {
    /// Fails while the vault is locked.
    pub(crate) fn of(vault: &Vault) -> Result<Self, VaultError> {
        let (_, list) = vault.prepare_recipients()?;
        let own = vault.keys().with(Keyring::recipients)?;
        let unfinished = vault.recipient_lists().read()?.unfinished(&own);
        Ok(Self { own, list, unfinished })
    }
}
