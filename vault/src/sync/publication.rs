//! What a vault has to publish, and the documents that this machine signs for a topic.

use fluvio_secret_protocol::{ListedSyncDocument, Role, SecretName, SyncDocument, SyncDocumentKey};
use jiff::Timestamp;

use crate::error::VaultError;
use crate::keys::encryption::encrypt;
use crate::keys::identity::Recipient;
use crate::members::applicant::Applicant;
use crate::members::content_hash::ContentHash;
use crate::members::list::{MemberList, SignedList};
use crate::members::member::Member;
use crate::members::read_members::ReadMembers;
use crate::members::signing_key::SigningKey;
use crate::members::store_error::MemberStoreError;
use crate::secrets::version_place::VersionPlace;
use crate::sync::acknowledgement::Acknowledgement;
use crate::sync::announcement::Announcement;
use crate::sync::published_records::{PublishedRecord, PublishedRecords};
use crate::sync::topic_name::TopicName;
use crate::vault::Vault;

/// The documents that a vault publishes.
pub struct Publication<'a> {
    vault: &'a Vault,
}

impl<'a> Publication<'a> {
    /// Those of this vault.
    pub fn of(vault: &'a Vault) -> Self {
        Self { vault }
    }

    /// The documents of these secrets; without names all documents, each list before the one that follows it. A machine
    /// that is not a member has only its request to join.
    pub fn list(&self, names: &[SecretName]) -> Result<Vec<ListedSyncDocument>, VaultError> {
        let read = self.vault.members().read()?;
        let members = self.members(&read)?.map(|(members, _)| members);
        let records = PublishedRecords::of(self.vault);
        let mut listed = Vec::new();
        if names.is_empty() {
            if let Some(members) = members {
                let lists = self.vault.members().lineage(members)?;
                listed.extend(lists.into_iter().rev().map(|(version, hash)| ListedSyncDocument {
                    key: SyncDocumentKey::Members { version },
                    id: hash.to_string(),
                    older: false,
                }));
            }
            listed.extend(self.applicant(&read)?.map(|(one, _)| ListedSyncDocument {
                key: SyncDocumentKey::Request,
                id: ContentHash::of(one.bytes()).to_string(),
                older: false,
            }));
        }
        let records = match (members.is_some(), names) {
            (false, _) => Vec::new(),
            (true, []) => records.all()?,
            (true, names) => records.of_names(names)?,
        };
        listed.extend(records.into_iter().map(|PublishedRecord { name, kind, content }| {
            let key = SyncDocumentKey::Record { name, kind };
            ListedSyncDocument { key, id: content.hash.to_string(), older: content.is_older }
        }));
        Ok(listed)
    }

    /// A document as it is published.
    ///
    /// # Errors
    ///
    /// [`VaultError::Missing`] if the vault does not publish it any more.
    pub fn get(&self, key: &SyncDocumentKey) -> Result<SyncDocument, VaultError> {
        let read = self.vault.members().read()?;
        match key {
            SyncDocumentKey::Members { version } => {
                let (members, _) = self.members(&read)?.ok_or(VaultError::Missing)?;
                let list = self.vault.members().list_bytes(members, *version)?;
                let list = list.ok_or(VaultError::Missing)?;
                // A machine that this list removes can read it, too. Otherwise it would not know, and what is set there
                // would be lost.
                let before = self.vault.members().list_before(&list)?;
                let is_removed = |one: &&Recipient| !members.recipients().any(|to| to == *one);
                let removed = before.iter().flat_map(SignedList::recipients).filter(is_removed);
                self.encrypted(&list, members.recipients().chain(removed))
            }
            SyncDocumentKey::Record { name, kind } => {
                let place = VersionPlace::of(*kind);
                let is_published = self.members(&read)?.is_some()
                    && PublishedRecords::of(self.vault).has(name, *kind)?;
                let file = self.vault.secrets().locate(name, place)?;
                let bytes = match file.filter(|_| is_published) {
                    Some(file) => file.read()?,
                    None => return Err(VaultError::Missing),
                };
                Ok(SyncDocument { id: ContentHash::of(&bytes).to_string(), bytes: bytes.into() })
            }
            SyncDocumentKey::Request => {
                let (applicant, to) = self.applicant(&read)?.ok_or(VaultError::Missing)?;
                self.encrypted(applicant.bytes(), to.iter())
            }
        }
    }

