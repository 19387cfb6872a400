//! Changes of secrets. Writing one is what may be refused; then it is put on the disk and made.
//!
//! Changes of different secrets wait for the disk together.

use std::convert::Infallible;
use std::io;
use std::time::SystemTime;

use fluvio_secret_protocol::{Secret, SecretName};
use fluvio_secret_system::io_error::copy_of;
use fluvio_secret_system::parallel::{DISK_THREADS, in_parallel};
use jiff::Timestamp;

use crate::error::VaultError;
use crate::keys::encryption::encrypt;
use crate::keys::identity::Recipient;
use crate::secrets::file_name::file_of;
use crate::secrets::fingerprint::fingerprint;
use crate::secrets::history::version_history::KeptVersion;
use crate::secrets::record::{BadRecord, Record};
use crate::vault::Vault;
use crate::whole_file::{PreparedFile, WrittenFile};

/// A change that is written, and neither on the disk nor made. Without [`SyncedChange::commit_all`]
/// nothing changes.
#[must_use]
pub struct SecretChange<'a> {
    target: ChangeTarget<'a>,
    /// `None` removes the secret.
    written: Option<WrittenFile>,
    /// The date that the secret will have.
    pub set_at: Timestamp,
    /// The fingerprint that the secret will have.
    pub fingerprint: Option<u64>,
    /// The fingerprint of the current version, if that has the same value.
    pub same_as: Option<u64>,
}

/// A change that is on the disk, and not made.
#[must_use]
pub struct SyncedChange<'a> {
    target: ChangeTarget<'a>,
    prepared: Option<PreparedFile>,
}

struct ChangeTarget<'a> {
    vault: &'a Vault,
    name: SecretName,
    /// The version in the history that it was, and that leaves the history.
    restored: Option<u64>,
    /// The version before, once the history has it.
    kept: Option<KeptVersion>,
}

impl<'a> SecretChange<'a> {
    /// Encrypts a value and writes it beside the one that it will replace. The recipients are those of
    /// [`Vault::recipients`].
    pub fn set(
        vault: &'a Vault,
        recipients: &[Recipient],
        name: SecretName,
        value: Secret,
    ) -> Result<Self, VaultError> {
        let encrypted = encrypted(recipients, &name, value);
        let (encrypted, set_at) =
            encrypted.map_err(|source| vault.secrets().current(&name).failed(source))?;
        Self::write(vault, name, &encrypted, set_at)
    }

    /// Writes an earlier version beside the current one. Its bytes stay as they are, so this works while
    /// the vault is locked. Otherwise they must be a version of this secret.
    pub fn restore(vault: &'a Vault, name: SecretName, version: u64) -> Result<Self, VaultError> {
        let file = vault.secrets().history().locate(&name, version)?.ok_or(VaultError::Missing)?;
        let encrypted = file.read()?;
        let same_as = match vault.keys().with(|keys| keys.decrypt(&encrypted)) {
            Ok(plain) => {
                let record = plain.map_err(BadRecord::from);
                let record = record.and_then(|plain| Record::of(&name, &plain));
                let record = record.map_err(|why| file.damaged(why))?;
                vault.fingerprint_of_same(&name, &record.value)
            }
            Err(VaultError::IdentityLost { .. } | VaultError::Locked { .. }) => None,
            Err(error) => return Err(error),
        };
        // Its date in `list` is that of now.
        let set_at = now().map_err(|source| vault.secrets().current(&name).failed(source))?;
        let mut change = Self::write(vault, name, &encrypted, set_at)?;
        change.target.restored = Some(version);
        Ok(Self { same_as, ..change })
    }

    /// Removes a secret.
    pub fn delete(vault: &'a Vault, name: SecretName) -> Result<Self, VaultError> {
        if !vault.secrets().has(&name)? {
            return Err(VaultError::Missing);
        }
        let set_at = now().map_err(|source| vault.secrets().current(&name).failed(source))?;
        let target = ChangeTarget { vault, name, restored: None, kept: None };
        Ok(Self { target, written: None, set_at, fingerprint: None, same_as: None })
    }

