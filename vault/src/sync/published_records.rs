//! The records that a vault publishes: what is current of each secret.

use std::collections::BTreeSet;

use fluvio_secret_protocol::{RecordKind, SecretName};

use crate::error::VaultError;
use crate::members::content_hash::ContentHash;
use crate::secret_reader::{OpenedFile, SecretReader};
use crate::secrets::file_name::name_of;
use crate::secrets::version_place::{MARKS, VersionPlace};
use crate::vault::Vault;

/// A record in the vault.
pub(crate) struct PublishedRecord {
    pub(crate) name: SecretName,
    pub(crate) kind: RecordKind,
    pub(crate) content: RecordContent,
}

/// What is in the file of a record.
pub(crate) struct RecordContent {
    pub(crate) hash: ContentHash,
    /// Whether this machine has seen a later change of the secret: an older file took its place.
    pub(crate) is_older: bool,
}

impl RecordContent {
    /// That of a file which was recognized.
    fn newest(hash: ContentHash) -> Self {
        Self { hash, is_older: false }
    }
}

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

    /// All records, marks first. The newest files that were seen are recognized without being read.
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
                let kind = place.kind();
                found.extend(content.map(|content| PublishedRecord { name, kind, content }));
            }
        }
        for name in secrets.names()?.iter() {
            let (place, is_marked) = (VersionPlace::Current, marked.contains(&name));
            let content = self.content(&name, place, is_marked, |stamp| seen.find(&name, stamp))?;
            let kind = place.kind();
            found.extend(content.map(|content| PublishedRecord { name, kind, content }));
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
            let records = self.find_kinds(name, &kinds)?;
            let has_value = records.iter().any(|record| record.kind == RecordKind::Value);
            found.extend(records);
            found.extend(if has_value { None } else { self.lost(name) });
        }
        Ok(found)
    }

    /// The last value of a secret whose file is gone or damaged and not marked, as a checkout of an older state removes it.
    fn lost(&self, name: &SecretName) -> Option<PublishedRecord> {
        let seen = self.vault.secrets().seen().of(name);
        let last = seen.highest().filter(|last| last.kind == RecordKind::Value)?;
        let content = RecordContent { hash: last.file, is_older: true };
        Some(PublishedRecord { name: name.clone(), kind: RecordKind::Value, content })
    }

    /// Whether the vault publishes a record of this kind.
    pub(crate) fn has(&self, name: &SecretName, kind: RecordKind) -> Result<bool, VaultError> {
        Ok(!self.find_kinds(name, &[kind])?.is_empty())
    }

    fn find_kinds(
        &self,
        name: &SecretName,
        kinds: &[RecordKind],
    ) -> Result<Vec<PublishedRecord>, VaultError> {
        let secrets = self.vault.secrets();
        let seen = secrets.seen().of(name);
        let is_marked = secrets.has_mark(name, MARKS[0])? || secrets.has_mark(name, MARKS[1])?;
        let mut found = Vec::new();
        for &kind in kinds {
            let place = VersionPlace::of(kind);
            let content = self.content(name, place, is_marked, |stamp| seen.content(stamp))?;
            let name = name.clone();
            found.extend(content.map(|content| PublishedRecord { name, kind, content }));
        }
        Ok(found)
    }

    fn content(
        &self,
        name: &SecretName,
        place: VersionPlace,
        is_marked: bool,
        seen: impl Fn(u64) -> Option<ContentHash>,
    ) -> Result<Option<RecordContent>, VaultError> {
        let Some(file) = self.vault.secrets().locate(name, place)? else { return Ok(None) };
        let Some(id) = file.id()? else { return Ok(None) };
        let opened = match place {
            VersionPlace::Current if is_marked => self.reader.current(name, false),
            VersionPlace::Deleted if self.is_set_again(name)? => return Ok(None),
            _ => match seen(id.stamp()) {
                Some(hash) => return Ok(Some(RecordContent::newest(hash))),
                None => self.reader.open(name, &file),
            },
        };
        match opened {
            Ok(OpenedFile { revision, is_older, .. }) => {
                // A mark may be before a later value.
                let is_older = is_older && place == VersionPlace::Current;
                Ok(revision.map(|revision| RecordContent { hash: revision.file, is_older }))
            }
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
