//! The lists of members that travel with a vault, and the one that this machine has accepted.
//!
//! The vault has a file for each version: `.members/1`, `.members/2` and so on. Where this machine keeps what it knows
//! of the vault, `members` is a copy of the list that it accepted last. It accepts a later one if that follows from
//! it, each version signed by an admin of the one before.
//!
//! While everything is being re-encrypted for a new list, that is also in `members.next`.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use fluvio_secret_protocol::{Members, Role};
use fluvio_secret_system::file_id::FileId;

use crate::durable_directory::{DurableDirectory, ReadError};
use crate::id::VaultId;
use crate::keys::identity::Recipient;
use crate::members::agreed_members::AgreedMembers;
use crate::members::applicants::ApplicantFiles;
use crate::members::chain::MemberChain;
use crate::members::earlier_list::EarlierList;
use crate::members::fork::ListFork;
use crate::members::former::FormerList;
use crate::members::list::{LIST_BYTES, MemberList, SignedList};
use crate::members::member::Member;
use crate::members::note::note_of_machine;
use crate::members::read_members::ReadMembers;
use crate::members::signing_key::{KeyFingerprint, SigningKey};
use crate::members::signing_key_file::SigningKeyFile;
use crate::members::store_error::MemberStoreError;
use crate::members::versions::VersionFiles;
use crate::whole_file::PreparedFile;

/// The list that this machine accepted last.
pub(crate) const ACCEPTED: &str = "members";
/// The list that everything is being re-encrypted for.
pub(crate) const NEXT: &str = "members.next";
/// How that file begins if the identity was changed.
const IDENTITY_CHANGED: &[u8] = b"identity\n";
const MEMBERS_CHANGED: &[u8] = b"members\n";

/// The lists of a vault.
#[derive(Debug)]
pub(crate) struct MemberStore {
    pub(super) id: VaultId,
    pub(super) vault: DurableDirectory,
    pub(super) config: DurableDirectory,
    signing: SigningKeyFile,
    earlier: EarlierList,
    former: FormerList,
    pub(super) requests: ApplicantFiles,
    pub(super) versions: VersionFiles,
    /// The accepted list as it was read last: its keys take long to read.
    last: Mutex<Option<MemberList>>,
    /// The signing key's file, and its fingerprint, which takes as long.
    own: Mutex<Option<(FileId, KeyFingerprint)>>,
}

impl MemberStore {
    /// `config` is where this machine keeps what it knows of this vault, and `signing` its signing key.
    pub(crate) fn of(
        id: VaultId,
        vault: DurableDirectory,
        config: DurableDirectory,
        signing: SigningKeyFile,
    ) -> Self {
        let earlier = EarlierList::of(vault.clone(), config.clone());
        let former = FormerList::in_directory(config.clone());
        let (requests, versions) =
            (ApplicantFiles::of(id, vault.clone()), VersionFiles::of(vault.clone()));
        let (last, own) = (Mutex::default(), Mutex::default());
        Self { id, vault, config, signing, earlier, former, requests, versions, last, own }
    }

    /// The directory of the lists in the vault.
    pub(crate) fn path(&self) -> PathBuf {
        self.versions.path()
    }

    /// Whether the vault has lists of any kind.
    pub(crate) fn is_in_vault(&self) -> Result<bool, MemberStoreError> {
        let has_earlier = self.earlier.is_in_vault().map_err(|error| self.unread(error))?;
        Ok(has_earlier || self.versions.is_there()?)
    }

    pub(crate) fn read(&self) -> Result<ReadMembers, MemberStoreError> {
        let written = self.read_accepted()?;
        let next = self.read_config(NEXT)?.map(|bytes| self.parse_next(&bytes)).transpose()?;
        let mut lists = self.versions.read(written.as_ref())?;
        // It counts even if a power cut came before it was written to the vault.
        if let Some((_, next)) = &next
            && !lists.iter().any(|list| list.hash() == next.hash())
        {
            lists.push((**next).clone());
        }
        if let (Some(written), [list], None) = (&written, &lists[..], &next)
            && list.hash() == written.hash()
        {
            // As almost always.
            let (accepted, refused) = (Some(written.clone()), Vec::new());
            return Ok(ReadMembers { accepted, is_newer: false, lists, refused, next });
        }
        let (mut is_newer, mut refused) = (false, Vec::new());
        let begin = written.as_ref().or(next.as_ref().map(|(_, next)| next));
        let accepted = begin.map(|list| {
            let mut chain = MemberChain::of(list.clone());
            refused = chain.advance(&lists);
            is_newer = written.is_none() || chain.newest().hash() != list.hash();
            chain.newest().clone()
        });
        Ok(ReadMembers { accepted, is_newer, lists, refused, next })
    }

    fn read_accepted(&self) -> Result<Option<MemberList>, MemberStoreError> {
        let Some(bytes) = self.read_config(ACCEPTED)? else { return Ok(None) };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(list) = last.as_ref().filter(|list| list.bytes() == bytes) {
            return Ok(Some(list.clone()));
        }
        let list = MemberList::accepted(self.parse(ACCEPTED, bytes)?);
        Ok(Some(last.insert(list).clone()))
    }

