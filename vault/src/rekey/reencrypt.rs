//! Encrypts the secrets and their earlier versions again, for other recipients.
//!
//! Values, dates and numbers of versions stay. Each file is replaced whole, so the keys in the
//! identity file decrypt all of them at any time. A run that was killed begins again.

use std::collections::BTreeSet;
use std::mem;

use fluvio_secret_protocol::{SecretName, limits};
use fluvio_secret_system::file_id::{FileId, Inode};
use fluvio_secret_system::parallel::{DISK_THREADS, beside, cores, in_parallel};

use crate::error::VaultError;
use crate::rekey::reencrypt_queue::{DueVersion, ReencryptQueue};
use crate::rekey::scope::ReencryptScope;
use crate::rekey::written_stamps::WrittenStamps;
use crate::revisions::revision::{LARGEST_COUNTER, Revision};
use crate::revisions::verifier::OpenedRecord;
use crate::secret_reader::SecretReader;
use crate::secrets::fingerprint::fingerprint;
use crate::secrets::history::seen_lines::SeenFile;
use crate::secrets::names::Names;
use crate::secrets::version_place::{IN_VAULT, VersionPlace};
use crate::secrets::writer::SecretWriter;
use crate::vault::Vault;
use crate::whole_file::{PreparedFile, WrittenFile};

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
    progress: ReencryptProgress<'a>,
}

/// What is done.
struct ReencryptProgress<'a> {
    report: &'a mut dyn FnMut(ReencryptStep<'_>),
    /// Secrets that were changed in the meantime.
    again: BTreeSet<SecretName>,
    /// Those that have other bytes since the last report.
    unreported: Vec<SecretName>,
    counts: ReencryptCounts,
    written: &'a mut WrittenStamps,
    done: usize,
    all: usize,
}

/// What all files have in common.
struct ReencryptFiles<'a> {
    vault: &'a Vault,
    writer: &'a SecretWriter,
    reader: SecretReader<'a>,
    what: ReencryptScope,
}

enum DueOutcome {
    /// It stays as it is.
    Kept,
    /// The secret was changed in the meantime.
    Changed(SecretName),
    /// It could not be decrypted.
    Left(SecretName),
    Written(Box<(WrittenFile, ReencryptTarget)>),
}

/// The version that a file replaces.
struct ReencryptTarget {
    name: SecretName,
    file_id: FileId,
    /// The file that was written.
    inode: Inode,
    place: VersionPlace,
    /// Of the current version, before and after.
    fingerprints: Option<[u64; 2]>,
    revision: Option<Revision>,
}

impl<'a> Reencryption<'a> {
    /// `written` are the files that this change has written before, to which it adds others.
    pub(crate) fn new(
        vault: &'a Vault,
        writer: &'a SecretWriter,
        what: ReencryptScope,
        written: &'a mut WrittenStamps,
        report: &'a mut dyn FnMut(ReencryptStep<'_>),
    ) -> Result<Self, VaultError> {
        let reader = match what {
            ReencryptScope::Unsigned => SecretReader::taking_unsigned(vault)?,
            _ => SecretReader::of(vault),
        };
        let progress = ReencryptProgress {
            report,
            again: BTreeSet::new(),
            unreported: Vec::new(),
            counts: ReencryptCounts::default(),
            written,
            done: 0,
            all: 0,
        };
        let files = ReencryptFiles { vault, writer, reader, what };
        Ok(Self { files, progress })
    }

    pub(crate) fn run(mut self) -> Result<ReencryptCounts, VaultError> {
        let secrets = self.files.vault.secrets();
        let mut names = secrets.all_names()?;
        self.progress.all = names.len();
        while !names.is_empty() {
            self.run_once(names)?;
            names = mem::take(&mut self.progress.again).into_iter().collect();
        }
        secrets.sync()?;
        Ok(self.progress.counts)
    }

    fn run_once(&mut self, names: Names) -> Result<(), VaultError> {
        let Self { files, progress } = self;
        let mut queue = ReencryptQueue::of(files.vault.secrets(), files.what, names);
        let (mut written, mut names) = (Vec::new(), 0);
        loop {
            // While no secret is changed, because it removes what killed changes left in the history.
            let next = queue.next_batch(progress.written, &mut progress.again)?;
            let is_over = next.is_none();
            let due = next.unwrap_or_default();
            // The disk and the processor are busy at the same time. A secret that is changed in the meantime comes again.
            let (outcomes, replaced) = beside(
                || files.encrypt_all(&due.versions),
                || {
                    let synced = files.sync_all(written)?;
                    progress.done += names;
                    progress.replace(files, synced)
                },
            );
            let is_reported = replaced?;
            let outcomes = outcomes?;
            if is_over {
                if !is_reported {
                    progress.report_done(files.what);
                }
                return Ok(());
            }
            names = due.names;
            written = Vec::new();
            for outcome in outcomes {
                match outcome {
                    DueOutcome::Kept => {}
                    DueOutcome::Changed(name) => _ = progress.again.insert(name),
                    DueOutcome::Left(name) => _ = progress.counts.left.insert(name),
                    DueOutcome::Written(file) => written.push(*file),
                }
            }
        }
    }
}

