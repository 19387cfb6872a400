//! What a vault publishes of its members, and takes from a topic.

use memchr::memmem;

use crate::members::admin_pin::read_pin;
use crate::members::applicant::Applicant;
use crate::members::chain::MemberChain;
use crate::members::content_hash::ContentHash;
use crate::members::error::MembersError;
use crate::members::list::{MemberList, SignedList};
use crate::members::member::Member;
use crate::members::read_members::ReadMembers;
use crate::members::signed_text::head_line;
use crate::members::signing_key::{KeyFingerprint, VerificationKey};
use crate::members::store::MemberStore;
use crate::members::store_error::MemberStoreError;
use crate::sync::announcement::Announcement;

/// What a list of a topic means for this machine.
#[derive(Debug)]
pub(crate) enum ListVerdict {
    /// It is accepted with it. This is the newest accepted one then.
    Follows(Box<MemberList>),
    /// It is the accepted list, or comes before that.
    Known,
    /// A list between it and the accepted one is missing, or no list was accepted.
    Later,
    /// It is not accepted.
    Refused(MembersError),
}

/// What a request to join means for this machine.
#[derive(Debug)]
pub(crate) enum ApplicantVerdict {
    /// The vault has it, the machine is a member as it asks for, or an admin has decided since.
    Known,
    /// It is new.
    New,
    /// It is not accepted, for this reason.
    Refused(&'static str),
}

impl MemberStore {
    /// The announcement of the admin whom this machine trusts.
    pub(crate) fn pinned(&self) -> Result<Option<Announcement>, MemberStoreError> {
        read_pin(&self.config)
    }

    /// The accepted list and those before it: version and hash, the newest first.
    pub(crate) fn lineage(
        &self,
        accepted: &SignedList,
    ) -> Result<Vec<(u64, ContentHash)>, MemberStoreError> {
        self.versions.lineage(accepted)
    }

    /// The content of a list that is the accepted one or comes before it.
    pub(crate) fn list_bytes(
        &self,
        accepted: &SignedList,
        version: u64,
    ) -> Result<Option<Vec<u8>>, MemberStoreError> {
        if version == accepted.version() {
            return Ok(Some(accepted.bytes().to_vec()));
        }
        let lineage = self.lineage(accepted)?;
        let Some((_, hash)) = lineage.iter().find(|(known, _)| *known == version) else {
            return Ok(None);
        };
        let bytes = self.versions.bytes(version)?;
        Ok(bytes.filter(|bytes| ContentHash::of(bytes) == *hash))
    }

    /// The list that a list follows, if its file is there. Of a merge, it is the one with the higher version.
    pub(crate) fn list_before(&self, list: &[u8]) -> Result<Option<SignedList>, MemberStoreError> {
        let Ok(list) = SignedList::parse(list.to_vec()) else { return Ok(None) };
        let bytes = match list.version().checked_sub(1) {
            Some(version) => self.versions.bytes(version)?,
            None => None,
        };
        let before = bytes.and_then(|bytes| SignedList::parse(bytes).ok());
        Ok(before.filter(|before| list.predecessors().any(|hash| hash == before.hash())))
    }

    /// The request of this machine, unless it is a member as it asks for.
    pub(crate) fn own_applicant(
        &self,
        read: &ReadMembers,
    ) -> Result<Option<Applicant>, MemberStoreError> {
        let Some(own) = self.own_fingerprint()? else { return Ok(None) };
        let applicant = self.requests.find(&own);
        Ok(applicant.filter(|one| !read.of_vault().contains(one.member())))
    }

    /// Whether this machine accepts a list.
    pub(crate) fn judge_list(
        &self,
        read: &ReadMembers,
        list: &SignedList,
    ) -> Result<ListVerdict, MemberStoreError> {
        if list.vault() != self.id {
            return Ok(ListVerdict::Refused(MembersError::OtherVault));
        }
        let Some(accepted) = &read.accepted else { return self.judge_first(read, list) };
        if list.version() <= accepted.version() {
            return self.judge_earlier(accepted, list);
        }
        let candidates = with(&read.lists, list);
        let mut chain = MemberChain::of(accepted.clone());
        let mut refused = chain.advance(&candidates).into_iter();
        Ok(match refused.find(|one| one.hash == list.hash()).map(|one| one.reason) {
            None => ListVerdict::Follows(Box::new(chain.newest().clone())),
            Some(MembersError::Gap) => self.judge_later(accepted, list, &candidates)?,
            Some(reason) => ListVerdict::Refused(reason),
        })
    }

    /// A list that does not follow from the accepted one, because lists in between are missing. A machine that was removed
    /// cannot decrypt those. It takes the list if it is a member again, by the admin whom it trusts since its removal.
    fn judge_later(
        &self,
        accepted: &SignedList,
        list: &SignedList,
        candidates: &[SignedList],
    ) -> Result<ListVerdict, MemberStoreError> {
        let own = self.own_fingerprint()?;
        let is_member = |list: &SignedList| own.is_some_and(|own| list.find(&own).is_some());
        if is_member(accepted) || !is_member(list) {
            return Ok(ListVerdict::Later);
        }
        let is_by_admin = self.pinned()?.is_some_and(|pinned| {
            pinned.members() >= accepted.version() && pinned.fingerprint() == list.signer()
        });
        Ok(match (is_by_admin, list.check_signer(list)) {
            (false, _) => ListVerdict::Later,
            (true, Err(reason)) => ListVerdict::Refused(reason),
            (true, Ok(())) => {
                let mut chain = MemberChain::of(MemberList::accepted(list.clone()));
                chain.advance(candidates);
                ListVerdict::Follows(Box::new(chain.newest().clone()))
            }
        })
    }