    /// An acknowledgement that this machine has taken this number of records of a topic.
    pub fn acknowledge(&self, topic: &str, records: u64) -> Result<SyncDocument, VaultError> {
        let (read, topic) = (self.vault.members().read()?, parse_topic(topic)?);
        let (members, own) = self.members(&read)?.ok_or_else(|| self.not_member())?;
        let key = self.signing_key()?;
        let text = Acknowledgement::sign(members, topic, records, Timestamp::now(), &key);
        let is_for = |one: &&Member| one.role() == Role::Admin || *one == own;
        self.encrypted(&text, members.members().iter().filter(is_for).map(Member::recipient))
    }

    /// The announcement of a topic, by an admin. It is not encrypted.
    pub fn announce(&self, topic: &str, generation: u64) -> Result<SyncDocument, VaultError> {
        let (read, topic) = (self.vault.members().read()?, parse_topic(topic)?);
        let (members, own) = self.members(&read)?.ok_or_else(|| self.not_member())?;
        if own.role() != Role::Admin {
            return Err(MemberStoreError::NotAdmin { path: self.vault.path().to_owned() }.into());
        }
        let (key, recipient) = (self.signing_key()?, own.recipient().clone());
        let (topic, version) = ((topic, generation), members.version());
        let announcement = Announcement::sign(self.vault.id(), topic, version, recipient, &key);
        let bytes = announcement.bytes().to_vec();
        Ok(SyncDocument { id: ContentHash::of(&bytes).to_string(), bytes: bytes.into() })
    }

    /// The accepted list, and this machine in it.
    fn members<'r>(
        &self,
        read: &'r ReadMembers,
    ) -> Result<Option<(&'r MemberList, &'r Member)>, VaultError> {
        let own = self.vault.members().own_fingerprint()?;
        let members = read.accepted.as_ref();
        Ok(members.and_then(|members| Some((members, members.find(&own?)?))))
    }

    /// The request of this machine, and who can read it: the members, or the admin whom it trusts. This machine can, too,
    /// so that it recognizes the request when the topic brings it back. It may be a member no longer.
    fn applicant(
        &self,
        read: &ReadMembers,
    ) -> Result<Option<(Applicant, Vec<Recipient>)>, VaultError> {
        let store = self.vault.members();
        let Some(applicant) = store.own_applicant(read)? else { return Ok(None) };
        let members = read.accepted.iter().flat_map(|members| members.recipients().cloned());
        let mut to: Vec<_> = members.collect();
        // After a removal, it may trust an admin whom its list does not have.
        if self.members(read)?.is_none() {
            let admin = store.pinned()?.map(|admin| admin.recipient().clone());
            to.extend(admin.filter(|admin| !to.contains(admin)));
        }
        if to.is_empty() {
            return Ok(None);
        }
        let own = applicant.member().recipient();
        if !to.contains(own) {
            to.push(own.clone());
        }
        Ok(Some((applicant, to)))
    }

    fn encrypted<'r>(
        &self,
        text: &[u8],
        to: impl Iterator<Item = &'r Recipient>,
    ) -> Result<SyncDocument, VaultError> {
        let to: Vec<_> = to.cloned().collect();
        let failed = |source| VaultError::Storage { path: self.vault.path().to_owned(), source };
        let bytes = encrypt(&to, text).map_err(failed)?;
        Ok(SyncDocument { id: ContentHash::of(text).to_string(), bytes: bytes.into() })
    }

    fn signing_key(&self) -> Result<SigningKey, VaultError> {
        Ok(self.vault.members().signing_key()?)
    }

    fn not_member(&self) -> VaultError {
        self.vault.members().not_member().into()
    }
}

fn parse_topic(topic: &str) -> Result<TopicName, VaultError> {
    TopicName::parse(topic).ok_or_else(|| VaultError::Topic { topic: topic.to_owned() })
}
