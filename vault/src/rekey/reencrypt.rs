//! Seals anew what is there: the secrets and their earlier versions, each to other recipients than
//! before. Values, dates and numbers of versions stay.
//!
//! One file after the other is replaced whole, so each can be opened at any moment by the identities
//! that are there; those of before have to stay until the end. A run that did not get to its end is
//! made again, from the beginning.

use std::collections::BTreeSet;
use std::io;
use std::mem;
use std::time::SystemTime;

use fluvio_secret_protocol::{SecretName, limits};
use zeroize::Zeroizing;

use super::fingerprint::fingerprint;
use super::history;
use super::seal::{Identity, Recipient, Unopened, recipients_of, seal};
use super::store::{Folder, ReadError, Stamp, Written};
use super::{SEALED_BYTES, Vault, VaultError, file_of, open_by_any};

/// How many files are on their way to the disk at a time, and how many bytes.
const BATCH_FILES: usize = 64;
const BATCH_BYTES: usize = 4 << 20;

/// What happens on the way, for who watches.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// Sealed bytes with the second fingerprint are about to be a secret's. The value in them is that of the
    /// bytes with the first one.
    Same {
        /// The secret.
        name: &'a SecretName,
        /// The fingerprint of its bytes before.
        before: u64,
        /// The fingerprint of its bytes after.
        after: u64,
    },
    /// These are sealed anew, with so many secrets before them, of so many.
    Done {
        /// These.
        names: &'a [SecretName],
        /// The number of secrets that are done.
        done: usize,
        /// The number of all secrets.
        all: usize,
    },
}

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) secrets: usize,
    pub(super) versions: usize,
    /// Secrets of which something could not be opened, and was left as it is.
    pub(super) left: BTreeSet<SecretName>,
}

/// What is to be sealed anew.
#[derive(Clone, Copy)]
pub(super) enum What {
    All,
    /// What none of the recipients sealed: the earlier versions, which do not travel, and the secrets
    /// that are sealed to another number of them.
    ByCount,
    /// What the next identity does not open.
    NotOfNext,
}

/// A run over the whole vault.
pub(super) struct Run<'a> {
    vault: &'a Vault,
    recipients: &'a [Recipient],
    what: What,
    tell: &'a mut dyn FnMut(Step<'_>),
    batch: Batch,
    /// Secrets that somebody else has changed meanwhile.
    again: Vec<SecretName>,
    counts: Counts,
    done: usize,
    all: usize,
}

/// Files that are written and not yet in their places.
#[derive(Default)]
struct Batch {
    written: Vec<(SecretName, Written)>,
    places: Vec<Place>,
    names: Vec<SecretName>,
    bytes: usize,
}

