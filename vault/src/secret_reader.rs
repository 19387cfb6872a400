//! Reads secrets: decrypts them, and takes the records that an admin or a writer has signed.

use std::sync::OnceLock;

use fluvio_secret_protocol::{Found, Members, RecordKind, Secret, SecretName, Versions};
use fluvio_secret_system::file_id::FileId;

use crate::durable_directory::DurableDirectory;
use crate::error::VaultError;
use crate::keys::encryption::DecryptFailure;
use crate::keys::file_keys::TakenRecord;
use crate::keys::keyring::Keyring;
use crate::members::content_hash::ContentHash;
use crate::revisions::revision::Revision;
use crate::revisions::vault_state::SecretState;
use crate::revisions::verifier::{OpenedRecord, RecordVerifier};
use crate::secrets::fingerprint::{Given, fingerprint};
use crate::secrets::history::seen_lines::SeenFile;
use crate::secrets::record::BadRecord;
use crate::secrets::version_file::VersionFile;
use crate::secrets::version_place::{MARKS, VersionPlace};
use crate::vault::Vault;

/// Reads several secrets. The file of the identity, the members, and the directories of marks are found once, and not for
/// each.
pub struct SecretReader<'a> {
    pub(crate) vault: &'a Vault,
    /// Whether the held keys are those of the identity's file.
    pub(crate) is_checked: bool,
    verifier: OnceLock<RecordVerifier>,
    marks: OnceLock<MarkDirectories>,
}

/// The directories of marks that exist.
type MarkDirectories = [Option<DurableDirectory>; MARKS.len()];

/// A secret that was read.
#[derive(Debug)]
pub struct OpenedSecret {
    /// Its value.
    pub value: Secret,
    /// The fingerprint of the encrypted bytes.
    pub fingerprint: u64,
    /// Whether this machine has seen a later change of the secret: an older file took its place.
    pub is_older: bool,
}

/// The file of a version that was read.
pub(crate) struct OpenedFile {
    pub(crate) record: OpenedRecord,
    pub(crate) encrypted: Vec<u8>,
    /// Its place among the records of the secret; `None` without a signature.
    pub(crate) revision: Option<Revision>,
    /// Whether this machine has seen a later change of the secret.
    pub(crate) is_older: bool,
}

impl<'a> SecretReader<'a> {
    /// A reader of this vault.
    pub fn of(vault: &'a Vault) -> Self {
        // If this fails, so does each read.
        let is_checked = vault.keys().checked_state().is_ok();
        Self { vault, is_checked, verifier: OnceLock::new(), marks: OnceLock::new() }
    }

    /// A reader that also takes records without a signature, whatever this machine has decided.
    pub(crate) fn taking_unsigned(vault: &'a Vault) -> Result<Self, VaultError> {
        let reader = Self::of(vault);
        let verifier = RecordVerifier { takes_unsigned: true, ..vault.verifier()? };
        let _ = reader.verifier.set(verifier);
        Ok(reader)
    }

    /// Decrypts a secret. Its file key is kept, so that the next time takes a small part of that.
    pub fn read(&self, name: &SecretName) -> Result<OpenedSecret, VaultError> {
        let OpenedFile { record, encrypted, is_older, .. } = self.current(name, true)?;
        let fingerprint = fingerprint(&encrypted);
        Ok(OpenedSecret { value: record.into_value(), fingerprint, is_older })
    }

    /// The same without its file key, for a value that is not delivered.
    pub fn value(&self, name: &SecretName) -> Result<Secret, VaultError> {
        self.current(name, false).map(|opened| opened.record.into_value())
    }

    /// Compares a value with the one that the vault has under a name.
    pub fn compare(&self, name: &SecretName, value: &Secret) -> Result<Found, VaultError> {
        match self.value(name) {
            Ok(current) if current.expose() == value.expose() => Ok(Found::Same),
            // A damaged one can be replaced like any other.
            Ok(_) | Err(VaultError::Damaged { .. } | VaultError::ForOthers { .. }) => {
                Ok(Found::Other)
            }
            Err(VaultError::Missing) => Ok(Found::Nothing),
            Err(error) => Err(error),
        }
    }

    /// The fingerprint of a secret, if it can be decrypted and has this value.
    pub fn fingerprint_of_same(&self, name: &SecretName, value: &Secret) -> Option<u64> {
        let current = self.current(name, false).ok()?;
        let is_same = current.record.value().expose() == value.expose();
        is_same.then(|| fingerprint(&current.encrypted))
    }

