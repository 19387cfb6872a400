//! The records that a vault publishes: what is current of each secret.

use std::collections::BTreeSet;

use fluvio_secret_protocol::{RecordKind, SecretName};

use crate::error::VaultError;
use crate::members::content_hash::ContentHash;
use crate::secret_reader::SecretReader;
use crate::secrets::file_name::name_of;
use crate::secrets::version_place::{MARKS, VersionPlace};
use crate::vault::Vault;

/// A record in the vault, and the hash of its file.
pub(crate) type PublishedRecord = (SecretName, RecordKind, ContentHash);

/// Finds the records that a vault publishes. A file that is not accepted is not one, nor is one that a later record
/// removes.
pub(crate) struct PublishedRecords<'a> {
    vault: &'a Vault,
    reader: SecretReader<'a>,
}

impl<'a> PublishedRecords<'a> {
    pub(crate) fn of(vault: &'a Vault) -> Self {
        Self { vault, reader: SecretReader::of(vault) }
    }

    /// All records, marks first. Files that were seen are recognized without being read.
    pub(crate) fn all(&self) -> Result<Vec<PublishedRecord>, VaultError> {
        let secrets = self.vault.secrets();
        let (marked, seen) = (secrets.marked()?, secrets.seen().hashes());
        let mut found = Vec::new();
        for place in [VersionPlace::Purged, VersionPlace::Deleted] {
            let Some(marks) = secrets.marks(place)? else { continue };
            let failed = |source| VaultError::Storage { path: marks.path().to_owned(), source };
            for file in marks.names().map_err(failed)? {
                let Some(name) = name_of(&file.map_err(failed)?) else { continue };
                let content = self.content(&name, place, true, |stamp| seen.find(&name, stamp))?;
                found.extend(content.map(|content| (name, place.kind(), content)));
            }
        }
        for name in secrets.names()?.iter() {
            let (place, is_marked) = (VersionPlace::Current, marked.contains(&name));
            let content = self.content(&name, place, is_marked, |stamp| seen.find(&name, stamp))?;
            found.extend(content.map(|content| (name, place.kind(), content)));
        }
        Ok(found)
    }

    /// The records of some secrets.
    pub(crate) fn of_names(
        &self,
        names: &[SecretName],
    ) -> Result<Vec<PublishedRecord>, VaultError> {
        let mut found = Vec::new();
        for name in names.iter().collect::<BTreeSet<_>>() {
            let kinds = [RecordKind::Purged, RecordKind::Deleted, RecordKind::Value];
            for (kind, content) in self.find_kinds(name, &kinds)? {
                found.push((name.clone(), kind, content));
            }
        }
        Ok(found)
    }

    /// The hash of the record of a kind, if the vault publishes it.
    pub(crate) fn find(
        &self,
        name: &SecretName,
        kind: RecordKind,
    ) -> Result<Option<ContentHash>, VaultError> {
        Ok(self.find_kinds(name, &[kind])?.pop().map(|(_, content)| content))
    }

    fn find_kinds(
        &self,
        name: &SecretName,
        kinds: &[RecordKind],
    ) -> Result<Vec<(RecordKind, ContentHash)>, VaultError> {
        let secrets = self.vault.secrets();
        let seen = secrets.seen().of(name);
        let is_marked = secrets.has_mark(name, MARKS[0])? || secrets.has_mark(name, MARKS[1])?;
        let mut found = Vec::new();
        for &kind in kinds {
            let place = VersionPlace::of(kind);
            let content = self.content(name, place, is_marked, |stamp| seen.content(stamp))?;
            found.extend(content.map(|content| (kind, content)));
        }
        Ok(found)
    }

    fn content(
        &self,
        name: &SecretName,
        place: VersionPlace,
        is_marked: bool,
        seen: impl Fn(u64) -> Option<ContentHash>,
    ) -> Result<Option<ContentHash>, VaultError> {
        let Some(file) = self.vault.secrets().locate(name, place)? else { return Ok(None) };
        let Some(id) = file.id()? else { return Ok(None) };
        let opened = match place {
            VersionPlace::Current if is_marked => self.reader.current(name, false),
            VersionPlace::Deleted if self.is_set_again(name)? => return Ok(None),
            _ => match seen(id.stamp()) {
                Some(content) => return Ok(Some(content)),
                None => self.reader.open(name, &file),
            },
        };
        match opened {
            Ok(opened) => Ok(opened.revision.map(|revision| revision.file)),
            // While the vault is locked, only what was seen is known.
            Err(
                VaultError::Missing
                | VaultError::Damaged { .. }
                | VaultError::ForOthers { .. }
                | VaultError::Locked { .. }
                | VaultError::IdentityLost { .. },
            ) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether a deleted secret has a later value, so that its mark does not count.
    fn is_set_again(&self, name: &SecretName) -> Result<bool, VaultError> {
        let has_file = self.vault.secrets().has(name)?;
        Ok(has_file && self.reader.current(name, false).is_ok())
    }
}
