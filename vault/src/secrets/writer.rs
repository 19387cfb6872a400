//! Signs and encrypts changes of secrets.

use std::io;
use std::time::SystemTime;

use fluvio_secret_protocol::{RecordKind, Secret, SecretName};
use jiff::Timestamp;

use crate::error::VaultError;
use crate::keys::encryption::encrypt;
use crate::keys::identity::Recipient;
use crate::members::agreed_members::AgreedMembers;
use crate::members::content_hash::ContentHash;
use crate::members::list::MemberList;
use crate::members::signing_key::SigningKey;
use crate::revisions::revision::{LARGEST_COUNTER, Revision};
use crate::revisions::signed_record::{SecretUpdate, VerifiedRecord};
use crate::secret_reader::SecretReader;
use crate::secrets::history::seen_lines::SeenFile;
use crate::secrets::history::seen_revisions::SeenSecret;
use crate::secrets::record::Record;
use crate::secrets::secret_with_seen::SecretWithSeen;
use crate::secrets::settle;
use crate::secrets::version_file::VersionFile;
use crate::secrets::version_place::IN_VAULT;
use crate::vault::Vault;
use crate::whole_file::WrittenFile;

/// Signs changes with the key of this machine, and encrypts them for the members. Needs no identity, unless this
/// machine does not know the file that is changed.
pub struct SecretWriter {
    list: MemberList,
    recipients: Vec<Recipient>,
    key: SigningKey,
}

/// A record that is signed and encrypted.
pub(crate) struct SealedRecord {
    pub(crate) encrypted: Vec<u8>,
    pub(crate) revision: Revision,
}

/// A record that is encrypted again.
pub(crate) struct ResealedRecord {
    pub(crate) encrypted: Vec<u8>,
    /// `None` if it has no signature.
    pub(crate) revision: Option<Revision>,
}

impl SecretWriter {
    /// A writer of this vault. The first use of all makes the identity, the signing key and the list of members.
    pub fn of(vault: &Vault) -> Result<Self, VaultError> {
        let AgreedMembers { list, members, .. } = vault.prepare_members()?;
        let recipients = members.iter().map(|member| member.recipient().clone()).collect();
        let key = vault.members().signing_key()?;
        if list.find(&key.fingerprint()).is_none() {
            // It has lost the key that the others know.
            return Err(vault.members().not_member().into());
        }
        let writer = Self { list, recipients, key };
        settle::settle_if_changed(vault);
        Ok(writer)
    }

    /// A writer for a list of members that everything is encrypted for.
    pub(crate) fn for_list(vault: &Vault, list: &MemberList) -> Result<Self, VaultError> {
        let recipients = list.recipients().cloned().collect();
        Ok(Self { list: list.clone(), recipients, key: vault.members().signing_key()? })
    }

    /// Signs and encrypts a change of a secret that follows all that this machine knows.
    ///
    /// # Errors
    ///
    /// Also [`VaultError::Unseen`].
    pub(crate) fn seal(
        &self,
        vault: &Vault,
        name: &SecretName,
        kind: RecordKind,
        value: Secret,
    ) -> Result<SealedRecord, VaultError> {
        settle::settle(vault, name);
        let highest = highest_counter(vault, name)?;
        self.seal_after(highest, vault, name, (kind, value))
    }

    /// The same for a new value of a secret that is known already.
    pub(crate) fn seal_known(
        &self,
        vault: &Vault,
        known: &SecretWithSeen,
        value: Secret,
    ) -> Result<SealedRecord, VaultError> {
        settle::settle(vault, &known.name);
        let highest = highest_counter_of(vault, known)?;
        self.seal_after(highest, vault, &known.name, (RecordKind::Value, value))
    }

    fn seal_after(
        &self,
        highest: u64,
        vault: &Vault,
        name: &SecretName,
        (kind, value): (RecordKind, Secret),
    ) -> Result<SealedRecord, VaultError> {
        let file = vault.secrets().current(name);
        let set_at = now().map_err(|source| file.failed(source))?;
        let counter = highest + 1;
        self.seal_as(SecretUpdate { name: name.clone(), kind, counter, set_at, value }, &file)
    }

    /// Signs and encrypts a change as it is. An error about the disk names this file.
    pub(crate) fn seal_as(
        &self,
        update: SecretUpdate,
        file: &VersionFile,
    ) -> Result<SealedRecord, VaultError> {
        let name = update.name.clone();
        let signed = update.sign(&self.key, &self.list);
        let signed = signed.map_err(|source| VaultError::Unsigned { name, source })?;
        self.encrypt(&signed).map_err(|source| file.failed(source))
    }