/// Where a file goes.
struct Place {
    /// What it was when it was read: it may be another one meanwhile.
    stamp: Option<Stamp>,
    /// Which earlier version it is; `None` for the present one.
    version: Option<u64>,
    /// The fingerprints of a secret that is present, before and after; an earlier version has none.
    fingerprints: Option<[u64; 2]>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        vault: &'a Vault,
        recipients: &'a [Recipient],
        what: What,
        tell: &'a mut dyn FnMut(Step<'_>),
    ) -> Self {
        let (batch, again, counts) = (Batch::default(), Vec::new(), Counts::default());
        let (done, all) = (0, 0);
        Self { vault, recipients, what, tell, batch, again, counts, done, all }
    }

    /// Seals anew what is to be, durably.
    pub(super) fn run(mut self) -> Result<Counts, VaultError> {
        let mut names = self.vault.all_names()?;
        self.all = names.len();
        while !names.is_empty() {
            for name in names {
                self.secret(&name)?;
                self.batch.names.push(name);
            }
            self.flush()?;
            names = mem::take(&mut self.again);
        }
        let failed = |source| VaultError::Storage { path: self.vault.path().to_owned(), source };
        self.vault.folder.sync().map_err(failed)?;
        Ok(self.counts)
    }

    fn secret(&mut self, name: &SecretName) -> Result<(), VaultError> {
        let vault = self.vault;
        let versions = vault.history.settle(&vault.folder, name, &file_of(name));
        for version in versions.map_err(|source| vault.history_storage(name, source))? {
            self.file(name, Some(version))?;
        }
        self.file(name, None)
    }

    fn file(&mut self, name: &SecretName, version: Option<u64>) -> Result<(), VaultError> {
        let failed = |source| self.vault.storage_of(name, version, source);
        // Somebody else removed it.
        let Some((folder, file)) = self.vault.sealed_file(name, version)? else { return Ok(()) };
        let is_present = version.is_none();
        let stamp = folder.stamp(&file).map_err(failed)?;
        let sealed = match folder.read(&file, SEALED_BYTES) {
            Ok(sealed) => sealed,
            // Somebody else removed it.
            Err(ReadError::Missing) => return Ok(()),
            Err(ReadError::Io(source)) => return Err(failed(source)),
            Err(ReadError::Large | ReadError::NoFile) => {
                self.counts.left.insert(name.clone());
                return Ok(());
            }
        };
        // One after the other: who locks the vault does not wait for all.
        let open = |identities: &[&Identity]| self.open(identities, &sealed, is_present);
        let plain = match self.vault.with_identities(open)? {
            None => return Ok(()),
            Some(Ok(plain)) => plain,
            Some(Err(_)) => {
                self.counts.left.insert(name.clone());
                return Ok(());
            }
        };
        let before = is_present.then(|| fingerprint(&sealed));
        // What is sealed in it is none of our business: also what is refused as another's stays so.
        let sealed = seal(self.recipients, &plain).map_err(failed)?;
        let date = folder.date(&file).map_err(failed)?;
        let fingerprints = before.map(|before| [before, fingerprint(&sealed)]);
        self.write(name, Place { stamp, version, fingerprints }, &sealed, date)
    }

    /// Opens what is to be sealed anew; `None` for what is not.
    fn open(
        &self,
        identities: &[&Identity],
        sealed: &[u8],
        is_present: bool,
    ) -> Option<Result<Zeroizing<Vec<u8>>, Unopened>> {
        let is_due = match (self.what, identities) {
            (What::All, _) => true,
            (What::ByCount, _) => !is_present || recipients_of(sealed) != self.recipients.len(),
            (What::NotOfNext, [_, next]) => next.open(sealed).is_err(),
            (What::NotOfNext, _) => false,
        };
        is_due.then(|| open_by_any(identities, sealed))
    }

    fn write(
        &mut self,
        name: &SecretName,
        place: Place,
        sealed: &[u8],
        date: Option<SystemTime>,
    ) -> Result<(), VaultError> {
        let written = match place.version {
            Some(version) => self.vault.history.write(version, sealed, date),
            None => self.vault.folder.write(&file_of(name), sealed, date),
        };
        let failed = |source| self.vault.storage_of(name, place.version, source);
        let written = written.map_err(failed)?;
        self.batch.written.push((name.clone(), written));
        self.batch.places.push(place);
        self.batch.bytes += sealed.len();
        // Also in the middle of a secret, which may have a thousand versions.
        if self.batch.written.len() >= BATCH_FILES || self.batch.bytes >= BATCH_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Puts the files of the batch into their places.
    fn flush(&mut self) -> Result<(), VaultError> {
        let Batch { written, places, names, bytes: _ } = mem::take(&mut self.batch);
        let mut histories = BTreeSet::new();
        for ((name, prepared), place) in self.vault.sync_all(written)?.into_iter().zip(places) {
            let failed = |source| self.vault.storage_of(&name, place.version, source);
            let now = match self.vault.sealed_file(&name, place.version)? {
                Some((folder, file)) => folder.stamp(&file).map_err(failed)?,
                None => None,
            };
            // What somebody else has put there since it was read is newer, and not ours to replace.
            if now != place.stamp {
                self.again.push(name);
                continue;
            }
            if let Some([before, after]) = place.fingerprints {
                (self.tell)(Step::Same { name: &name, before, after });
            }
            let replaced = match place.version {
                Some(_) => self.vault.history.replace(&name, prepared),
                None => prepared.rename(),
            };
            replaced.map_err(failed)?;
            match place.fingerprints {
                Some(_) => self.counts.secrets += 1,
                None => {
                    self.counts.versions += 1;
                    histories.insert(name);
                }
            }
        }
        self.vault.side_by_side(histories.into_iter().collect(), |name: SecretName| {
            let synced = self.vault.history.sync(&name);
            synced.map_err(|source| self.vault.history_storage(&name, source))
        })?;
        self.done = self.all.min(self.done + names.len());
        let done = match self.what {
            What::All | What::ByCount => self.done,
            // All were done before; this only looks.
            What::NotOfNext => self.all,
        };
        (self.tell)(Step::Done { names: &names, done, all: self.all });
        Ok(())
    }
}

