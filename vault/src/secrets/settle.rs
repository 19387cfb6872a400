//! Removes what other machines have deleted or purged, where git brought both the file and the mark of its removal.
//!
//! Readers need none of this: for them the later record counts.

use fluvio_secret_protocol::SecretName;

use crate::error::VaultError;
use crate::secret_reader::SecretReader;
use crate::secrets::file_name::file_of;
use crate::secrets::version_place::{MARKS, VersionPlace};
use crate::vault::{SettledMarks, Vault};

/// Settles the marks of a vault, if any came since it was done last. A failure is logged: the next change tries
/// again.
pub(crate) fn settle_if_changed(vault: &Vault) {
    let settled = marks_of(vault).and_then(|before| {
        if *vault.settled() == Some(before) {
            return Ok(());
        }
        settle_all(vault)?;
        *vault.settled() = Some(marks_of(vault)?);
        Ok(())
    });
    warn_unless_locked(settled);
}

/// Settles the marks of one secret before it is changed: git may have brought its file, and no mark.
pub(crate) fn settle(vault: &Vault, name: &SecretName) {
    let settle = || {
        let is_marked = |place| vault.secrets().has_mark(name, place);
        if is_marked(MARKS[0])? || is_marked(MARKS[1])? {
            settle_one(vault, &SecretReader::of(vault), name)?;
        }
        Ok(())
    };
    warn_unless_locked(settle());
}

/// Settles the marks of one secret, one of which has just come from another machine.
pub(crate) fn settle_removed(vault: &Vault, name: &SecretName) -> Result<(), VaultError> {
    settle_one(vault, &SecretReader::of(vault), name)
}

/// Makes a change of this machine, after which nothing has to be settled that was settled before, if it `is_made`.
pub(crate) fn keep_settled<T>(
    vault: &Vault,
    change: impl FnOnce() -> T,
    is_made: impl FnOnce(&T) -> bool,
) -> T {
    let before = marks_of(vault).ok();
    let was_settled = before.is_some() && *vault.settled() == before;
    let changed = change();
    if was_settled
        && is_made(&changed)
        && let Ok(now) = marks_of(vault)
    {
        *vault.settled() = Some(now);
    }
    changed
}

/// The state of the directories of marks.
fn marks_of(vault: &Vault) -> Result<SettledMarks, VaultError> {
    let directory = vault.secrets().directory();
    let id = |place: VersionPlace| match place.directory() {
        Some(marks) => directory.file_id(marks),
        None => Ok(None),
    };
    let failed = |source| VaultError::Storage { path: vault.path().to_owned(), source };
    Ok([id(MARKS[0]).map_err(failed)?, id(MARKS[1]).map_err(failed)?])
}

fn warn_unless_locked(settled: Result<(), VaultError>) {
    match settled {
        // Without a key nothing can be compared.
        Ok(()) | Err(VaultError::Locked { .. } | VaultError::IdentityLost { .. }) => {}
        Err(error) => tracing::warn!("cannot remove what was deleted elsewhere: {error}"),
    }
}

fn settle_all(vault: &Vault) -> Result<(), VaultError> {
    let secrets = vault.secrets();
    let reader = SecretReader::of(vault);
    secrets.marked()?.iter().try_for_each(|name| settle_one(vault, &reader, name))
}

fn settle_one(
    vault: &Vault,
    reader: &SecretReader<'_>,
    name: &SecretName,
) -> Result<(), VaultError> {
    let secrets = vault.secrets();
    if secrets.has(name)? {
        settle_current(vault, reader, name)?;
    }
    if secrets.history().has(name)? {
        settle_history(vault, reader, name)?;
    }
    Ok(())
}

/// Removes the current version of a secret if it was removed later, or else the mark that it was deleted.
fn settle_current(
    vault: &Vault,
    reader: &SecretReader<'_>,
    name: &SecretName,
) -> Result<(), VaultError> {
    let secrets = vault.secrets();
    match reader.current(name, false) {
        Ok(current) => {
            // One that is not accepted may be of a member whom this machine does not know yet.
            let deleted = reader.mark(name, VersionPlace::Deleted)?;
            if deleted.is_some_and(|mark| mark.revision < current.revision) {
                secrets.remove_mark(name, VersionPlace::Deleted);
            }
        }
        Err(VaultError::Missing) => {
            let deleted = reader.mark(name, VersionPlace::Deleted)?.and_then(|mark| mark.revision);
            let purged = reader.mark(name, VersionPlace::Purged)?.and_then(|mark| mark.revision);
            // A deletion keeps the value, and a purge does not.
            if deleted > purged
                && let Some(kept) = secrets.history().keep(name)?
            {
                let durable = secrets.history().make_durable(&kept);
                durable.map_err(|source| secrets.current(name).failed(source))?;
                secrets.history().prune(&kept);
            }
            let directory = secrets.directory();
            let removed = directory.remove_if_there(&file_of(name));
            let removed = removed.and_then(|()| directory.sync());
            removed.map_err(|source| secrets.current(name).failed(source))?;
            vault.forget_file_key(name);
        }
        // It stays, like everything that cannot be read.
        Err(VaultError::Damaged { .. } | VaultError::ForOthers { .. }) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Removes the earlier versions from before a purge.
fn settle_history(
    vault: &Vault,
    reader: &SecretReader<'_>,
    name: &SecretName,
) -> Result<(), VaultError> {
    let Some(purge) = reader.mark(name, VersionPlace::Purged)? else { return Ok(()) };
    let history = vault.secrets().history();
    let mut purged = Vec::new();
    for (version, _) in history.versions(name)? {
        let Some(file) = history.locate(name, version)? else { continue };
        match reader.open(name, &file) {
            Ok(opened) if opened.revision > purge.revision => {}
            // Also a version that is no longer accepted.
            Ok(_) | Err(VaultError::DamagedVersion { .. }) => purged.push(version),
            Err(error) => return Err(error),
        }
    }
    if purged.is_empty() { Ok(()) } else { history.remove(name, &purged) }
}