    /// Whether a secret still has the value that was delivered. A value that was encrypted again is
    /// compared with its earlier version, if the history has that and the vault is not locked.
    pub fn is_present(&self, (name, given): &Given) -> bool {
        let Some(given) = *given else { return false };
        let current = self.vault.secrets().current(name);
        let Ok(encrypted) = current.read() else { return false };
        if fingerprint(&encrypted) == given {
            return true;
        }
        let is_given = |encrypted: &[u8]| fingerprint(encrypted) == given;
        let Some((_, earlier)) = self.vault.secrets().history().find(name, is_given) else {
            return false;
        };
        let open = |bytes: &[u8]| self.record(name, &current, bytes).ok();
        let values = open(&encrypted).zip(open(&earlier));
        values.is_some_and(|(now, before)| now.value().expose() == before.value().expose())
    }

    /// Whether the file of a secret is there, and the mark of a later removal.
    pub fn is_removed(&self, name: &SecretName) -> bool {
        let is_marked = |place| self.vault.secrets().has_mark(name, place).unwrap_or(false);
        MARKS.into_iter().any(is_marked)
            && matches!(self.current(name, false), Err(VaultError::Missing))
    }

    /// The dates of the current version of a secret and of the earlier ones, newest first.
    pub fn versions(&self, name: &SecretName) -> Result<Versions, VaultError> {
        let versions = self.vault.secrets().versions(name)?;
        let present = versions.present.filter(|_| !self.is_removed(name));
        Ok(Versions { present, ..versions })
    }

    /// The current version of a secret.
    pub(crate) fn current(
        &self,
        name: &SecretName,
        keeps_file_key: bool,
    ) -> Result<OpenedFile, VaultError> {
        let file = self.vault.secrets().current(name);
        let opened = self.open_file(name, &file, keeps_file_key);
        let opened = opened.inspect_err(|error| {
            if matches!(error, VaultError::Missing) {
                self.vault.forget_file_key(name);
            }
        })?;
        match self.has_later_mark(name, opened.revision)? {
            true => Err(VaultError::Missing),
            false => Ok(opened),
        }
    }

    /// The version in a file.
    pub(crate) fn open(
        &self,
        name: &SecretName,
        file: &VersionFile,
    ) -> Result<OpenedFile, VaultError> {
        self.open_file(name, file, false)
    }

    fn open_file(
        &self,
        name: &SecretName,
        file: &VersionFile,
        keeps_file_key: bool,
    ) -> Result<OpenedFile, VaultError> {
        let (mut encrypted, mut id) = file.read_with_id()?;
        let mut is_checked = self.is_checked;
        loop {
            match self.take(name, file, &encrypted, (is_checked, keeps_file_key)) {
                Err(error @ VaultError::Damaged { .. }) => {
                    // It may have been encrypted again, for a key that was not there before.
                    let (now, id_now) = file.read_with_id()?;
                    if now == encrypted && !is_checked {
                        return Err(self.or_for_others(error));
                    }
                    (encrypted, id) = (now, id_now);
                    is_checked = false;
                }
                taken => {
                    let (record, content, taken) = taken?;
                    let revision = record.revision(content);
                    let is_older = match (taken, &revision) {
                        (Some(taken), _) => taken.is_older,
                        (None, Some(revision)) => {
                            let is_older = self.notice(name, revision, id);
                            if keeps_file_key {
                                self.remember(name, content, is_older);
                            }
                            is_older
                        }
                        (None, None) => false,
                    };
                    return Ok(OpenedFile { record, encrypted, revision, is_older });
                }
            }
        }
    }

    /// Decrypts bytes that are in the place of a file, and takes the record in them.
    pub(crate) fn record(
        &self,
        name: &SecretName,
        file: &VersionFile,
        encrypted: &[u8],
    ) -> Result<OpenedRecord, VaultError> {
        self.take(name, file, encrypted, (false, false)).map(|(record, ..)| record)
    }

