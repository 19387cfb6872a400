//! Encrypts the secrets and their earlier versions again, for other recipients.
//!
//! Values, dates and numbers of versions stay. Each file is replaced whole, so the keys in the
//! identity file decrypt all of them at any time. A run that was killed begins again.

use std::collections::BTreeSet;
use std::mem;

use fluvio_secret_protocol::{SecretName, limits};
use fluvio_secret_system::file_id::FileId;
use fluvio_secret_system::parallel::{DISK_THREADS, in_parallel};
use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::keys::encryption::{DecryptFailure, count_recipients, encrypt};
use crate::keys::identity::Recipient;
use crate::keys::keyring::Keyring;
use crate::secrets::fingerprint::fingerprint;
use crate::vault::Vault;
use crate::whole_file::WrittenFile;

/// The most files that are written before they are synced, and the most bytes.
const BATCH_FILES: usize = 64;
const BATCH_BYTES: usize = 4 << 20;

/// What happens on the way, for a caller that shows it.
#[derive(Clone, Copy, Debug)]
pub enum ReencryptStep<'a> {
    /// A secret is about to get other bytes, with the same value.
    Same {
        /// The secret.
        name: &'a SecretName,
        /// The fingerprint of its bytes before.
        before: u64,
        /// The fingerprint of its bytes after.
        after: u64,
    },
    /// Some secrets are done.
    Done {
        /// These.
        names: &'a [SecretName],
        /// The number of secrets that are done.
        done: usize,
        /// The number of all secrets.
        all: usize,
    },
}

#[derive(Debug, Default)]
pub(crate) struct ReencryptCounts {
    pub(crate) secrets: usize,
    pub(crate) versions: usize,
    /// Secrets of which a version could not be decrypted, and was left as it is.
    left: BTreeSet<SecretName>,
}

#[derive(Clone, Copy)]
pub(crate) enum ReencryptScope {
    All,
    /// What the other recipients could not: the earlier versions, which do not travel, and secrets with
    /// another number of recipients.
    ByCount,
    /// What the current key does not decrypt.
    NotByCurrent,
}

pub(crate) struct Reencryption<'a> {
    vault: &'a Vault,
    recipients: &'a [Recipient],
    what: ReencryptScope,
    report: &'a mut dyn FnMut(ReencryptStep<'_>),
    batch: ReencryptBatch,
    /// Secrets that another program has changed in the meantime.
    again: Vec<SecretName>,
    counts: ReencryptCounts,
    done: usize,
    all: usize,
}

/// Files that are written and do not have their names yet.
#[derive(Default)]
struct ReencryptBatch {
    written: Vec<(SecretName, WrittenFile)>,
    targets: Vec<ReencryptTarget>,
    names: Vec<SecretName>,
    bytes: usize,
}

/// The version that a file replaces.
struct ReencryptTarget {
    /// The file that was read. Another one may be there now.
    file_id: Option<FileId>,
    version: Option<u64>,
    /// Of the current version, before and after.
    fingerprints: Option<[u64; 2]>,
}

