//! The requests to join a vault, and what this machine waits for until it is admitted.

use std::path::PathBuf;

use fluvio_secret_protocol::Role;

use crate::keys::identity::Recipient;
use crate::members::admin_pin::{PINNED, write_pin};
use crate::members::applicant::Applicant;
use crate::members::member::Member;
use crate::members::note::note_of_machine;
use crate::members::signing_key::KeyFingerprint;
use crate::members::store::MemberStore;
use crate::members::store_error::MemberStoreError;
use crate::sync::announcement::Announcement;

impl MemberStore {
    /// The machines that have asked to join, and are no members in that way yet.
    pub(crate) fn applicants(&self) -> Result<Vec<Member>, MemberStoreError> {
        Ok(self.requests.applicants(self.read()?.of_vault()).members)
    }

    /// The role that this machine asks for, or else the one that it has.
    pub(crate) fn own_role(&self) -> Result<Option<Role>, MemberStoreError> {
        let Some(own) = self.own_fingerprint()? else { return Ok(None) };
        let (asked, read) = (self.applicants()?, self.read()?);
        let mut all = asked.iter().chain(read.of_vault());
        Ok(all.find(|member| member.fingerprint() == own).map(Member::role))
    }

    /// Writes a request to join into the vault, unless this machine has the role already. Returns its file, and the
    /// fingerprint of this machine. Without a note it has that of the last request, or of the member.
    pub(crate) fn request(
        &self,
        own: &Recipient,
        role: Role,
        note: Option<&str>,
    ) -> Result<(Option<PathBuf>, KeyFingerprint), MemberStoreError> {
        let (key, read) = (self.signing_key()?, self.read()?);
        let is_it = |member: &Member| {
            member.fingerprint() == key.fingerprint()
                && member.recipient() == own
                && member.role() == role
        };
        if read.of_vault().iter().any(is_it) {
            return Ok((None, key.fingerprint()));
        }
        let asked = self.requests.find(&key.fingerprint());
        let member = read.accepted.as_ref().and_then(|list| list.find(&key.fingerprint()));
        let known = asked.as_ref().map(Applicant::member).or(member).map(Member::note);
        let note = note.map(ToOwned::to_owned).or(known).unwrap_or_else(note_of_machine);
        let members = read.accepted.as_ref().map_or(0, |list| list.version());
        let applicant = Applicant::sign(self.id, own.clone(), &note, role, members, &key);
        // The same request may be committed already.
        if let Some(asked) = asked.filter(|asked| asked.member() == applicant.member())
            && asked.members() >= self.last_change(&read, key.verification_key())?
        {
            return Ok((Some(self.requests.path(&asked.fingerprint())), key.fingerprint()));
        }
        Ok((Some(self.requests.write(&applicant)?), key.fingerprint()))
    }

    /// Removes the requests of machines that were admitted, and those that ask for what a member has.
    pub(crate) fn remove_requests(&self, admitted: &[KeyFingerprint], members: &[Member]) {
        self.requests.remove(admitted, members);
    }

    /// Trusts the admin of an announcement, durably.
    pub(crate) fn trust(&self, announcement: &Announcement) -> Result<(), MemberStoreError> {
        write_pin(&self.config, announcement)
    }

    /// The file of the admin whom this machine trusts.
    pub(crate) fn path_of_pin(&self) -> PathBuf {
        self.config.path_of(PINNED)
    }

    /// The announcement of the admin whom this machine trusts, while it has accepted no list.
    pub(crate) fn waits_for(&self) -> Result<Option<Announcement>, MemberStoreError> {
        let Some(pinned) = self.pinned()? else { return Ok(None) };
        Ok(self.read()?.is_empty().then_some(pinned))
    }

    /// Why this machine cannot change the vault: it is not a member.
    pub(crate) fn not_member(&self) -> MemberStoreError {
        let path = self.vault.path().to_owned();
        let own = self.own_fingerprint().ok().flatten();
        match own.filter(|own| self.requests.find(own).is_some()) {
            Some(own) => MemberStoreError::NotAdmitted { path, own: Some(own) },
            None => MemberStoreError::NotMember { path },
        }
    }

    /// Fails while this machine waits to be admitted: a list of its own would contradict that of the admin.
    pub(crate) fn refuse_if_waiting(&self) -> Result<(), MemberStoreError> {
        if self.waits_for()?.is_none() {
            return Ok(());
        }
        let path = self.vault.path().to_owned();
        Err(MemberStoreError::NotAdmitted { path, own: self.own_fingerprint()? })
    }
}