impl Vault {
    /// The names of all secrets, also of those that have nothing but a history.
    pub(super) fn all_names(&self) -> Result<Vec<SecretName>, VaultError> {
        let failed = |source: io::Error| VaultError::Storage { path: self.history.path(), source };
        let mut names: Vec<_> = self.names()?.iter().collect();
        names.extend(self.history.names().map_err(failed)?);
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// Where the present version of a secret is, or an earlier one; `None` when that has no folder.
    fn sealed_file(
        &self,
        name: &SecretName,
        version: Option<u64>,
    ) -> Result<Option<(Folder, String)>, VaultError> {
        let Some(version) = version else {
            return Ok(Some((self.folder.clone(), file_of(name))));
        };
        let folder = self.history.of(name).map_err(|source| self.history_storage(name, source))?;
        Ok(folder.map(|folder| (folder, history::file_of(version))))
    }

    fn storage_of(&self, name: &SecretName, version: Option<u64>, source: io::Error) -> VaultError {
        match version {
            Some(_) => self.history_storage(name, source),
            None => self.storage(name, source),
        }
    }

    /// Whether there is anything that the present identity opens and another one does not.
    pub(super) fn opens_more_than(&self, other: &Identity) -> Result<bool, VaultError> {
        self.any_sealed(|sealed| {
            let open = |identities: &[&Identity]| open_by_any(identities, sealed).is_ok();
            Ok(other.open(sealed).is_err() && self.with_identities(open)?)
        })
    }

    /// Whether there is anything that an identity opens.
    pub(super) fn is_opened_by(&self, identity: &Identity) -> Result<bool, VaultError> {
        self.any_sealed(|sealed| Ok(identity.open(sealed).is_ok()))
    }

    fn any_sealed(
        &self,
        is_it: impl Fn(&[u8]) -> Result<bool, VaultError>,
    ) -> Result<bool, VaultError> {
        for name in self.all_names()? {
            let versions = self.history.settle(&self.folder, &name, &file_of(&name));
            let versions = versions.map_err(|source| self.history_storage(&name, source))?;
            for version in [None].into_iter().chain(versions.into_iter().rev().map(Some)) {
                let Some((folder, file)) = self.sealed_file(&name, version)? else { continue };
                match folder.read(&file, SEALED_BYTES) {
                    Ok(sealed) if is_it(&sealed)? => return Ok(true),
                    Err(ReadError::Io(source)) => {
                        return Err(self.storage_of(&name, version, source));
                    }
                    Ok(_) | Err(_) => {}
                }
            }
        }
        Ok(false)
    }
}

impl Counts {
    /// What a second run has done, too. It has seen again what the first one left.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.secrets += other.secrets;
        self.versions += other.versions;
        self.left.extend(other.left);
        self
    }

    /// The secrets of which something was left, as many as are told.
    pub(super) fn left(&self) -> Vec<SecretName> {
        self.left.iter().take(limits::LEFT_NAMES).cloned().collect()
    }
}
