//! Encrypts the secrets and their earlier versions again, for other recipients.
//!
//! Values, dates and numbers of versions stay. Each file is replaced whole, so the keys in the
//! identity file decrypt all of them at any time. A run that was killed begins again.

use std::collections::BTreeSet;
use std::mem;
use std::vec::IntoIter;

use fluvio_secret_protocol::{SecretName, limits};
use fluvio_secret_system::file_id::FileId;
use fluvio_secret_system::parallel::{DISK_THREADS, beside, cores, in_parallel};

use crate::error::VaultError;
use crate::rekey::scope::ReencryptScope;
use crate::revisions::revision::{LARGEST_COUNTER, Revision};
use crate::revisions::verifier::OpenedRecord;
use crate::secret_reader::SecretReader;
use crate::secrets::fingerprint::fingerprint;
use crate::secrets::names::{Names, NamesIntoIter};
use crate::secrets::version_file::VersionFile;
use crate::secrets::version_place::{IN_VAULT, VersionPlace};
use crate::secrets::writer::{SecretWriter, seen_in};
use crate::vault::Vault;
use crate::whole_file::{PreparedFile, WrittenFile};

/// The most files that are written before they are synced, and the most bytes.
const BATCH_FILES: usize = 64;
const BATCH_BYTES: u64 = 4 << 20;

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
    /// Any secret may be changed before this returns.
    Pause,
    /// Some secrets are done.
    Done {
        /// Those of them that have other bytes.
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
    /// The number of marks of removals.
    pub(crate) marks: usize,
    /// Secrets of which a version could not be decrypted, and was left as it is.
    left: BTreeSet<SecretName>,
}

pub(crate) struct Reencryption<'a> {
    files: ReencryptFiles<'a>,
    report: &'a mut dyn FnMut(ReencryptStep<'_>),
    names: NamesIntoIter,
    /// A secret whose other versions did not fit into the batch.
    split: Option<SplitSecret>,
    /// Secrets that were changed in the meantime.
    again: BTreeSet<SecretName>,
    /// Those that have other bytes since the last report.
    unreported: Vec<SecretName>,
    counts: ReencryptCounts,
    done: usize,
    all: usize,
}

/// A secret may have a thousand versions.
struct SplitSecret {
    name: SecretName,
    versions: IntoIter<VersionPlace>,
    /// The file of its current version. Each change of the secret replaces or removes it.
    file_id: Option<FileId>,
}

/// What all files have in common.
struct ReencryptFiles<'a> {
    vault: &'a Vault,
    writer: &'a SecretWriter,
    reader: SecretReader<'a>,
    what: ReencryptScope,
}

/// Versions that may have to be encrypted again.
#[derive(Default)]
struct DueBatch {
    versions: Vec<DueVersion>,
    /// The number of secrets of which these are the last versions.
    names: usize,
    bytes: u64,
}

struct DueVersion {
    name: SecretName,
    file: VersionFile,
    /// The file that is read. Another one may be there later.
    file_id: Option<FileId>,
}

enum DueOutcome {
    /// It stays as it is.
    Kept,
    /// It could not be decrypted.
    Left(SecretName),
    Written(Box<(WrittenFile, ReencryptTarget)>),
}

/// The version that a file replaces.
struct ReencryptTarget {
    name: SecretName,
    file_id: Option<FileId>,
    place: VersionPlace,
    /// Of the current version, before and after.
    fingerprints: Option<[u64; 2]>,
    revision: Option<Revision>,
}

