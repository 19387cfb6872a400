//! Changes of secrets. Writing one is what may be refused; then it is put on the disk and made.
//!
//! Changes of different secrets wait for the disk together.

use std::convert::Infallible;
use std::io;

use fluvio_secret_protocol::{RecordKind, Secret, SecretName};
use fluvio_secret_system::io_error::copy_of;
use fluvio_secret_system::parallel::{DISK_THREADS, cores, in_parallel};
use jiff::Timestamp;

use crate::error::VaultError;
use crate::members::content_hash::ContentHash;
use crate::revisions::revision::Revision;
use crate::secret_reader::SecretReader;
use crate::secrets::file_name::file_of;
use crate::secrets::fingerprint::fingerprint;
use crate::secrets::history::kept_version::KeptVersion;
use crate::secrets::history::seen_lines::SeenFile;
use crate::secrets::secret_with_seen::SecretWithSeen;
use crate::secrets::settle;
use crate::secrets::version_place::VersionPlace;
use crate::secrets::writer::{SealedRecord, SecretWriter, seen_in};
use crate::vault::Vault;
use crate::whole_file::{PreparedFile, WrittenFile};

/// For fewer changes, starting a thread takes longer than it saves.
const MANY_CHANGES: usize = 64;

/// A change that is written, and neither on the disk nor made. Without [`SyncedChange::commit_all`]
/// nothing changes.
#[must_use]
pub struct SecretChange<'a> {
    target: ChangeTarget<'a>,
    written: WrittenFile,
    /// The date that the secret will have.
    pub set_at: Timestamp,
    /// The fingerprint that the secret will have; `None` if it is deleted.
    pub fingerprint: Option<u64>,
    /// The fingerprint of the current version, if that has the same value.
    pub same_as: Option<u64>,
    /// The fingerprint of the earlier version that is restored.
    pub restores: Option<u64>,
}

/// A change that is on the disk, and not made.
#[must_use]
pub struct SyncedChange<'a> {
    target: ChangeTarget<'a>,
    prepared: PreparedFile,
}

struct ChangeTarget<'a> {
    vault: &'a Vault,
    name: SecretName,
    /// Where its record is put: a value, or the mark that the secret is deleted.
    place: VersionPlace,
    revision: Revision,
    /// The version in the history that it was, and that leaves the history.
    restored: Option<u64>,
    /// The version before, once the history has it.
    kept: Option<KeptVersion>,
}

impl<'a> SecretChange<'a> {
    /// Signs and encrypts a value, and writes it beside the one that it will replace.
    ///
    /// # Errors
    ///
    /// Also [`VaultError::Unseen`].
    pub fn set(
        vault: &'a Vault,
        writer: &SecretWriter,
        name: SecretName,
        value: Secret,
    ) -> Result<Self, VaultError> {
        let sealed = writer.seal(vault, &name, RecordKind::Value, value)?;
        Self::write(vault, name, VersionPlace::Current, &sealed)
    }

    /// The same for one of several secrets that are set together.
    pub fn set_known(
        vault: &'a Vault,
        writer: &SecretWriter,
        known: SecretWithSeen,
        value: Secret,
    ) -> Result<Self, VaultError> {
        let sealed = writer.seal_known(vault, &known, value)?;
        Self::write(vault, known.name, VersionPlace::Current, &sealed)
    }

    /// Sets a secret to an earlier value. That is a new change, so it needs the identity.
    pub fn restore(
        vault: &'a Vault,
        writer: &SecretWriter,
        name: SecretName,
        version: u64,
    ) -> Result<Self, VaultError> {
        let file = vault.secrets().history().locate(&name, version)?.ok_or(VaultError::Missing)?;
        let reader = SecretReader::of(vault);
        let opened = reader.open(&name, &file)?;
        let restores = Some(fingerprint(&opened.encrypted));
        let value = opened.record.into_value();
        let same_as = reader.fingerprint_of_same(&name, &value);
        let mut change = Self::set(vault, writer, name, value)?;
        change.target.restored = Some(version);
        Ok(Self { same_as, restores, ..change })
    }

    /// Removes a secret, and marks it as deleted.
    ///
    /// # Errors
    ///
    /// Also [`VaultError::Unseen`].
    pub fn delete(
        vault: &'a Vault,
        writer: &SecretWriter,
        name: SecretName,
    ) -> Result<Self, VaultError> {
        settle::settle(vault, &name);
        if !vault.secrets().has(&name)? {
            return Err(VaultError::Missing);
        }
        let sealed = writer.seal(vault, &name, RecordKind::Deleted, Secret::default())?;
        Self::write(vault, name, VersionPlace::Deleted, &sealed)
    }

    fn write(
        vault: &'a Vault,
        name: SecretName,
        place: VersionPlace,
        sealed: &SealedRecord,
    ) -> Result<Self, VaultError> {
        let written = sealed.write(&vault.secrets().current(&name))?;
        let is_set = place == VersionPlace::Current;
        let fingerprint = is_set.then(|| fingerprint(&sealed.encrypted));
        let (revision, set_at) = (sealed.revision, sealed.set_at());
        let target = ChangeTarget { vault, name, place, revision, restored: None, kept: None };
        Ok(Self { target, written, set_at, fingerprint, same_as: None, restores: None })
    }

