//! The requests to join a vault: a file for each machine, `requests/FINGERPRINT`.

use std::path::PathBuf;

use crate::durable_directory::{DurableDirectory, ReadError};
use crate::id::VaultId;
use crate::members::applicant::{APPLICANT_BYTES, Applicant};
use crate::members::member::Member;
use crate::members::signing_key::KeyFingerprint;
use crate::members::store_error::MemberStoreError;
use crate::whole_file::PreparedFile;

/// The directory of the requests, in the vault.
const REQUESTS: &str = "requests";

/// The requests in a vault.
#[derive(Debug)]
pub(crate) struct ApplicantFiles {
    id: VaultId,
    vault: DurableDirectory,
}

impl ApplicantFiles {
    pub(crate) fn of(id: VaultId, vault: DurableDirectory) -> Self {
        Self { id, vault }
    }

    /// The machines that ask for something that no member has. A file that is not a request is left out: anyone who can
    /// write to a shared vault could put it there.
    pub(crate) fn applicants(&self, members: &[Member]) -> Result<Vec<Member>, MemberStoreError> {
        let unread = |error| {
            let path = self.vault.path_of(REQUESTS);
            MemberStoreError::Read { path, source: ReadError::Io(error) }
        };
        let directory = match self.vault.open(REQUESTS) {
            Ok(directory) => directory,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unread(error)),
        };
        let mut applicants = Vec::new();
        for name in directory.names().map_err(unread)? {
            let name = name.map_err(unread)?;
            let Ok(bytes) = directory.read(&name, APPLICANT_BYTES as u64) else { continue };
            match Applicant::of(&name, bytes, self.id) {
                Ok(one) if members.contains(one.member()) => {}
                Ok(one) => applicants.push(one.member().clone()),
                Err(error) => {
                    let path = directory.path_of(&name);
                    tracing::warn!("{} is not a request to join: {error}", path.display());
                }
            }
        }
        applicants.sort_by_key(Member::fingerprint);
        Ok(applicants)
    }

    /// Writes a request, durably, and returns its file.
    pub(crate) fn write(&self, applicant: &Applicant) -> Result<PathBuf, MemberStoreError> {
        let name = applicant.fingerprint().to_string();
        let path = self.vault.path_of(REQUESTS).join(&name);
        let write = || {
            let directory = self.vault.find_or_make(REQUESTS)?;
            PreparedFile::write(&directory, &name, applicant.bytes(), None)?.commit()
        };
        match write() {
            Ok(()) => Ok(path),
            Err(source) => Err(MemberStoreError::Write { path, source }),
        }
    }

    /// Removes the requests of machines that were admitted, and those that ask for what a member has. Another request
    /// of a member stays. If one cannot be removed, it is listed once more.
    pub(crate) fn remove(&self, admitted: &[KeyFingerprint], members: &[Member]) {
        let Ok(directory) = self.vault.open(REQUESTS) else { return };
        for member in members {
            let name = member.fingerprint().to_string();
            let Ok(bytes) = directory.read(&name, APPLICANT_BYTES as u64) else { continue };
            let asked = Applicant::of(&name, bytes, self.id);
            let is_admitted = admitted.contains(&member.fingerprint());
            if is_admitted || asked.is_ok_and(|asked| asked.member() == member) {
                let _ = directory.remove_if_there(&name);
            }
        }
    }
}