impl ReencryptProgress<'_> {
    /// Gives the files of a batch their names. Returns whether that was reported.
    fn replace(
        &mut self,
        files: &ReencryptFiles<'_>,
        synced: Vec<(PreparedFile, ReencryptTarget)>,
    ) -> Result<bool, VaultError> {
        let vault = files.vault;
        let is_reported = !synced.is_empty();
        let (mut histories, mut known) = (BTreeSet::new(), Vec::new());
        for (prepared, target) in synced {
            let ReencryptTarget { name, file_id, inode, place, fingerprints, revision } = target;
            let file = match vault.secrets().locate(&name, place)? {
                Some(file) if file.id()? == Some(file_id) => file,
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
            // Another program may have replaced it at once.
            let stamp = file.id()?.filter(|id| id.inode() == inode).map(|id| id.stamp());
            self.written.extend(stamp);
            if IN_VAULT.contains(&place) {
                let seen = revision.zip(stamp);
                let seen = seen.map(|(revision, stamp)| SeenFile { revision, stamp });
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
            self.report_done(files.what);
        }
        (self.report)(ReencryptStep::Pause);
        Ok(is_reported)
    }

    fn report_done(&mut self, what: ReencryptScope) {
        let names = mem::take(&mut self.unreported);
        let done = match what {
            // Those that were changed in the meantime come again.
            ReencryptScope::All | ReencryptScope::Unsigned => self.all.min(self.done),
            // The current key decrypts the others.
            ReencryptScope::NotByCurrent | ReencryptScope::HistoryNotByCurrent => self.all,
        };
        (self.report)(ReencryptStep::Done { names: &names, done, all: self.all });
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
        let encrypted = match file.read_with_id() {
            Ok((encrypted, id)) if id == *file_id => encrypted,
            // Its content may be an earlier version now.
            Ok(_) | Err(VaultError::Missing) => return Ok(DueOutcome::Changed(name.clone())),
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
        let inode = written.inode().map_err(|source| file.failed(source))?;
        let target = ReencryptTarget { name, file_id, inode, place, fingerprints, revision };
        Ok(DueOutcome::Written(Box::new((written, target))))
    }

    fn sync_all(
        &self,
        written: Vec<(WrittenFile, ReencryptTarget)>,
    ) -> Result<Vec<(PreparedFile, ReencryptTarget)>, VaultError> {
        let (files, targets): (Vec<_>, Vec<_>) = written.into_iter().unzip();
        let synced = WrittenFile::sync_all(files).into_iter().zip(targets);
        let synced = synced.map(|(prepared, target)| {
            let failed = |source| self.vault.secrets().current(&target.name).failed(source);
            Ok((prepared.map_err(failed)?, target))
        });
        synced.collect()
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