    /// Its secret.
    pub fn name(&self) -> &SecretName {
        &self.target.name
    }

    /// Waits until all of these are on the disk.
    pub fn sync_all(changes: Vec<Self>) -> Vec<Result<SyncedChange<'a>, VaultError>> {
        let parts = changes.into_iter().map(|change| (change.target, change.written));
        let (targets, written): (Vec<_>, Vec<_>) = parts.unzip();
        let synced = targets.into_iter().zip(WrittenFile::sync_all(written));
        let synced = synced.map(|(target, prepared)| {
            let prepared = prepared.map_err(|source| target.failed(source))?;
            Ok(SyncedChange { target, prepared })
        });
        synced.collect()
    }

    /// Makes this change alone.
    pub fn commit(self) -> Result<(), VaultError> {
        let synced = Self::sync_all(vec![self]).into_iter().collect::<Result<_, _>>()?;
        SyncedChange::commit_all(synced).into_iter().collect()
    }
}

impl<'a> SyncedChange<'a> {
    /// Makes changes of different secrets, durably. The versions before are then in the history.
    ///
    /// # Errors
    ///
    /// Those of each change. The others are made.
    pub fn commit_all(changes: Vec<Self>) -> Vec<Result<(), VaultError>> {
        match changes.first().map(|change| change.target.vault) {
            Some(vault) => {
                let make = || Self::make_all(changes);
                settle::keep_settled(vault, make, |made| made.iter().all(Result::is_ok))
            }
            None => Vec::new(),
        }
    }

    fn make_all(changes: Vec<Self>) -> Vec<Result<(), VaultError>> {
        let kept = Self::keep_all(changes);
        let put = with_each(kept, |kept| kept.and_then(Self::put));
        // A mark is durable before the file is removed that it marks.
        let marked = match put.iter().flatten().find(|target| target.deletes()) {
            Some(target) => target.vault.secrets().sync_marks(VersionPlace::Deleted),
            None => Ok(()),
        };
        let made = with_each(put, |put| put.and_then(|target| target.remove(&marked)));
        let synced = match made.iter().flatten().next() {
            Some(target) => target.vault.secrets().directory().sync(),
            None => Ok(()),
        };
        let finished = with_each(made, |made| made.and_then(|target| target.finish(&synced)));
        let known = with_each(finished.iter().flatten().collect(), ChangeTarget::seen);
        let known: Vec<_> = known.into_iter().flatten().collect();
        if let Some(target) = finished.iter().flatten().next() {
            target.vault.secrets().seen().learn(&known);
        }
        finished.into_iter().map(|finished| finished.map(|_| ())).collect()
    }

    fn keep_all(changes: Vec<Self>) -> Vec<Result<Self, VaultError>> {
        let has_deletion = changes.iter().any(|change| change.target.deletes());
        let mut changes = changes.into_iter();
        let first = changes.next().map(Self::keep);
        // A second name is given at once. A copy, where there are no such names, waits for the disk.
        let is_copied =
            |kept: &Self| kept.target.kept.as_ref().is_some_and(KeptVersion::is_durable);
        let waits = has_deletion || first.iter().flatten().any(is_copied);
        let threads = if waits { DISK_THREADS } else { threads_for(changes.len()) };
        let Ok(others) =
            in_parallel(threads, changes.collect(), |change| Ok::<_, Infallible>(change.keep()));
        first.into_iter().chain(others).collect()
    }

    /// Keeps the current version in the history, durably if it will be the only copy.
    fn keep(mut self) -> Result<Self, VaultError> {
        let history = self.target.vault.secrets().history();
        self.target.kept = history.keep(&self.target.name)?;
        if let (true, Some(kept)) = (self.target.deletes(), &self.target.kept) {
            history.make_durable(kept).map_err(|source| self.target.undone(source))?;
        }
        Ok(self)
    }

    /// Gives the file its name, which is durable after the sync of its directory.
    fn put(self) -> Result<ChangeTarget<'a>, VaultError> {
        let Self { target, prepared } = self;
        let secrets = target.vault.secrets();
        let directory = secrets.make_marks(target.place)?;
        prepared.rename_into(&directory).map_err(|source| target.undone(source))?;
        Ok(target)
    }
}

