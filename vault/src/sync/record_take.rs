//! Takes the record of a secret from a topic into the vault.
//!
//! The value that it replaces is in the history, durably, before it is replaced. After a kill at any point the secret
//! is as it was, or as it becomes.

use std::io;
use std::time::SystemTime;

use fluvio_secret_protocol::{RecordKind, SecretName};

use crate::error::VaultError;
use crate::members::content_hash::ContentHash;
use crate::members::list::MemberList;
use crate::revisions::revision::Revision;
use crate::revisions::signed_record::{RecordError, SignedRecord, VerifiedRecord};
use crate::secret_reader::SecretReader;
use crate::secrets::fingerprint::fingerprint;
use crate::secrets::history::insertion::HistoryInsertion;
use crate::secrets::secret_revisions::{EarlierPlace, RecordUse, SecretRevisions};
use crate::secrets::settle;
use crate::secrets::version_place::VersionPlace;
use crate::secrets::writer::{ResealedRecord, SecretWriter, seen_in};
use crate::vault::Vault;
use crate::whole_file::PreparedFile;

/// What a record means for this machine.
pub(crate) enum RecordVerdict<'a> {
    /// The vault has it, or what replaces it.
    Known,
    /// It is written for members that are not accepted yet.
    Later,
    /// It is not accepted.
    Refused(RecordError),
    /// It changes the secret.
    New(Box<RecordTake<'a>>),
}

/// A record that is written beside the file that it will be, and is not taken.
#[must_use]
pub(crate) struct RecordTake<'a> {
    vault: &'a Vault,
    pub(crate) name: SecretName,
    /// The fingerprints of the secret before and after, if it keeps its value.
    pub(crate) same: Option<[u64; 2]>,
    revision: Revision,
    change: RecordChange,
    /// Whether a mark of a deletion does not count any more.
    ends_deletion: bool,
}

enum RecordChange {
    /// An earlier value.
    Earlier(HistoryInsertion),
    /// The current one, or a mark; and where the value before goes.
    InVault(PreparedFile, ReplacedValue),
}

/// What happens with the value that is replaced.
enum ReplacedValue {
    /// It is put between versions of the history.
    Insert(HistoryInsertion),
    /// It becomes the newest version of the history.
    Keep,
    /// It is the same change, or was purged.
    Leave,
    /// It is in the history: the change was killed before.
    There,
}

impl<'a> RecordTake<'a> {
    /// Finds out what a record means that was decrypted from these bytes.
    ///
    /// # Errors
    ///
    /// [`VaultError::Locked`], and those of the disk.
    pub(crate) fn prepare(
        vault: &'a Vault,
        members: Option<&MemberList>,
        record: SignedRecord,
        encrypted: &[u8],
    ) -> Result<RecordVerdict<'a>, VaultError> {
        if record.vault() != vault.id() {
            return Ok(RecordVerdict::Refused(RecordError::OtherVault));
        }
        // Also what a change that was killed has left beside a mark.
        settle::settle(vault, record.name());
        if is_here(vault, &record, encrypted)? {
            return Ok(RecordVerdict::Known);
        }
        let (name, claimed) = (record.name().clone(), record.revision(ContentHash::of(encrypted)));
        let verified = match members {
            Some(members) => record.verify(members),
            None => Err(RecordError::NoMembers),
        };
        let reader = SecretReader::of(vault);
        match verified {
            Ok(record) => Self::prepare_verified(vault, &reader, members, &record, encrypted),
            Err(RecordError::NewerMembers(_) | RecordError::NoMembers) => Ok(RecordVerdict::Later),
            // Of a removed member, whose change an admin has signed again.
            Err(error) => {
                match SecretRevisions::read(vault, &reader, &name)?.has_change_of(&claimed) {
                    true => Ok(RecordVerdict::Known),
                    false => Ok(RecordVerdict::Refused(error)),
                }
            }
        }
    }

    fn prepare_verified(
        vault: &'a Vault,
        reader: &SecretReader<'_>,
        members: Option<&MemberList>,
        record: &VerifiedRecord,
        encrypted: &[u8],
    ) -> Result<RecordVerdict<'a>, VaultError> {
        let name = record.name().clone();
        let mut revision = record.revision(ContentHash::of(encrypted));
        // A later change by a writer who was removed since does not count any more. A record for the newest list shows what
        // does. One of before the removal may be older than what this machine had.
        if members.is_some_and(|members| revision.members >= members.version()) {
            let verifier = reader.verifier()?;
            let counts = |seen: &Revision| *seen <= revision || verifier.still_takes(seen);
            vault.secrets().seen().retain(&name, counts);
        }
        let found = SecretRevisions::read(vault, reader, &name)?;
        let date = date_of(&revision);
        let (secrets, history) = (vault.secrets(), vault.secrets().history());
        let mut same = None;
        let change = match found.use_of(&revision) {
            RecordUse::Known => return Ok(RecordVerdict::Known),
            RecordUse::Earlier(place) => {
                RecordChange::Earlier(history.prepare_insertion(&name, &place, encrypted, date)?)
            }
            RecordUse::InVault => {
                let file = secrets.current(&name);
                let again = for_all_members(vault, members, record)
                    .map_err(|source| file.failed(source))?;
                let encrypted = again.as_ref().map_or(encrypted, |again| &again.encrypted);
                revision = again.as_ref().and_then(|again| again.revision).unwrap_or(revision);
                let replaced = match revision.kind {
                    RecordKind::Value => {
                        let before = found
                            .current
                            .as_ref()
                            .filter(|one| one.record.has_value(record.value()));
                        same = before
                            .map(|before| [&before.encrypted[..], encrypted].map(fingerprint));
                        replaced_by(vault, &found, &name, &revision)?
                    }
                    RecordKind::Deleted | RecordKind::Purged => ReplacedValue::Leave,
                };
                let prepared = file.write(encrypted, date)?.sync();
                RecordChange::InVault(prepared.map_err(|source| file.failed(source))?, replaced)
            }
        };
        let deleted = found.at(VersionPlace::Deleted);
        let ends_deletion = matches!(change, RecordChange::InVault(..))
            && deleted.is_some_and(|deleted| *deleted < revision)
            && revision.kind != RecordKind::Deleted;
        let take = Self { vault, name, same, revision, change, ends_deletion };
        Ok(RecordVerdict::New(Box::new(take)))
    }

    /// Takes the record, durably.
    pub(crate) fn commit(self) -> Result<(), VaultError> {
        settle::keep_settled(self.vault, || self.make(), Result::is_ok)
    }

    fn make(self) -> Result<(), VaultError> {
        let Self { vault, name, revision, change, ends_deletion, .. } = self;
        let (secrets, place) = (vault.secrets(), VersionPlace::of(revision.kind));
        match change {
            RecordChange::Earlier(insertion) => {
                secrets.history().insert(&name, insertion)?;
            }
            RecordChange::InVault(prepared, replaced) => {
                keep_replaced(vault, &name, replaced)?;
                let directory = secrets.make_marks(place)?;
                let put = prepared.rename_into(&directory).and_then(|()| directory.sync());
                put.map_err(|source| secrets.current(&name).failed(source))?;
                if ends_deletion {
                    secrets.remove_mark(&name, VersionPlace::Deleted);
                }
                vault.forget_file_key(&name);
                if let Some(file) = secrets.locate(&name, place)?
                    && let Some(seen) = seen_in(&revision, &file)
                {
                    secrets.seen().learn(&[(name.clone(), seen)]);
                }
                if place != VersionPlace::Current {
                    settle::settle_removed(vault, &name)?;
                }
            }
        }
        secrets.history().shorten(&name);
        Ok(())
    }
}