impl<'a> Reencryption<'a> {
    pub(crate) fn new(
        vault: &'a Vault,
        recipients: &'a [Recipient],
        what: ReencryptScope,
        report: &'a mut dyn FnMut(ReencryptStep<'_>),
    ) -> Self {
        Self {
            vault,
            recipients,
            what,
            report,
            batch: ReencryptBatch::default(),
            again: Vec::new(),
            counts: ReencryptCounts::default(),
            done: 0,
            all: 0,
        }
    }

    pub(crate) fn run(mut self) -> Result<ReencryptCounts, VaultError> {
        let mut names = self.vault.secrets().all_names()?;
        self.all = names.len();
        while !names.is_empty() {
            for name in names {
                for version in self.vault.secrets().all_versions(&name)? {
                    self.version(&name, version)?;
                }
                self.batch.names.push(name);
            }
            self.flush()?;
            names = mem::take(&mut self.again);
        }
        self.vault.secrets().sync()?;
        Ok(self.counts)
    }

    fn version(&mut self, name: &SecretName, version: Option<u64>) -> Result<(), VaultError> {
        let Some(file) = self.vault.secrets().locate(name, version)? else { return Ok(()) };
        let file_id = file.id()?;
        let encrypted = match file.read() {
            Ok(encrypted) => encrypted,
            // Another program removed it.
            Err(VaultError::Missing) => return Ok(()),
            Err(VaultError::Damaged { .. } | VaultError::DamagedVersion { .. }) => {
                self.counts.left.insert(name.clone());
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        // One at a time, so that a lock does not wait for all.
        let decrypt = |keys: &Keyring| self.decrypt(keys, &encrypted, version.is_none());
        let plain = match self.vault.keys().with(decrypt)? {
            None => return Ok(()),
            Some(Ok(plain)) => plain,
            Some(Err(_)) => {
                self.counts.left.insert(name.clone());
                return Ok(());
            }
        };
        let before = version.is_none().then(|| fingerprint(&encrypted));
        // A record of another secret stays one.
        let encrypted = encrypt(self.recipients, &plain).map_err(|source| file.failed(source))?;
        let written = file.write(&encrypted, file.date()?)?;
        let fingerprints = before.map(|before| [before, fingerprint(&encrypted)]);
        self.batch.written.push((name.clone(), written));
        self.batch.targets.push(ReencryptTarget { file_id, version, fingerprints });
        self.batch.bytes += encrypted.len();
        // Even in the middle of a secret, which may have a thousand versions.
        if self.batch.written.len() >= BATCH_FILES || self.batch.bytes >= BATCH_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Decrypts what is to be encrypted again; `None` for everything else.
    fn decrypt(
        &self,
        keys: &Keyring,
        encrypted: &[u8],
        is_current: bool,
    ) -> Option<Result<Zeroizing<Vec<u8>>, DecryptFailure>> {
        let is_due = match self.what {
            ReencryptScope::All => true,
            ReencryptScope::ByCount => {
                !is_current || count_recipients(encrypted) != self.recipients.len()
            }
            ReencryptScope::NotByCurrent => keys.decrypt_by_current(encrypted).is_err(),
        };
        is_due.then(|| keys.decrypt(encrypted))
    }

    /// Gives the files of the batch their names.
    fn flush(&mut self) -> Result<(), VaultError> {
        let ReencryptBatch { written, targets, names, bytes: _ } = mem::take(&mut self.batch);
        let secrets = self.vault.secrets();
        let mut histories = BTreeSet::new();
        let synced = in_parallel(DISK_THREADS, written, |(name, file)| {
            let prepared = file.sync().map_err(|source| secrets.current(&name).failed(source))?;
            Ok::<_, VaultError>((name, prepared))
        })?;
        for ((name, prepared), target) in synced.into_iter().zip(targets) {
            let file = match secrets.locate(&name, target.version)? {
                Some(file) if file.id()? == target.file_id => file,
                // What another program has put there since is newer.
                _ => {
                    self.again.push(name);
                    continue;
                }
            };
            if let Some([before, after]) = target.fingerprints {
                (self.report)(ReencryptStep::Same { name: &name, before, after });
            }
            file.replace(prepared)?;
            match target.version {
                None => {
                    self.vault.keys().forget_file_key(&name);
                    self.counts.secrets += 1;
                }
                Some(_) => {
                    self.counts.versions += 1;
                    histories.insert(name);
                }
            }
        }
        let histories = histories.into_iter().collect();
        in_parallel(DISK_THREADS, histories, |name| secrets.history().sync(&name))?;
        self.done = self.all.min(self.done + names.len());
        let done = match self.what {
            ReencryptScope::All | ReencryptScope::ByCount => self.done,
            // An earlier run has done all.
            ReencryptScope::NotByCurrent => self.all,
        };
        (self.report)(ReencryptStep::Done { names: &names, done, all: self.all });
        Ok(())
    }
}

impl ReencryptCounts {
    /// Adds those of a second run, which has seen again what the first one left.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.secrets += other.secrets;
        self.versions += other.versions;
        self.left.extend(other.left);
        self
    }

    /// The secrets of which something was left, as many as an answer has room for.
    pub(crate) fn left(&self) -> Vec<SecretName> {
        self.left.iter().take(limits::LEFT_NAMES).cloned().collect()
    }
}