impl ChangeTarget<'_> {
    fn deletes(&self) -> bool {
        self.place == VersionPlace::Deleted
    }

    /// Removes what does not count beside the file that was put there.
    fn remove(self, marked: &io::Result<()>) -> Result<Self, VaultError> {
        let secrets = self.vault.secrets();
        if self.deletes() {
            marked.as_ref().map_err(|error| self.failed(copy_of(error)))?;
            let removed = secrets.directory().remove(&file_of(&self.name));
            removed.map_err(|source| {
                secrets.remove_mark(&self.name, self.place);
                self.undone(source)
            })?;
        } else if self.is_after_deletion()? {
            secrets.remove_mark(&self.name, VersionPlace::Deleted);
        }
        self.vault.forget_file_key(&self.name);
        Ok(self)
    }

    /// Whether this change follows the mark of a deletion. It does not if the mark is not accepted yet.
    fn is_after_deletion(&self) -> Result<bool, VaultError> {
        let Some(file) = self.vault.secrets().locate(&self.name, VersionPlace::Deleted)? else {
            return Ok(false);
        };
        let Ok(encrypted) = file.read() else { return Ok(false) };
        let seen = self.vault.secrets().seen().of(&self.name);
        let is_seen = seen.find(RecordKind::Deleted, ContentHash::of(&encrypted)).is_some();
        let reader = SecretReader::of(self.vault);
        Ok(is_seen || reader.record(&self.name, &file, &encrypted).is_ok())
    }

    fn failed(&self, source: io::Error) -> VaultError {
        self.vault.secrets().current(&self.name).failed(source)
    }

    /// The error of a change that was not made.
    fn undone(&self, source: io::Error) -> VaultError {
        self.kept.iter().for_each(|kept| self.vault.secrets().history().undo(kept));
        self.failed(source)
    }

    /// Shortens the history, if the directory was synced.
    fn finish(self, synced: &io::Result<()>) -> Result<Self, VaultError> {
        synced.as_ref().map_err(|error| self.failed(copy_of(error)))?;
        let history = self.vault.secrets().history();
        match self.restored {
            Some(version) => {
                history.remove_restored(&self.name, version);
                history.shorten(&self.name);
            }
            None => self.kept.iter().for_each(|kept| history.prune(kept)),
        }
        Ok(self)
    }

    fn seen(&self) -> Option<(SecretName, SeenFile)> {
        let file = self.vault.secrets().locate(&self.name, self.place).ok().flatten()?;
        Some((self.name.clone(), seen_in(&self.revision, &file)?))
    }
}

/// Does the same with each of these.
fn with_each<T: Send, U: Send>(items: Vec<T>, work: impl Fn(T) -> U + Sync) -> Vec<U> {
    let Ok(done) =
        in_parallel(threads_for(items.len()), items, |item| Ok::<_, Infallible>(work(item)));
    done
}

fn threads_for(changes: usize) -> usize {
    if changes < MANY_CHANGES { 1 } else { cores() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{SecretChange, SyncedChange};
    use crate::error::VaultError;
    use crate::tests::{Home, delete, files, read, remove, restore, set, write};

    /// Makes changes together; whether each is made.
    fn commit<'a>(changes: impl IntoIterator<Item = SecretChange<'a>>) -> Vec<bool> {
        let synced = SecretChange::sync_all(changes.into_iter().collect()).into_iter();
        let made = SyncedChange::commit_all(synced.collect::<Result<_, _>>().expect("synced"));
        made.iter().map(Result::is_ok).collect()
    }

    #[test]
    fn a_change_that_fails_leaves_the_others_of_its_group() {
        let home = Home::new();
        let vault = home.open().expect("a vault");
        for secret in ["A", "B", "GONE", "OLD"] {
            set(&vault, secret, b"one");
        }
        set(&vault, "OLD", b"two");
        let write = |secret| write(&vault, secret, b"three").expect("written");
        let stuck = write("STUCK");
        fs::create_dir(home.file("STUCK")).expect("a directory in its place");
        let lost = write("B");
        // What was written is taken away before it gets its name.
        for file in files(&home.vault_path()).iter().filter(|file| file.starts_with(".tmp-")) {
            fs::remove_file(home.vault_path().join(file)).expect("removed");
        }
        let restored = restore(&vault, "OLD", 1).expect("written");
        let gone = remove(&vault, "GONE").expect("it is there");
        let made = commit([write("A"), stuck, gone, lost, restored, write("NEW")]);
        assert_eq!(made, [true, false, true, false, true, true]);
        for (secret, value) in [("A", "three"), ("B", "one"), ("OLD", "one"), ("NEW", "three")] {
            assert_eq!(read(&vault, secret).expect("a value"), value.as_bytes(), "{secret}");
        }
        assert!(matches!(read(&vault, "GONE"), Err(VaultError::Missing)));
        let histories = ["A", "B", "GONE", "NEW", "OLD"].map(|secret| home.history(secret).len());
        assert_eq!(histories, [1, 0, 1, 0, 1]);
        let left: Vec<_> = files(&home.vault_path())
            .into_iter()
            .filter(|file| file.starts_with(".tmp-"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }

    #[test]
    fn a_file_that_is_gone_is_not_deleted_and_the_others_are() {
        let home = Home::new();
        let vault = home.open().expect("a vault");
        ["A", "B"].iter().for_each(|secret| _ = set(&vault, secret, b"one"));
        let changes = ["A", "B"].map(|secret| remove(&vault, secret).expect("there"));
        fs::remove_file(home.file("A")).expect("removed");
        assert_eq!(commit(changes), [false, true]);
        assert!(matches!(delete(&vault, "B"), Err(VaultError::Missing)));
    }
}