    fn read_config(&self, name: &str) -> Result<Option<Vec<u8>>, MemberStoreError> {
        match self.config.read(name, LIST_BYTES) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(ReadError::Missing) => Ok(None),
            Err(source) => Err(MemberStoreError::Read { path: self.config.path_of(name), source }),
        }
    }

    fn parse(&self, name: &str, bytes: Vec<u8>) -> Result<SignedList, MemberStoreError> {
        let path = || self.config.path_of(name);
        SignedList::parse(bytes).map_err(|source| MemberStoreError::Bad { path: path(), source })
    }

    fn parse_next(&self, bytes: &[u8]) -> Result<(bool, MemberList), MemberStoreError> {
        let (is_identity, list) = match bytes.strip_prefix(IDENTITY_CHANGED) {
            Some(list) => (true, list),
            None => (false, bytes.strip_prefix(MEMBERS_CHANGED).unwrap_or(bytes)),
        };
        Ok((is_identity, MemberList::accepted(self.parse(NEXT, list.to_vec())?)))
    }

    fn unread(&self, source: ReadError) -> MemberStoreError {
        MemberStoreError::Read { path: self.path(), source }
    }

    /// The signing key of this machine, which is made if it is missing.
    pub(crate) fn signing_key(&self) -> Result<SigningKey, MemberStoreError> {
        match self.signing.read()? {
            Some(key) => Ok(key),
            None => Ok(self.signing.make()?),
        }
    }

    /// The fingerprint of this machine; `None` if it has signed nothing yet.
    pub(crate) fn own_fingerprint(&self) -> Result<Option<KeyFingerprint>, MemberStoreError> {
        let file_id = self.signing.file_id()?;
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(file_id), Some((known, own))) = (file_id, *own)
            && file_id == known
        {
            return Ok(Some(own));
        }
        let fingerprint = self.signing.read()?.map(|key| key.fingerprint());
        *own = file_id.zip(fingerprint);
        Ok(fingerprint)
    }

    /// This machine's own recipient, as far as it is known without the identity.
    pub(crate) fn own(&self) -> Result<Option<Recipient>, MemberStoreError> {
        if let Some(list) = &self.read()?.accepted {
            let own = self.own_fingerprint()?;
            let member = own.and_then(|own| list.find(&own));
            return Ok(member.map(|member| member.recipient().clone()));
        }
        Ok(self.earlier.own())
    }

    /// Begins the list of a vault: this machine is its admin, and recipients of an earlier version are readers.
    pub(crate) fn begin(&self, own: &Recipient, note: &str) -> Result<(), MemberStoreError> {
        self.refuse_if_waiting()?;
        let key = self.signing_key()?;
        let me = Member::new(own.clone(), *key.verification_key(), note, Role::Admin);
        let others = self.earlier.others(own).map_err(|source| self.unread(source))?;
        let others =
            others.into_iter().map(|(recipient, note)| Member::without_key(recipient, &note));
        let members = [me].into_iter().chain(others).collect();
        let list = MemberList::first(self.id, members, &key)?;
        // After a power cut in between, the next change writes it to the vault.
        self.accept(&list)?;
        self.versions.publish(&list)?;
        self.earlier.remove();
        Ok(())
    }

    /// Begins the list of a vault that has none.
    pub(crate) fn begin_if_none(&self, own: &Recipient) -> Result<(), MemberStoreError> {
        let read = self.read()?;
        let is_new = read.is_empty() && read.lists.is_empty();
        if is_new { self.begin(own, &note_of_machine()) } else { Ok(()) }
    }

    /// The members of the vault, for people. `own` are the keys of this machine.
    pub(crate) fn listed(&self, own: &[Recipient]) -> Result<Members, MemberStoreError> {
        let read = self.read()?;
        let fingerprint = self.own_fingerprint()?;
        let version = read.accepted.as_ref().map_or(0, |list| list.version());
        let members = read.of_vault().iter().map(|one| one.listed(own, fingerprint, false));
        let requested = self.requests.applicants(read.of_vault());
        let trouble = requested.trouble;
        let requested = requested.members.iter().map(|one| one.listed(own, fingerprint, true));
        Ok(Members {
            members: members.chain(requested).collect(),
            vault: self.vault.path().display().to_string(),
            version,
            forked: read.fork().is_some(),
            unfinished: read.unfinished(own, fingerprint),
            trouble,
            waits_for: self.waits_for()?.map(|admin| admin.fingerprint().to_string()),
            more: false,
        })
    }

    /// The list that brings two together which contradict each other; `None` if there are no two.
    pub(crate) fn merged(&self) -> Result<Option<MemberList>, MemberStoreError> {
        let read = self.read()?;
        let Some(accepted) = &read.accepted else { return Ok(None) };
        let Some(fork) = ListFork::of(accepted, &read.lists, &read.refused) else {
            return Ok(None);
        };
        Ok(Some(fork.merge(&self.signing_key()?)?))
    }

    /// Accepts a list on this machine.
    pub(crate) fn accept(&self, list: &SignedList) -> Result<(), MemberStoreError> {
        self.write(&self.config, ACCEPTED, list.bytes())
    }

    fn write(
        &self,
        directory: &DurableDirectory,
        name: &str,
        bytes: &[u8],
    ) -> Result<(), MemberStoreError> {
        let prepared = PreparedFile::write(directory, name, bytes, None);
        let written = prepared.and_then(PreparedFile::commit);
        written.map_err(|source| MemberStoreError::Write { path: directory.path_of(name), source })
    }

    /// Whom secrets are encrypted to, and writes the lists that are not there. `own` are the keys of this machine, the
    /// current one first; empty if they are not known.
    pub(crate) fn prepare(&self, own: &[Recipient]) -> Result<AgreedMembers, MemberStoreError> {
        let mut read = self.read()?;
        let fingerprint = self.own_fingerprint()?;
        // It may have lost what it knew, and not its signing key.
        if let Some(list) = read.newest_by(self.id, fingerprint) {
            self.accept(&list)?;
            read = self.read()?;
        }
        let alone = read.own_alone(self.id, own, fingerprint);
        if read.is_empty() || alone.is_some() {
            if !read.lists.is_empty() && alone.is_none() {
                return Err(MemberStoreError::Untrusted { path: self.vault.path().to_owned() });
            }
            if let Some(alone) = alone {
                self.former.keep(&alone)?;
            }
            self.begin(own.first().ok_or_else(|| self.unknown())?, &note_of_machine())?;
            read = self.read()?;
        }
        let agreed = self.agreed(&read, own)?;
        if read.is_newer {
            self.accept(&agreed.list)?;
        }
        agreed.refuse_reader(self.vault.path())?;
        // A later list is of no use to others without this one.
        if read.next.is_some() || !read.is_published() {
            self.versions.publish(&agreed.list)?;
        }
        Ok(agreed)
    }

    /// The list before the accepted one, until everything is signed again.
    pub(crate) fn former(&self) -> Result<Option<MemberList>, MemberStoreError> {
        self.former.read()
    }

    /// The list that counts. Writes nothing.
    pub(crate) fn agreed(
        &self,
        read: &ReadMembers,
        own: &[Recipient],
    ) -> Result<AgreedMembers, MemberStoreError> {
        let list = read.accepted.as_ref().ok_or_else(|| self.unknown())?;
        if let Some(version) = read.fork() {
            return Err(MemberStoreError::Fork { path: self.path(), version });
        }
        let members = list.members().to_vec();
        let fingerprint = self.own_fingerprint()?;
        let by_key = |member: &Member| Some(member.fingerprint()) == fingerprint;
        let by_recipient = |member: &Member| own.contains(member.recipient());
        let place =
            members.iter().position(by_key).or_else(|| members.iter().position(by_recipient));
        let place = place.ok_or_else(|| self.not_member())?;
        let mut agreed = AgreedMembers { list: list.clone(), members, own: place };
        let me = &agreed.members[place];
        if let [current, retired @ ..] = own
            && me.recipient() != current
        {
            if !retired.contains(me.recipient()) {
                return Err(MemberStoreError::Foreign { path: self.vault.path().to_owned() });
            }
            // Only an admin can have the others encrypt for another key.
            if me.role() == Role::Admin {
                agreed.use_key(current);
            }
        }
        Ok(agreed)
    }

    /// Fails if this machine may not change the vault, as far as is known. Writes nothing.
    pub(crate) fn refuse_change(&self, own: &[Recipient]) -> Result<(), MemberStoreError> {
        let read = self.read()?;
        if read.accepted.is_some() {
            return self.agreed(&read, own)?.refuse_reader(self.vault.path());
        }
        // The first change of a new vault makes its list.
        self.refuse_if_waiting()
    }

    fn unknown(&self) -> MemberStoreError {
        MemberStoreError::Unknown { path: self.config.path_of(ACCEPTED) }
    }

    /// Writes down what everything will be re-encrypted for. Until [`MemberStore::end`] that is unfinished.
    pub(crate) fn change(
        &self,
        next: &MemberList,
        is_identity_changed: bool,
    ) -> Result<(), MemberStoreError> {
        if let Some(before) = &self.read()?.accepted
            && before.hash() != next.hash()
        {
            self.former.keep(before)?;
        }
        let beginning = if is_identity_changed { IDENTITY_CHANGED } else { MEMBERS_CHANGED };
        self.write(&self.config, NEXT, &[beginning, next.bytes()].concat())?;
        self.versions.publish(next)?;
        self.accept(next)
    }

    /// Everything is encrypted for it now.
    pub(crate) fn end(&self) -> Result<(), MemberStoreError> {
        let ended = self.config.remove_if_there(NEXT).and_then(|()| self.config.sync());
        let path = self.config.path_of(NEXT);
        ended.map_err(|source| MemberStoreError::Write { path, source })?;
        self.former.end()
    }
}

#[cfg(test)]
mod tests;