    /// Whether this machine has accepted a list, and is not a member in it.
    pub(crate) fn is_removed(&self) -> Result<bool, MemberStoreError> {
        let (read, own) = (self.read()?, self.own_fingerprint()?);
        let is_member = |list: MemberList| own.is_some_and(|own| list.find(&own).is_some());
        Ok(read.accepted.is_some_and(|list| !is_member(list)))
    }

    /// The first list of this machine is of the admin whom it trusts.
    fn judge_first(
        &self,
        read: &ReadMembers,
        list: &SignedList,
    ) -> Result<ListVerdict, MemberStoreError> {
        let Some(admin) = self.pinned()?.map(|pinned| pinned.fingerprint()) else {
            return Ok(ListVerdict::Later);
        };
        if list.signer() != admin {
            return Ok(ListVerdict::Later);
        }
        if let Err(reason) = list.check_signer(list) {
            return Ok(ListVerdict::Refused(reason));
        }
        let candidates = with(&read.lists, list);
        Ok(match MemberChain::pin(&candidates, self.id, &admin) {
            Ok(mut chain) => {
                chain.advance(&candidates);
                ListVerdict::Follows(Box::new(chain.newest().clone()))
            }
            Err(reason) => ListVerdict::Refused(reason),
        })
    }

    /// A list that is not newer than the accepted one.
    fn judge_earlier(
        &self,
        accepted: &SignedList,
        list: &SignedList,
    ) -> Result<ListVerdict, MemberStoreError> {
        let lineage = self.lineage(accepted)?;
        if lineage.iter().any(|(_, hash)| *hash == list.hash()) {
            return Ok(ListVerdict::Known);
        }
        for (version, _) in lineage {
            let bytes = match version == accepted.version() {
                true => accepted.bytes().to_vec(),
                false => self.versions.bytes(version)?.unwrap_or_default(),
            };
            let Ok(before) = SignedList::parse(bytes) else { continue };
            // The file of an earlier list may be missing.
            if before.predecessors().any(|hash| hash == list.hash()) {
                return Ok(ListVerdict::Known);
            }
            if list.predecessors().any(|hash| hash == before.hash()) {
                let reason = list.check_step(&before).err().unwrap_or(MembersError::Fork);
                return Ok(ListVerdict::Refused(reason));
            }
        }
        Ok(ListVerdict::Refused(MembersError::Rollback))
    }

    /// Writes a list to the vault and accepts the newest one, durably.
    pub(crate) fn take_list(
        &self,
        list: &SignedList,
        newest: &MemberList,
    ) -> Result<(), MemberStoreError> {
        let before = self.read()?.accepted;
        self.versions.publish(list)?;
        self.accept(newest)?;
        // An admin has decided, maybe for another role than in the request.
        let known = |machine: &KeyFingerprint| before.as_ref().and_then(|list| list.find(machine));
        let is_decided = |member: &&Member| known(&member.fingerprint()) != Some(*member);
        let decided = newest.members().iter().filter(is_decided).map(Member::fingerprint);
        self.remove_requests(&decided.collect::<Vec<_>>(), newest.members());
        Ok(())
    }

    /// Whether a request to join is of use.
    pub(crate) fn judge_applicant(
        &self,
        read: &ReadMembers,
        applicant: &Applicant,
    ) -> Result<ApplicantVerdict, MemberStoreError> {
        let machine = applicant.fingerprint();
        let found = self.requests.find(&machine);
        if applicant.vault() != self.id {
            return Ok(ApplicantVerdict::Refused("it is a request to join another vault"));
        }
        if self.own_fingerprint()? == Some(machine)
            || read.of_vault().contains(applicant.member())
            || found.as_ref().is_some_and(|found| found.bytes() == applicant.bytes())
        {
            return Ok(ApplicantVerdict::Known);
        }
        // An admin has decided since. All earlier requests stay on the topic.
        if let Some(key) = applicant.member().key()
            && applicant.members() < self.last_change(read, key)?
        {
            return Ok(ApplicantVerdict::Known);
        }
        if found.is_none() && self.requests.is_full()? {
            return Ok(ApplicantVerdict::Refused("the vault has too many requests to join"));
        }
        Ok(ApplicantVerdict::New)
    }

    /// The version of the list in which a machine became the member that it is, or was removed. It is 0 if the machine has
    /// never been one.
    pub(crate) fn last_change(
        &self,
        read: &ReadMembers,
        key: &VerificationKey,
    ) -> Result<u64, MemberStoreError> {
        let Some(accepted) = &read.accepted else { return Ok(0) };
        let member = accepted.find(&key.fingerprint());
        // To parse many lists would take long. In a note, the quotes would be escaped.
        let entry = member.map_or_else(|| format!("\"key\":\"{key}\"").into_bytes(), head_line);
        let mut since = accepted.version();
        for (version, _) in self.lineage(accepted)? {
            let Some(bytes) = self.versions.bytes(version)? else { continue };
            if memmem::find(&bytes, &entry).is_some() != member.is_some() {
                return Ok(since);
            }
            since = version;
        }
        Ok(member.map_or(0, |_| since))
    }

    /// Writes a request to join to the vault, durably.
    pub(crate) fn take_applicant(&self, applicant: &Applicant) -> Result<(), MemberStoreError> {
        self.requests.write(applicant).map(|_| ())
    }
}

/// The lists of the vault, and one that may be among them.
fn with(lists: &[SignedList], list: &SignedList) -> Vec<SignedList> {
    let others = lists.iter().filter(|one| one.hash() != list.hash());
    others.chain([list]).cloned().collect()
}
