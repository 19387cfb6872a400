//! Reads secrets whose values are not delivered. The signature in a file that this machine has written or verified is not
//! verified again.

use fluvio_secret_protocol::{Found, Secret};

use crate::error::VaultError;
use crate::members::content_hash::ContentHash;
use crate::revisions::verifier::OpenedRecord;
use crate::secret_reader::SecretReader;
use crate::secrets::secret_with_seen::SecretWithSeen;

impl SecretReader<'_> {
    /// Finds out whether a secret can be read.
    pub fn examine(&self, known: &SecretWithSeen) -> Result<(), VaultError> {
        match self.known_record(known) {
            Ok(Some(_)) => Ok(()),
            // The full way finds the reason, if it is no other file.
            _ => self.value(&known.name).map(drop),
        }
    }

    /// Compares a value with the one that the vault has, as [`SecretReader::compare`] does.
    pub fn compare_known(
        &self,
        known: &SecretWithSeen,
        value: &Secret,
    ) -> Result<Found, VaultError> {
        match self.known_record(known) {
            Ok(Some(record)) if record.has_value(value) => Ok(Found::Same),
            Ok(Some(_)) => Ok(Found::Other),
            Err(VaultError::Missing) => Ok(Found::Nothing),
            _ => self.compare(&known.name, value),
        }
    }

    /// The record in the file of a secret, if that is the known one and no mark counts more. Its signature is not verified
    /// again.
    fn known_record(
        &self,
        SecretWithSeen { name, seen }: &SecretWithSeen,
    ) -> Result<Option<OpenedRecord>, VaultError> {
        let file = self.vault.secrets().current(name);
        let (encrypted, id) = file.read_with_id()?;
        let content = ContentHash::of(&encrypted);
        if !self.is_checked || seen.content(id.stamp()) != Some(content) {
            return Ok(None);
        }
        let decrypted = self.vault.keys().with_checked(|keys| keys.decrypt(&encrypted))?;
        let plain = decrypted.map_err(|error| file.damaged(error.into()))?;
        let opened = self.verifier()?.open_known(name, file.place, &plain);
        let record = opened.map_err(|why| file.damaged(why))?;
        let is_removed = self.has_later_mark(name, record.revision(content))?;
        Ok((!is_removed).then_some(record))
    }
}