    fn write(
        vault: &'a Vault,
        name: SecretName,
        encrypted: &[u8],
        set_at: Timestamp,
    ) -> Result<Self, VaultError> {
        let date = SystemTime::try_from(set_at).ok();
        let written = Some(vault.secrets().current(&name).write(encrypted, date)?);
        let fingerprint = Some(fingerprint(encrypted));
        let target = ChangeTarget { vault, name, restored: None, kept: None };
        Ok(Self { target, written, set_at, fingerprint, same_as: None })
    }

    /// Its secret.
    pub fn name(&self) -> &SecretName {
        &self.target.name
    }

    /// Waits until all of these are on the disk.
    pub fn sync_all(changes: Vec<Self>) -> Vec<Result<SyncedChange<'a>, VaultError>> {
        let Ok(synced) =
            in_parallel(DISK_THREADS, changes, |change| Ok::<_, Infallible>(change.sync()));
        synced
    }

    fn sync(self) -> Result<SyncedChange<'a>, VaultError> {
        let Self { target, written, .. } = self;
        let prepared = written.map(WrittenFile::sync).transpose();
        let prepared = prepared.map_err(|source| target.failed(source))?;
        Ok(SyncedChange { target, prepared })
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
        let Ok(kept) =
            in_parallel(DISK_THREADS, changes, |change| Ok::<_, Infallible>(change.keep()));
        let made: Vec<_> = kept.into_iter().map(|kept| kept.and_then(Self::make)).collect();
        let synced = match made.iter().flatten().next() {
            Some(target) => target.vault.secrets().directory().sync(),
            None => Ok(()),
        };
        made.into_iter().map(|made| made.and_then(|target| target.finish(&synced))).collect()
    }

    /// Keeps the current version in the history, durably if it will be the only copy.
    fn keep(mut self) -> Result<Self, VaultError> {
        let history = self.target.vault.secrets().history();
        self.target.kept = history.keep(&self.target.name)?;
        if let (None, Some(kept)) = (&self.prepared, &self.target.kept) {
            history.make_durable(kept).map_err(|source| self.target.undone(source))?;
        }
        Ok(self)
    }

    /// Replaces or removes the file, which is durable after the sync of its directory.
    fn make(self) -> Result<ChangeTarget<'a>, VaultError> {
        let Self { target, prepared } = self;
        let directory = target.vault.secrets().directory();
        let made = match prepared {
            Some(prepared) => prepared.rename_into(directory),
            None => directory.remove(&file_of(&target.name)),
        };
        made.map_err(|source| target.undone(source))?;
        target.vault.forget_file_key(&target.name);
        Ok(target)
    }
}

impl ChangeTarget<'_> {
    fn failed(&self, source: io::Error) -> VaultError {
        self.vault.secrets().current(&self.name).failed(source)
    }

    /// The error of a change that was not made.
    fn undone(&self, source: io::Error) -> VaultError {
        self.kept.iter().for_each(|kept| self.vault.secrets().history().undo(kept));
        self.failed(source)
    }

    /// Shortens the history, if the directory was synced.
    fn finish(self, synced: &io::Result<()>) -> Result<(), VaultError> {
        synced.as_ref().map_err(|error| self.failed(copy_of(error)))?;
        let history = self.vault.secrets().history();
        if let Some(version) = self.restored {
            history.remove_restored(&self.name, version);
        }
        self.kept.iter().for_each(|kept| history.prune(kept));
        Ok(())
    }
}

fn encrypted(
    recipients: &[Recipient],
    name: &SecretName,
    value: Secret,
) -> io::Result<(Vec<u8>, Timestamp)> {
    let set_at = now()?;
    let record = Record { name: name.clone(), set_at, value };
    Ok((encrypt(recipients, &record.encode()?)?, set_at))
}

/// Whole seconds, which every file system keeps.
fn now() -> io::Result<Timestamp> {
    Timestamp::from_second(Timestamp::now().as_second()).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{SecretChange, SyncedChange};
    use crate::error::VaultError;
    use crate::tests::{Home, delete, files, name, read, set, write};

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
        let restored = SecretChange::restore(&vault, name("OLD"), 1).expect("written");
        let gone = SecretChange::delete(&vault, name("GONE")).expect("it is there");
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
        let changes =
            ["A", "B"].map(|secret| SecretChange::delete(&vault, name(secret)).expect("there"));
        fs::remove_file(home.file("A")).expect("removed");
        assert_eq!(commit(changes), [false, true]);
        assert!(matches!(delete(&vault, "B"), Err(VaultError::Missing)));
    }
}