impl<'a> Reencryption<'a> {
    pub(crate) fn new(
        vault: &'a Vault,
        writer: &'a SecretWriter,
        what: ReencryptScope,
        report: &'a mut dyn FnMut(ReencryptStep<'_>),
    ) -> Result<Self, VaultError> {
        let reader = match what {
            ReencryptScope::Unsigned => SecretReader::taking_unsigned(vault)?,
            _ => SecretReader::of(vault),
        };
        Ok(Self {
            files: ReencryptFiles { vault, writer, reader, what },
            report,
            names: Names::default().into_names(),
            split: None,
            again: BTreeSet::new(),
            unreported: Vec::new(),
            counts: ReencryptCounts::default(),
            done: 0,
            all: 0,
        })
    }

    pub(crate) fn run(mut self) -> Result<ReencryptCounts, VaultError> {
        let secrets = self.files.vault.secrets();
        let mut names = secrets.all_names()?;
        self.all = names.len();
        while !names.is_empty() {
            self.names = names.into_names();
            self.run_once()?;
            names = mem::take(&mut self.again).into_iter().collect();
        }
        secrets.sync()?;
        Ok(self.counts)
    }

    fn run_once(&mut self) -> Result<(), VaultError> {
        let (mut written, mut names) = (Vec::new(), 0);
        loop {
            let due = self.due()?;
            let is_over = due.versions.is_empty() && due.names == 0;
            // The disk and the processor are busy at the same time.
            let files = &self.files;
            let (outcomes, synced) =
                beside(|| files.encrypt_all(&due.versions), || files.sync_all(written));
            self.done += names;
            self.replace(synced?, is_over)?;
            written = Vec::new();
            for outcome in outcomes? {
                match outcome {
                    DueOutcome::Kept => {}
                    DueOutcome::Left(name) => _ = self.counts.left.insert(name),
                    DueOutcome::Written(file) => written.push(*file),
                }
            }
            names = due.names;
            if is_over {
                return Ok(());
            }
        }
    }

    fn due(&mut self) -> Result<DueBatch, VaultError> {
        let secrets = self.files.vault.secrets();
        let mut batch = DueBatch::default();
        while !batch.is_full() {
            let (name, mut versions) = match self.split.take() {
                // A change has given its current version to the history, after this was looked at.
                Some(split) if secrets.current(&split.name).id()? != split.file_id => {
                    self.again.insert(split.name);
                    continue;
                }
                Some(split) => (split.name, split.versions),
                None => {
                    let Some(name) = self.names.next() else { break };
                    let versions = secrets.places(&name)?.into_iter();
                    (name, versions)
                }
            };
            while !batch.is_full()
                && let Some(place) = versions.next()
            {
                let Some(file) = secrets.locate(&name, place)? else { continue };
                let file_id = file.id()?;
                if file_id.is_none() {
                    continue;
                }
                batch.bytes += file_id.map_or(0, |id| id.size());
                batch.versions.push(DueVersion { name: name.clone(), file, file_id });
            }
            if versions.len() == 0 {
                batch.names += 1;
            } else {
                let file_id = secrets.current(&name).id()?;
                self.split = Some(SplitSecret { name, versions, file_id });
            }
        }
        Ok(batch)
    }

    /// Gives the files of a batch their names.
    fn replace(
        &mut self,
        synced: Vec<(PreparedFile, ReencryptTarget)>,
        is_over: bool,
    ) -> Result<(), VaultError> {
        let vault = self.files.vault;
        let is_reported = is_over || !synced.is_empty();
        let (mut histories, mut known) = (BTreeSet::new(), Vec::new());
        for (prepared, target) in synced {
            let ReencryptTarget { name, file_id, place, fingerprints, revision } = target;
            let file = match vault.secrets().locate(&name, place)? {
                Some(file) if file.id()? == file_id => file,
                // What was put there in the meantime is newer.
                _ => {
                    self.again.insert(name);
                    continue;
                }
            };
            if let Some([before, after]) = fingerprints {
                (self.report)(ReencryptStep::Same { name: &name, before, after });
            }
            file.replace(prepared)?;
            if IN_VAULT.contains(&place) {
                let seen = revision.and_then(|revision| seen_in(&revision, &file));
                known.extend(seen.map(|file| (name.clone(), file)));
                self.unreported.push(name.clone());
            }
            match place {
                VersionPlace::Current => {
                    vault.forget_file_key(&name);
                    self.counts.secrets += 1;
                }
                VersionPlace::Earlier(_) => {
                    self.counts.versions += 1;
                    histories.insert(name);
                }
                VersionPlace::Deleted | VersionPlace::Purged => self.counts.marks += 1,
            }
        }
        vault.secrets().seen().learn(&known);
        let histories = histories.into_iter().collect();
        in_parallel(DISK_THREADS, histories, |name| vault.secrets().history().sync(&name))?;
        if is_reported {
            self.report_done();
        }
        (self.report)(ReencryptStep::Pause);
        Ok(())
    }

    fn report_done(&mut self) {
        let names = mem::take(&mut self.unreported);
        let done = match self.files.what {
            // Those that were changed in the meantime come again.
            ReencryptScope::All | ReencryptScope::Unsigned => self.all.min(self.done),
            // The current key decrypts the others.
            ReencryptScope::NotByCurrent | ReencryptScope::HistoryNotByCurrent => self.all,
        };
        (self.report)(ReencryptStep::Done { names: &names, done, all: self.all });
    }
}

