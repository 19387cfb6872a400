//! Two files of one secret that machines have changed apart become one.

use std::time::SystemTime;

use fluvio_secret_protocol::{RecordKind, SecretName};

use crate::error::VaultError;
use crate::revisions::revision::Revision;
use crate::revisions::vault_state::SecretState;
use crate::secret_reader::SecretReader;
use crate::secrets::secret_revisions::{EarlierPlace, SecretRevisions};
use crate::secrets::version_file::VersionFile;
use crate::secrets::version_place::VersionPlace;
use crate::vault::Vault;

/// A merge that is possible. Without [`SecretMerge::commit`] nothing changes.
#[must_use]
pub struct SecretMerge<'a> {
    vault: &'a Vault,
    name: SecretName,
    /// Whether the second file counts.
    pub takes_theirs: bool,
    /// The other value, which is not lost, and its revision.
    other: Option<(Vec<u8>, Option<Revision>)>,
}

impl<'a> SecretMerge<'a> {
    /// Decrypts both files, which are in the place of records of this kind, and finds the one with the higher
    /// revision.
    ///
    /// # Errors
    ///
    /// [`VaultError::Locked`], and [`VaultError::Damaged`] if one of them is not accepted.
    pub fn prepare(
        vault: &'a Vault,
        name: SecretName,
        kind: RecordKind,
        [ours, theirs]: [Vec<u8>; 2],
    ) -> Result<Self, VaultError> {
        let place = VersionPlace::of(kind);
        let file = VersionFile { place, ..vault.secrets().current(&name) };
        let reader = SecretReader::of(vault);
        let [our, their] = [&ours, &theirs].map(|bytes| reader.revision_of(&name, &file, bytes));
        let (our, their) = (our?, their?);
        let state = SecretState::of([our, their].into_iter().flatten(), 1);
        let takes_theirs = match &state {
            Some(state) => our.as_ref() != Some(state.current()),
            // Neither has a signature.
            None => theirs > ours,
        };
        let (winner, other, lower) =
            if takes_theirs { (&theirs, &ours, our) } else { (&ours, &theirs, their) };
        // The list of members that it is written for may come with the same merge, after this. Until it is here, anyone
        // could have written it.
        reader.record(&name, &file, winner)?;
        // The same change that was encrypted again is no other value.
        let mut is_kept = match (&lower, &state) {
            (Some(lower), Some(state)) => state.history().contains(lower),
            _ => kind == RecordKind::Value,
        };
        if is_kept && let Err(error) = reader.record(&name, &file, other) {
            // For new members an admin has signed what is in the history here. Nothing else comes into it unverified.
            match lower {
                Some(lower) if reader.has_earlier(&name, &lower)? => is_kept = false,
                _ => return Err(error),
            }
        }
        let other = other.clone();
        let other = is_kept.then_some((other, lower));
        Ok(Self { vault, name, takes_theirs, other })
    }

    /// Keeps the value that does not count in the history, durably, and returns its version. The caller puts the other
    /// file into its place.
    pub fn commit(self) -> Result<Option<u64>, VaultError> {
        let Self { vault, name, other, .. } = self;
        let Some((encrypted, revision)) = other else { return Ok(None) };
        let history = vault.secrets().history();
        // One without a signature has no place among the others.
        let Some(revision) = revision else {
            return history.add(&name, &encrypted, None).map(Some);
        };
        let found = SecretRevisions::read(vault, &SecretReader::of(vault), &name)?;
        let place = match found.earlier_place(&revision) {
            // It would be removed again.
            Ok(EarlierPlace::Before(newer)) if newer.len() >= found.depth => return Ok(None),
            Ok(place) => place,
            Err(version) => return Ok(Some(version)),
        };
        let date = SystemTime::try_from(revision.set_at).ok();
        let insertion = history.prepare_insertion(&name, &place, &encrypted, date)?;
        let version = history.insert(&name, insertion)?;
        history.shorten(&name);
        Ok(Some(version))
    }
}
