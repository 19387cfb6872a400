//! Lists secrets without decrypting them, except those that others may have replaced or removed.

use std::collections::BTreeSet;

use fluvio_secret_protocol::{ListedSecret, SecretName};
use fluvio_secret_system::hash::fnv_1a;

use crate::error::VaultError;
use crate::secret_reader::SecretReader;
use crate::secrets::history::seen_revisions::SeenStamp;
use crate::vault::Vault;

/// Lists the secrets of a vault.
pub struct SecretListing<'a> {
    vault: &'a Vault,
    reader: SecretReader<'a>,
    /// The names with the mark of a removal, which may be later or earlier than the file.
    marked: BTreeSet<SecretName>,
    /// The current versions that were seen.
    stamps: Vec<SeenStamp>,
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
        let (set_at, older) = match self.seen(name, id.stamp()) {
            SeenState::This(set_at) => (set_at, false),
            SeenState::Never => (id.modified(), false),
            SeenState::Another => match self.reader.current(name, false) {
                Ok(opened) => (opened.record.set_at().as_second(), opened.is_older),
                Err(_) => (id.modified(), false),
            },
        };
        Ok(Some(ListedSecret { name: name.clone(), set_at, older }))
    }

    /// The deleted secrets that can be restored, in alphabetical order. Their dates are those of their newest versions.
    pub fn deleted(&self) -> Result<Vec<ListedSecret>, VaultError> {
        let secrets = self.vault.secrets();
        let mut names = secrets.history().names()?;
        names.sort_unstable();
        let mut deleted = Vec::new();
        for name in names {
            // The next change gives the file that was removed elsewhere to the history.
            let set_at = match (secrets.current(&name).id()?, self.find(&name)?) {
                (_, Some(_)) => None,
                (Some(id), None) => Some(id.modified()),
                (None, None) => secrets.newest_earlier(&name)?,
            };
            deleted.extend(set_at.map(|set_at| ListedSecret { name, set_at, older: false }));
        }
        Ok(deleted)
    }

    /// Whether this machine has seen the file of a secret with this stamp.
    fn seen(&self, name: &SecretName, stamp: u64) -> SeenState {
        let hash = fnv_1a(name.as_str().as_bytes());
        let first = self.stamps.partition_point(|seen| seen.name < hash);
        let Some(highest) = self.stamps.get(first).filter(|seen| seen.name == hash) else {
            return SeenState::Never;
        };
        let is_highest = |seen: &&SeenStamp| seen.name == hash && seen.counter == highest.counter;
        let mut of_name = self.stamps[first..].iter().take_while(is_highest);
        let found = of_name.find(|seen| seen.stamp == stamp);
        found.map_or(SeenState::Another, |seen| SeenState::This(seen.set_at))
    }
}

/// What this machine has seen of a secret.
enum SeenState {
    Never,
    /// Another file.
    Another,
    /// This file, and when its value was set.
    This(i64),
}