/// The record for the newest list of members, if its writer did not know that list: a machine that was away. Otherwise
/// the members that came with it could not decrypt the record. Only an admin makes it.
fn for_all_members(
    vault: &Vault,
    members: Option<&MemberList>,
    record: &VerifiedRecord,
) -> io::Result<Option<ResealedRecord>> {
    let Some(members) = members.filter(|members| record.members() < members.version()) else {
        return Ok(None);
    };
    let own = vault.members().own_fingerprint().map_err(io::Error::other)?;
    if !own.is_some_and(|own| members.is_admin(&own)) {
        return Ok(None);
    }
    let writer = SecretWriter::for_list(vault, members).map_err(io::Error::other)?;
    writer.seal_again(record).map(Some)
}

/// Whether the vault has exactly these bytes, in their place or as an earlier version before a later change.
fn is_here(vault: &Vault, record: &SignedRecord, encrypted: &[u8]) -> Result<bool, VaultError> {
    let (secrets, name) = (vault.secrets(), record.name());
    if let Some(file) = secrets.locate(name, VersionPlace::of(record.kind()))? {
        match file.read() {
            Ok(found) if found == encrypted => return Ok(true),
            Ok(_) | Err(VaultError::Missing | VaultError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let claimed = record.revision(ContentHash::of(encrypted));
    let is_before = secrets.seen().of(name).highest().is_some_and(|highest| claimed < *highest);
    let is_it = |found: &[u8]| found == encrypted;
    Ok(is_before
        && record.kind() == RecordKind::Value
        && secrets.history().find(name, is_it).is_some())
}

/// Where the current value goes when a record replaces it.
fn replaced_by(
    vault: &Vault,
    found: &SecretRevisions,
    name: &SecretName,
    revision: &Revision,
) -> Result<ReplacedValue, VaultError> {
    let Some(current) = found.at(VersionPlace::Current) else {
        // A file that is not accepted, if there is one. It is kept as when a secret is set.
        return Ok(ReplacedValue::Keep);
    };
    let (history, date) = (vault.secrets().history(), date_of(current));
    Ok(match found.place_of_replaced(revision) {
        None => ReplacedValue::Leave,
        Some(Err(_)) => ReplacedValue::There,
        Some(Ok(EarlierPlace::Before(newer))) if newer.is_empty() => ReplacedValue::Keep,
        Some(Ok(place)) => {
            let encrypted = vault.secrets().current(name).read()?;
            ReplacedValue::Insert(history.prepare_insertion(name, &place, &encrypted, date)?)
        }
    })
}

fn keep_replaced(
    vault: &Vault,
    name: &SecretName,
    replaced: ReplacedValue,
) -> Result<(), VaultError> {
    let history = vault.secrets().history();
    match replaced {
        ReplacedValue::Leave => Ok(()),
        ReplacedValue::There => history.sync(name),
        ReplacedValue::Insert(insertion) => history.insert(name, insertion).map(|_| ()),
        ReplacedValue::Keep => match history.keep(name)? {
            Some(kept) => {
                let durable = history.make_durable(&kept);
                durable.map_err(|source| vault.secrets().current(name).failed(source))
            }
            None => Ok(()),
        },
    }
}

fn date_of(revision: &Revision) -> Option<SystemTime> {
    SystemTime::try_from(revision.set_at).ok()
}