    /// Encrypts a record, signed again for the list: by this machine, or as it was if only an admin could.
    pub(crate) fn seal_again(&self, record: &VerifiedRecord) -> io::Result<ResealedRecord> {
        let again = record.sign_again(&self.key, &self.list);
        self.encrypt(again.as_ref().unwrap_or(record)).map(Into::into)
    }

    /// Signs a record that has no signature, and encrypts it. Nothing is before it.
    pub(crate) fn seal_first(&self, record: &Record) -> io::Result<ResealedRecord> {
        let Record { name, set_at, value } = record;
        let (name, set_at, value) = (name.clone(), *set_at, value.clone());
        let update = SecretUpdate { name, kind: RecordKind::Value, counter: 1, set_at, value };
        let signed = update.sign(&self.key, &self.list).map_err(io::Error::other)?;
        self.encrypt(&signed).map(Into::into)
    }

    /// Encrypts a record that stays without a signature.
    pub(crate) fn encrypt_unsigned(&self, record: &Record) -> io::Result<ResealedRecord> {
        let encrypted = encrypt(&self.recipients, &record.encode()?)?;
        Ok(ResealedRecord { encrypted, revision: None })
    }

    fn encrypt(&self, record: &VerifiedRecord) -> io::Result<SealedRecord> {
        let encrypted = encrypt(&self.recipients, &record.encode())?;
        let revision = record.revision(ContentHash::of(&encrypted));
        Ok(SealedRecord { encrypted, revision })
    }
}

impl From<SealedRecord> for ResealedRecord {
    fn from(SealedRecord { encrypted, revision }: SealedRecord) -> Self {
        Self { encrypted, revision: Some(revision) }
    }
}

impl SealedRecord {
    /// When the change was made.
    pub(crate) fn set_at(&self) -> Timestamp {
        self.revision.set_at
    }

    /// Writes it under a temporary name, for this file and with the date of the change.
    pub(crate) fn write(&self, file: &VersionFile) -> Result<WrittenFile, VaultError> {
        file.write(&self.encrypted, SystemTime::try_from(self.set_at()).ok())
    }

    /// Remembers it, once it is in its place.
    pub(crate) fn seen_in(&self, file: &VersionFile) -> Option<SeenFile> {
        seen_in(&self.revision, file)
    }
}

/// What is to be remembered of a record that is in this file.
pub(crate) fn seen_in(revision: &Revision, file: &VersionFile) -> Option<SeenFile> {
    let id = file.id().ok().flatten()?;
    Some(SeenFile { revision: *revision, stamp: id.stamp() })
}

/// The highest counter of a secret that this machine has seen, or finds in the vault; 0 for none.
///
/// # Errors
///
/// [`VaultError::Unseen`] if a file would have to be decrypted, and the vault is locked.
pub(crate) fn highest_counter(vault: &Vault, name: &SecretName) -> Result<u64, VaultError> {
    let seen = vault.secrets().seen().of(name);
    highest_counter_of(vault, &SecretWithSeen { name: name.clone(), seen })
}

fn highest_counter_of(
    vault: &Vault,
    SecretWithSeen { name, seen }: &SecretWithSeen,
) -> Result<u64, VaultError> {
    let mut highest = seen.highest().map_or(0, |highest| highest.counter);
    let reader = SecretReader::of(vault);
    for place in IN_VAULT {
        let Some(file) = vault.secrets().locate(name, place)? else { continue };
        let counter = counter_in(&reader, seen, name, &file)?;
        highest = highest.max(Some(counter).filter(|one| *one <= LARGEST_COUNTER).unwrap_or(0));
    }
    Ok(highest)
}

/// The counter in a file; 0 if it has none, or has one that does not count.
fn counter_in(
    reader: &SecretReader<'_>,
    seen: &SeenSecret,
    name: &SecretName,
    file: &VersionFile,
) -> Result<u64, VaultError> {
    let encrypted = match file.read() {
        Ok(encrypted) => encrypted,
        // It has no revision, and can be replaced.
        Err(VaultError::Missing | VaultError::Damaged { .. }) => return Ok(0),
        Err(error) => return Err(error),
    };
    let content = ContentHash::of(&encrypted);
    if let Some(file) = seen.find(file.place.kind(), content) {
        return Ok(file.revision.counter);
    }
    match reader.record(name, file, &encrypted) {
        // One without a signature gets the first counter when it is signed.
        Ok(record) => Ok(record.revision(content).map_or(1, |revision| revision.counter)),
        Err(VaultError::Damaged { .. } | VaultError::ForOthers { .. }) => Ok(0),
        Err(VaultError::Locked { .. } | VaultError::IdentityLost { .. }) => {
            Err(VaultError::Unseen { file: file.path() })
        }
        Err(error) => Err(error),
    }
}

/// Whole seconds, which every file system keeps.
fn now() -> io::Result<Timestamp> {
    Timestamp::from_second(Timestamp::now().as_second()).map_err(io::Error::other)
}
