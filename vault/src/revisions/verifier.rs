//! Which records this machine takes from the files of a vault.

use fluvio_secret_protocol::{Secret, SecretName};
use jiff::Timestamp;

use crate::members::content_hash::ContentHash;
use crate::members::list::MemberList;
use crate::members::member::Member;
use crate::members::signed_text::BadDocument;
use crate::revisions::revision::Revision;
use crate::revisions::signed_record::{RecordError, SignedRecord, VerifiedRecord};
use crate::secrets::record::{BadRecord, Record};
use crate::secrets::version_place::VersionPlace;

/// Takes the records that an admin or a writer has signed, and refuses all others.
#[derive(Debug)]
pub(crate) struct RecordVerifier {
    /// The list that this machine accepted last.
    pub(crate) members: Option<MemberList>,
    /// The list before it, until everything is signed again.
    pub(crate) former: Option<MemberList>,
    /// Whether records without a signature are taken: until the vault is upgraded.
    pub(crate) takes_unsigned: bool,
}

/// A record that was taken.
#[derive(Debug)]
pub(crate) enum OpenedRecord {
    Signed(VerifiedRecord),
    /// Of format 1.
    Unsigned(Record),
}

impl RecordVerifier {
    /// Takes decrypted bytes, which must be a record of this secret that fits into its place.
    pub(crate) fn open(
        &self,
        name: &SecretName,
        place: VersionPlace,
        plain: &[u8],
    ) -> Result<OpenedRecord, BadRecord> {
        self.open_by(name, place, plain, |record| self.verify(record))
    }

    /// The same for bytes that were taken before, by the same members.
    pub(crate) fn open_again(
        &self,
        name: &SecretName,
        place: VersionPlace,
        plain: &[u8],
    ) -> Result<OpenedRecord, BadRecord> {
        self.open_by(name, place, plain, |record| Ok(record.verified_before()))
    }

    /// The same for the bytes of a file whose signature this machine has verified, or has made. Everything else may have
    /// changed since, such as the members.
    pub(crate) fn open_known(
        &self,
        name: &SecretName,
        place: VersionPlace,
        plain: &[u8],
    ) -> Result<OpenedRecord, BadRecord> {
        self.open_by(name, place, plain, |record| match (&self.members, &self.former) {
            (Some(members), None) => record.verify_known(members),
            _ => self.verify(record),
        })
    }

    /// The revision in decrypted bytes; `None` without a signature. One for a newer list than the accepted one is not
    /// verified.
    pub(crate) fn revision(
        &self,
        name: &SecretName,
        place: VersionPlace,
        plain: &[u8],
        file: ContentHash,
    ) -> Result<Option<Revision>, BadRecord> {
        match self.open(name, place, plain) {
            Err(BadRecord::Refused(RecordError::NewerMembers(_))) => {
                let record = SignedRecord::parse(plain).map_err(|_| BadRecord::Unreadable)?;
                Ok(Some(record.revision(file)))
            }
            opened => opened.map(|record| record.revision(file)),
        }
    }

    fn open_by(
        &self,
        name: &SecretName,
        place: VersionPlace,
        plain: &[u8],
        verify: impl FnOnce(SignedRecord) -> Result<VerifiedRecord, RecordError>,
    ) -> Result<OpenedRecord, BadRecord> {
        let record = match SignedRecord::parse(plain) {
            Ok(record) => record,
            Err(BadDocument::Older(1)) => return self.open_unsigned(name, place, plain),
            Err(BadDocument::Newer(format)) => return Err(BadRecord::Newer(format)),
            Err(_) => return Err(BadRecord::Unreadable),
        };
        record.refuse_if_other(name).map_err(|error| match error {
            RecordError::OtherName(name) => BadRecord::OtherName(name),
            error => BadRecord::Refused(error),
        })?;
        let record = verify(record).map_err(BadRecord::Refused)?;
        if record.kind() != place.kind() {
            return Err(BadRecord::OtherKind(record.kind()));
        }
        Ok(OpenedRecord::Signed(record))
    }

    fn verify(&self, record: SignedRecord) -> Result<VerifiedRecord, RecordError> {
        let members = self.members.as_ref().ok_or(RecordError::NoMembers)?;
        match &self.former {
            None => record.verify(members),
            Some(former) => match record.clone().verify(members) {
                // A machine that began again has fewer lists now.
                Err(
                    RecordError::NotWriter(_)
                    | RecordError::NotAdmin(_)
                    | RecordError::NewerMembers(_),
                ) => record.verify(former),
                verified => verified,
            },
        }
    }

    fn open_unsigned(
        &self,
        name: &SecretName,
        place: VersionPlace,
        plain: &[u8],
    ) -> Result<OpenedRecord, BadRecord> {
        let record = Record::of(name, plain)?;
        // Nothing without a signature was ever deleted by a record.
        match self.takes_unsigned && place.directory().is_none() {
            true => Ok(OpenedRecord::Unsigned(record)),
            false => Err(BadRecord::Unsigned),
        }
    }

    /// Whether a record of this revision, which was taken once, would be taken now: its author may still write, or an admin
    /// has signed it for this list.
    pub(crate) fn still_takes(&self, seen: &Revision) -> bool {
        let Some(members) = &self.members else { return true };
        let may_write = |list: &MemberList| list.find(&seen.author).is_some_and(Member::may_write);
        may_write(members)
            || self.former.as_ref().is_some_and(may_write)
            || seen.members >= members.version()
    }

    /// What a record that was taken once depends on: it need not be verified again for the same.
    pub(crate) fn hash(&self) -> Option<ContentHash> {
        let members = self.members.as_ref().filter(|_| self.former.is_none())?;
        Some(members.hash())
    }
}

impl OpenedRecord {
    /// When the change was made.
    pub(crate) fn set_at(&self) -> Timestamp {
        match self {
            Self::Signed(record) => record.set_at(),
            Self::Unsigned(record) => record.set_at,
        }
    }

    pub(crate) fn value(&self) -> &Secret {
        match self {
            Self::Signed(record) => record.value(),
            Self::Unsigned(record) => &record.value,
        }
    }

    /// Whether it has this value.
    pub(crate) fn has_value(&self, value: &Secret) -> bool {
        self.value().expose() == value.expose()
    }

    pub(crate) fn into_value(self) -> Secret {
        match self {
            Self::Signed(record) => record.into_value(),
            Self::Unsigned(record) => record.value,
        }
    }

    /// Its place among the records of its secret. One without a signature is before all others, and has none.
    pub(crate) fn revision(&self, file: ContentHash) -> Option<Revision> {
        match self {
            Self::Signed(record) => Some(record.revision(file)),
            Self::Unsigned(_) => None,
        }
    }

    /// Whether another record has the same value with the same date, whatever its name is.
    pub(crate) fn has_same_value(&self, other: &Self) -> bool {
        self.set_at() == other.set_at() && self.value().expose() == other.value().expose()
    }
}