    /// Whether the history has the value of a change.
    pub(crate) fn has_earlier(
        &self,
        name: &SecretName,
        change: &Revision,
    ) -> Result<bool, VaultError> {
        let history = self.vault.secrets().history();
        for (version, _) in history.versions(name)? {
            let Some(file) = history.locate(name, version)? else { continue };
            let found = self.open(name, &file).ok().and_then(|opened| opened.revision);
            if found.is_some_and(|found| found.is_same_change(change)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The revision in bytes that are not in the vault yet; `None` without a signature. A record for a newer list of
    /// members has one, too, and is not verified.
    pub(crate) fn revision_of(
        &self,
        name: &SecretName,
        file: &VersionFile,
        encrypted: &[u8],
    ) -> Result<Option<Revision>, VaultError> {
        let (verifier, content) = (self.verifier()?, ContentHash::of(encrypted));
        let decrypted = self.vault.keys().with(|keys| keys.decrypt(encrypted))?;
        let revision = decrypted
            .map_err(BadRecord::from)
            .and_then(|plain| verifier.revision(name, file.place, &plain, content));
        revision.map_err(|why| file.damaged(why))
    }

    fn take(
        &self,
        name: &SecretName,
        file: &VersionFile,
        encrypted: &[u8],
        (is_checked, keeps_file_key): (bool, bool),
    ) -> Result<(OpenedRecord, ContentHash, Option<TakenRecord>), VaultError> {
        let verifier = self.verifier()?;
        let content = ContentHash::of(encrypted);
        let decrypt = |keys: &Keyring| match keeps_file_key {
            true => keys.decrypt_current(&self.vault.file_key_owner(name), content, encrypted),
            false => keys.decrypt(encrypted).map(|plain| (plain, None)),
        };
        let decrypted = match is_checked {
            true => self.vault.keys().with_checked(decrypt)?,
            false => self.vault.keys().with(decrypt)?,
        };
        let (plain, taken) = decrypted.map_err(|error| file.damaged(error.into()))?;
        // A signature is verified once for each file and each list of members.
        let taken = taken.filter(|taken| Some(taken.by) == verifier.hash());
        let record = match taken {
            Some(_) => verifier.open_again(name, file.place, &plain),
            None => verifier.open(name, file.place, &plain),
        };
        Ok((record.map_err(|why| file.damaged(why))?, content, taken))
    }

    fn remember(&self, name: &SecretName, content: ContentHash, is_older: bool) {
        let by = self.verifier.get().and_then(RecordVerifier::hash);
        if let Some(by) = by {
            let owner = self.vault.file_key_owner(name);
            self.vault.keys().remember_taken(&owner, content, TakenRecord { by, is_older });
        }
    }

    /// Learns where a record stands, and returns whether a later one was seen.
    fn notice(&self, name: &SecretName, revision: &Revision, id: FileId) -> bool {
        let seen = self.vault.secrets().seen().of(name);
        let later = seen.highest().filter(|highest| **highest > *revision);
        if later.is_some_and(|later| !later.is_same_change(revision)) {
            return true;
        }
        if seen.find(revision.kind, revision.file).is_none_or(|file| file.stamp != id.stamp()) {
            let file = SeenFile { revision: *revision, stamp: id.stamp() };
            self.vault.secrets().seen().learn(&[(name.clone(), file)]);
        }
        false
    }

    /// Whether a version of this revision counts less than the mark of a removal. A mark that is not accepted removes
    /// nothing.
    pub(crate) fn has_later_mark(
        &self,
        name: &SecretName,
        revision: Option<Revision>,
    ) -> Result<bool, VaultError> {
        let mut revisions: Vec<_> = revision.into_iter().collect();
        for (directory, place) in self.mark_directories()?.iter().zip(MARKS) {
            let Some(directory) = directory else { continue };
            let mark = self.vault.secrets().mark_in(directory, name, place);
            revisions.extend(self.open_mark(name, &mark)?.and_then(|mark| mark.revision));
        }
        let state = SecretState::of(revisions, 0);
        Ok(state.is_some_and(|state| state.current().kind != RecordKind::Value))
    }

    /// The mark of a removal, if its record is accepted.
    pub(crate) fn mark(
        &self,
        name: &SecretName,
        place: VersionPlace,
    ) -> Result<Option<OpenedFile>, VaultError> {
        let Some(file) = self.vault.secrets().locate(name, place)? else { return Ok(None) };
        self.open_mark(name, &file)
    }

    fn open_mark(
        &self,
        name: &SecretName,
        file: &VersionFile,
    ) -> Result<Option<OpenedFile>, VaultError> {
        match self.open(name, file) {
            Ok(mark) => Ok(Some(mark)),
            Err(VaultError::Missing) => Ok(None),
            Err(error @ (VaultError::Damaged { .. } | VaultError::ForOthers { .. })) => {
                tracing::debug!("{error}");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn mark_directories(&self) -> Result<&MarkDirectories, VaultError> {
        match self.marks.get() {
            Some(found) => Ok(found),
            None => {
                let [deleted, purged] = MARKS.map(|place| self.vault.secrets().marks(place));
                let found = [deleted?, purged?];
                Ok(self.marks.get_or_init(|| found))
            }
        }
    }

    pub(crate) fn verifier(&self) -> Result<&RecordVerifier, VaultError> {
        match self.verifier.get() {
            Some(verifier) => Ok(verifier),
            None => {
                let verifier = self.vault.verifier()?;
                Ok(self.verifier.get_or_init(|| verifier))
            }
        }
    }

    /// The error of a file that no key of this machine decrypts: it may have been written for other members.
    fn or_for_others(&self, error: VaultError) -> VaultError {
        match error {
            VaultError::Damaged {
                file,
                source: source @ BadRecord::Encrypted(DecryptFailure::OtherIdentity),
            } if self.is_for_others() => VaultError::ForOthers { file, source },
            error => error,
        }
    }

    /// Whether the vault has other members.
    fn is_for_others(&self) -> bool {
        let Ok(Members { members, .. }) = self.vault.listed_members() else { return false };
        let mut others = members.iter().filter(|member| !member.own && !member.requested);
        others.next().is_some()
    }
}
