//! Lists secrets without decrypting them, except those that others may have replaced or removed.

use std::collections::BTreeSet;

use fluvio_secret_protocol::{ListedSecret, SecretName};
use fluvio_secret_system::hash::fnv_1a;

use crate::error::VaultError;
use crate::secret_reader::SecretReader;
use crate::vault::Vault;

/// Lists the secrets of a vault.
pub struct SecretListing<'a> {
    vault: &'a Vault,
    reader: SecretReader<'a>,
    /// The names with the mark of a removal, which may be later or earlier than the file.
    marked: BTreeSet<SecretName>,
    /// The hash of each known name, and the stamp of its known file.
    stamps: Vec<(u64, u64)>,
}

impl<'a> SecretListing<'a> {
    /// A list of this vault, as it is known now.
    pub fn of(vault: &'a Vault) -> Result<Self, VaultError> {
        let (marked, stamps) = (vault.secrets().marked()?, vault.secrets().seen().stamps());
        Ok(Self { vault, reader: SecretReader::of(vault), marked, stamps })
    }

    /// A secret; `None` if it is gone, or was removed on another machine.
    pub fn find(&self, name: &SecretName) -> Result<Option<ListedSecret>, VaultError> {
        let Some(id) = self.vault.secrets().current(name).id()? else { return Ok(None) };
        if self.marked.contains(name) && self.reader.is_removed(name) {
            return Ok(None);
        }
        let older = self.is_other(name, id.stamp()) && self.reader.is_older(name);
        Ok(Some(ListedSecret { name: name.clone(), set_at: id.modified(), older }))
    }

    /// Whether another file is known of a secret.
    fn is_other(&self, name: &SecretName, stamp: u64) -> bool {
        let hash = fnv_1a(name.as_str().as_bytes());
        let first = self.stamps.partition_point(|(known, _)| *known < hash);
        let mut known = self.stamps[first..].iter().take_while(|(known, _)| *known == hash);
        known.any(|(_, known)| *known != stamp)
    }
}