impl DueBatch {
    fn is_full(&self) -> bool {
        self.versions.len() >= BATCH_FILES || self.bytes >= BATCH_BYTES
    }
}

impl ReencryptFiles<'_> {
    /// Encrypts these again, and writes them without waiting for the disk.
    fn encrypt_all(&self, due: &[DueVersion]) -> Result<Vec<DueOutcome>, VaultError> {
        in_parallel(cores(), due.iter().collect(), |due| self.encrypt(due))
    }

    fn encrypt(&self, due: &DueVersion) -> Result<DueOutcome, VaultError> {
        let DueVersion { name, file, file_id } = due;
        if !self.what.has(file.place) {
            return Ok(DueOutcome::Kept);
        }
        let encrypted = match file.read() {
            Ok(encrypted) => encrypted,
            // Another program removed it.
            Err(VaultError::Missing) => return Ok(DueOutcome::Kept),
            Err(VaultError::Damaged { .. } | VaultError::DamagedVersion { .. }) => {
                return Ok(DueOutcome::Left(name.clone()));
            }
            Err(error) => return Err(error),
        };
        if self.what.keeps_current()
            && self.vault.keys().with(|keys| keys.decrypt_by_current(&encrypted).is_ok())?
        {
            return Ok(DueOutcome::Kept);
        }
        // One at a time, so that a lock does not wait for all.
        let record = match self.reader.record(name, file, &encrypted) {
            Ok(record) => record,
            Err(VaultError::Damaged { .. } | VaultError::DamagedVersion { .. }) => {
                return Ok(DueOutcome::Left(name.clone()));
            }
            Err(error) => return Err(error),
        };
        let sealed = match (&record, self.what) {
            (OpenedRecord::Signed(_), ReencryptScope::Unsigned) => return Ok(DueOutcome::Kept),
            // Nothing could follow it. It ends with the member who signed it.
            (OpenedRecord::Signed(record), _) if record.counter() > LARGEST_COUNTER => {
                return Ok(DueOutcome::Left(name.clone()));
            }
            (OpenedRecord::Signed(record), _) => self.writer.seal_again(record),
            (OpenedRecord::Unsigned(record), ReencryptScope::Unsigned) => {
                self.writer.seal_first(record)
            }
            (OpenedRecord::Unsigned(record), _) => self.writer.encrypt_unsigned(record),
        };
        let sealed = sealed.map_err(|source| file.failed(source))?;
        let written = file.write(&sealed.encrypted, file.date()?)?;
        let is_current = file.place == VersionPlace::Current;
        let fingerprints =
            is_current.then(|| [&encrypted, &sealed.encrypted].map(|bytes| fingerprint(bytes)));
        let (name, file_id, place) = (name.clone(), *file_id, file.place);
        let revision = sealed.revision;
        let target = ReencryptTarget { name, file_id, place, fingerprints, revision };
        Ok(DueOutcome::Written(Box::new((written, target))))
    }

    fn sync_all(
        &self,
        written: Vec<(WrittenFile, ReencryptTarget)>,
    ) -> Result<Vec<(PreparedFile, ReencryptTarget)>, VaultError> {
        in_parallel(DISK_THREADS, written, |(file, target)| {
            let failed = |source| self.vault.secrets().current(&target.name).failed(source);
            let prepared = file.sync().map_err(failed)?;
            Ok((prepared, target))
        })
    }
}

impl ReencryptCounts {
    /// Adds those of a second run, which has seen again what the first one left.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.secrets += other.secrets;
        self.versions += other.versions;
        self.marks += other.marks;
        self.left.extend(other.left);
        self
    }

    /// Whether nothing was encrypted.
    pub(crate) fn is_empty(&self) -> bool {
        self.secrets + self.versions + self.marks == 0
    }

    /// The secrets of which something was left, as many as an answer has room for.
    pub(crate) fn left(&self) -> Vec<SecretName> {
        self.left.iter().take(limits::LEFT_NAMES).cloned().collect()
    }
}
