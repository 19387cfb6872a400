//! The requests to join a vault: a file for each machine, `requests/FINGERPRINT`.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use fluvio_secret_system::io_error::io_error_text;

use crate::durable_directory::{DurableDirectory, ReadError};
use crate::id::VaultId;
use crate::members::applicant::{APPLICANT_BYTES, Applicant};
use crate::members::member::Member;
use crate::members::signing_key::KeyFingerprint;
use crate::members::store_error::MemberStoreError;
use crate::whole_file::PreparedFile;

/// The directory of the requests, in the vault.
pub(crate) const REQUESTS: &str = "requests";

/// The requests that are read.
const REQUESTS_READ: usize = 256;

/// The machines that have asked to join.
#[derive(Debug, Default)]
pub(crate) struct FoundApplicants {
    pub(crate) members: Vec<Member>,
    /// Why some may be missing, for people.
    pub(crate) trouble: Option<String>,
}

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
    pub(crate) fn applicants(&self, members: &[Member]) -> FoundApplicants {
        let mut found = FoundApplicants::default();
        let names = match self.names() {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return found,
            Err(error) => {
                let path = self.vault.path_of(REQUESTS);
                let text = io_error_text(&error);
                found.trouble =
                    Some(format!("cannot read the requests in {}: {text}", path.display()));
                return found;
            }
        };
        if names.len() > REQUESTS_READ {
            let path = self.vault.path_of(REQUESTS).display().to_string();
            let text = format!(
                "{path} has more than {REQUESTS_READ} requests, and the others are not read"
            );
            found.trouble = Some(text);
        }
        let mut others = 0_usize;
        for name in names.into_iter().take(REQUESTS_READ) {
            match self.applicant(&name) {
                Some(one) if members.contains(one.member()) => {}
                Some(one) => found.members.push(one.member().clone()),
                None => others += 1,
            }
        }
        if others > 0 {
            let path = self.vault.path_of(REQUESTS);
            tracing::warn!("{others} files in {} are not requests to join", path.display());
        }
        found
    }

    /// The names of files that may be requests, in their order.
    fn names(&self) -> io::Result<BTreeSet<String>> {
        let names = self.vault.open(REQUESTS)?.names()?;
        let is_request = |name: &io::Result<String>| {
            name.as_ref().map_or(true, |name| KeyFingerprint::parse(name).is_some())
        };
        names.filter(is_request).collect()
    }

    fn applicant(&self, name: &str) -> Option<Applicant> {
        let bytes = self.vault.open(REQUESTS).ok()?.read(name, APPLICANT_BYTES as u64).ok()?;
        Applicant::of(name, bytes, self.id).ok()
    }

    /// The request of a machine, if there is one.
    pub(crate) fn find(&self, machine: &KeyFingerprint) -> Option<Applicant> {
        self.applicant(&machine.to_string())
    }

    /// Whether there is no room for a request of another machine.
    pub(crate) fn is_full(&self) -> Result<bool, MemberStoreError> {
        match self.names() {
            Ok(names) => Ok(names.len() >= REQUESTS_READ),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => {
                let path = self.vault.path_of(REQUESTS);
                Err(MemberStoreError::Read { path, source: ReadError::Io(error) })
            }
        }
    }

    /// The file of a machine's request.
    pub(crate) fn path(&self, machine: &KeyFingerprint) -> PathBuf {
        self.vault.path_of(REQUESTS).join(machine.to_string())
    }

    /// Writes a request, durably, and returns its file.
    pub(crate) fn write(&self, applicant: &Applicant) -> Result<PathBuf, MemberStoreError> {
        let name = applicant.fingerprint().to_string();
        let path = self.path(&applicant.fingerprint());
        let write = || {
            let directory = self.vault.find_or_make(REQUESTS)?;
            self.vault.sync()?;
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
            let asked = self.applicant(&name);
            let is_admitted = admitted.contains(&member.fingerprint());
            if is_admitted || asked.is_some_and(|asked| asked.member() == member) {
                let _ = directory.remove_if_there(&name);
            }
        }
    }
}
