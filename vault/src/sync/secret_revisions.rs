//! What this machine has of one secret, and where a record of a topic belongs among it.

use fluvio_secret_protocol::{RecordKind, SecretName};

use crate::error::VaultError;
use crate::revisions::revision::Revision;
use crate::revisions::vault_state::SecretState;
use crate::secret_reader::SecretReader;
use crate::secrets::version_place::{MARKS, VersionPlace};
use crate::vault::Vault;

/// The revisions of a secret that this machine has. Files that are not accepted have none.
#[derive(Debug, Default)]
pub(crate) struct SecretRevisions {
    /// Those of the files in the vault.
    pub(crate) in_vault: Vec<(VersionPlace, Revision)>,
    /// The earlier versions, oldest first.
    pub(crate) earlier: Vec<(u64, Option<Revision>)>,
    /// The highest one that this machine has seen, and the newest purge. Their files may be gone.
    pub(crate) seen: Vec<Revision>,
    /// The number of earlier values that are kept.
    pub(crate) depth: usize,
}

/// Where a record belongs.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum RecordUse {
    /// In the vault, in the place of its kind.
    InVault,
    /// In the history, before the versions with these numbers, oldest first.
    Earlier(Vec<u64>),
    /// In the history, in the place of this version: it is the same change, encrypted for other members.
    InsteadOf(u64),
    /// Nowhere: it is there, or what replaces it.
    Known,
}

impl SecretRevisions {
    /// Decrypts all files of a secret.
    pub(crate) fn read(
        vault: &Vault,
        reader: &SecretReader<'_>,
        name: &SecretName,
    ) -> Result<Self, VaultError> {
        let (secrets, history) = (vault.secrets(), vault.secrets().history());
        let mut found = Self { depth: history.depth(), ..Self::default() };
        match reader.open(name, &secrets.current(name)) {
            Ok(file) => {
                let revision = file.revision.map(|revision| (VersionPlace::Current, revision));
                found.in_vault.extend(revision);
            }
            Err(
                VaultError::Missing | VaultError::Damaged { .. } | VaultError::ForOthers { .. },
            ) => {}
            Err(error) => return Err(error),
        }
        for place in MARKS {
            let revision = reader.mark(name, place)?.and_then(|mark| mark.revision);
            found.in_vault.extend(revision.map(|revision| (place, revision)));
        }
        for (version, _) in history.versions(name)?.into_iter().rev() {
            let Some(file) = history.locate(name, version)? else { continue };
            match reader.open(name, &file) {
                Ok(opened) => found.earlier.push((version, opened.revision)),
                Err(VaultError::Missing) => {}
                Err(VaultError::DamagedVersion { .. }) => found.earlier.push((version, None)),
                Err(error) => return Err(error),
            }
        }
        let seen = secrets.seen().of(name);
        found.seen = seen.highest().into_iter().chain(seen.purge()).copied().collect();
        Ok(found)
    }

    /// The revision of the file at a place in the vault.
    pub(crate) fn at(&self, place: VersionPlace) -> Option<&Revision> {
        self.in_vault.iter().find(|(found, _)| *found == place).map(|(_, revision)| revision)
    }

    /// Where a record belongs.
    pub(crate) fn use_of(&self, record: &Revision) -> RecordUse {
        let Some(state) = self.state_with(record) else { return RecordUse::Known };
        let is_kept = match record.kind {
            RecordKind::Purged => state.purge() == Some(record),
            RecordKind::Deleted | RecordKind::Value => state.current() == record,
        };
        let is_there = self.at(VersionPlace::of(record.kind)) == Some(record);
        if is_kept && !is_there {
            return RecordUse::InVault;
        }
        match state.history().contains(record) && !is_there {
            true => self.earlier_use_of(record),
            false => RecordUse::Known,
        }
    }

    /// Where the value belongs that a record replaces: `None` if it is not kept.
    pub(crate) fn use_of_replaced(&self, record: &Revision) -> Option<RecordUse> {
        let replaced = self.at(VersionPlace::Current)?;
        let state = self.state_with(record)?;
        state.history().contains(replaced).then(|| self.earlier_use_of(replaced))
    }

    /// Whether a file here has the same change, and counts as much as this one.
    pub(crate) fn has_change_of(&self, record: &Revision) -> bool {
        let in_vault = self.in_vault.iter().map(|(_, revision)| revision);
        let mut all = in_vault.chain(self.earlier.iter().filter_map(|(_, one)| one.as_ref()));
        all.any(|one| one.is_same_change(record) && one >= record)
    }

    fn state_with(&self, record: &Revision) -> Option<SecretState> {
        let in_vault = self.in_vault.iter().map(|(_, revision)| *revision);
        let earlier = self.earlier.iter().filter_map(|(_, revision)| *revision);
        // The file of a change that was seen may be gone. Then another one of it is as good.
        let seen = self.seen.iter().filter(|seen| !seen.is_same_change(record)).copied();
        SecretState::of(in_vault.chain(earlier).chain(seen).chain([*record]), self.depth)
    }

    fn earlier_use_of(&self, value: &Revision) -> RecordUse {
        let is_same = |one: &Option<Revision>| one.is_some_and(|one| one.is_same_change(value));
        if let Some((version, Some(known))) = self.earlier.iter().find(|(_, one)| is_same(one)) {
            return match known >= value {
                true => RecordUse::Known,
                false => RecordUse::InsteadOf(*version),
            };
        }
        let is_newer = |(_, one): &&(u64, Option<Revision>)| one.is_some_and(|one| one > *value);
        let first = self.earlier.iter().position(|one| is_newer(&one));
        let newer = first.map_or(&[][..], |first| &self.earlier[first..]);
        RecordUse::Earlier(newer.iter().map(|(version, _)| *version).collect())
    }
}
