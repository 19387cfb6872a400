//! What this machine has of one secret, and where a record of another machine belongs among it.

use fluvio_secret_protocol::{RecordKind, SecretName};

use crate::error::VaultError;
use crate::revisions::revision::Revision;
use crate::revisions::vault_state::SecretState;
use crate::secret_reader::{OpenedFile, SecretReader};
use crate::secrets::version_place::{MARKS, VersionPlace};
use crate::vault::Vault;

/// The revisions of a secret that this machine has. Files that are not accepted have none.
#[derive(Default)]
pub(crate) struct SecretRevisions {
    /// The file of the secret, if it is accepted.
    pub(crate) current: Option<OpenedFile>,
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
    /// In the history.
    Earlier(EarlierPlace),
    /// Nowhere: it is there, or what replaces it.
    Known,
}

/// Where a value belongs in the history.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum EarlierPlace {
    /// Before the versions with these numbers, oldest first.
    Before(Vec<u64>),
    /// In the place of this version: it is the same change, encrypted for other members.
    InsteadOf(u64),
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
                found.current = Some(file);
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
        // A killed change may leave the current version there, too.
        for version in history.all(name)? {
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
        match (is_there, is_kept, state.history().contains(record)) {
            (false, true, _) => RecordUse::InVault,
            (false, false, true) => {
                self.earlier_place(record).map_or(RecordUse::Known, RecordUse::Earlier)
            }
            _ => RecordUse::Known,
        }
    }

    /// Where the value belongs that a record replaces, as in [`SecretRevisions::earlier_place`]; `None` if it is not
    /// kept.
    pub(crate) fn place_of_replaced(&self, record: &Revision) -> Option<Result<EarlierPlace, u64>> {
        let replaced = self.at(VersionPlace::Current)?;
        let is_kept = self.state_with(record)?.history().contains(replaced);
        is_kept.then(|| self.earlier_place(replaced))
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

    /// Where a value belongs in the history, if it is kept there.
    ///
    /// # Errors
    ///
    /// The version that it is.
    pub(crate) fn earlier_place(&self, value: &Revision) -> Result<EarlierPlace, u64> {
        let is_same = |one: &Option<Revision>| one.is_some_and(|one| one.is_same_change(value));
        if let Some((version, Some(known))) = self.earlier.iter().find(|(_, one)| is_same(one)) {
            return match known >= value {
                true => Err(*version),
                false => Ok(EarlierPlace::InsteadOf(*version)),
            };
        }
        let is_newer = |(_, one): &(u64, Option<Revision>)| one.is_some_and(|one| one > *value);
        let first = self.earlier.iter().position(is_newer);
        let newer = first.map_or(&[][..], |first| &self.earlier[first..]);
        Ok(EarlierPlace::Before(newer.iter().map(|(version, _)| *version).collect()))
    }
}
