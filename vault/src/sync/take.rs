//! Takes a document of a topic into the vault.

use fluvio_secret_protocol::{SecretName, TakenDocument, TakenOutcome, limits};

use crate::error::VaultError;
use crate::members::applicant::Applicant;
use crate::members::content_hash::ContentHash;
use crate::members::list::{MemberList, SignedList};
use crate::members::read_members::ReadMembers;
use crate::members::store_topic::{ApplicantVerdict, ListVerdict};
use crate::sync::acknowledgement::{Acknowledgement, AcknowledgementError};
use crate::sync::announcement::Announcement;
use crate::sync::document::TopicDocument;
use crate::sync::record_take::{RecordTake, RecordVerdict};
use crate::vault::Vault;

/// A document that was looked at, and is not taken. Without [`DocumentTake::commit`] nothing changes.
#[must_use]
pub struct DocumentTake<'a> {
    vault: &'a Vault,
    id: ContentHash,
    outcome: TakenOutcome,
    change: Option<DocumentChange<'a>>,
}

/// What a document changes.
enum DocumentChange<'a> {
    Applicant(Box<Applicant>),
    /// A list, and the newest list that is accepted with it.
    List(Box<SignedList>, Box<MemberList>),
    Record(Box<RecordTake<'a>>),
}

/// What a document means, before it is taken.
type Verdict<'a> = (TakenOutcome, Option<DocumentChange<'a>>);

impl<'a> DocumentTake<'a> {
    /// Looks at a document, which may be anything: only the machine itself is to blame for an error.
    ///
    /// # Errors
    ///
    /// [`VaultError::Locked`], and those of the identity, of this machine's own lists and of the disk.
    pub fn prepare(vault: &'a Vault, bytes: &[u8]) -> Result<Self, VaultError> {
        if bytes.len() > limits::RECORD_BYTES {
            let (id, outcome) = (ContentHash::of(bytes), refused("it is too large"));
            return Ok(Self { vault, id, outcome, change: None });
        }
        let (document, id) = TopicDocument::open(vault, bytes)?;
        let read = vault.members().read()?;
        let (outcome, change) = match document {
            TopicDocument::Acknowledgement(one) => (acknowledged(&read, &one), None),
            TopicDocument::Announcement(one) => (announced(vault, &read, &one)?, None),
            TopicDocument::Applicant(one) => applicant(vault, &read, one)?,
            TopicDocument::ForOthers => (TakenOutcome::ForOthers, None),
            TopicDocument::List(list) => member_list(vault, &read, list)?,
            TopicDocument::Record(record) => {
                let members = read.accepted.as_ref();
                of_record(RecordTake::prepare(vault, members, record, bytes)?)
            }
            TopicDocument::Unknown(reason) => (refused(reason), None),
        };
        Ok(Self { vault, id, outcome, change })
    }

    /// What it means. If that is [`TakenOutcome::Secret`] or [`TakenOutcome::Members`], [`DocumentTake::commit`] changes
    /// something.
    pub fn outcome(&self) -> &TakenOutcome {
        &self.outcome
    }

    /// Whether it is a request to join. Anyone can publish any number of them.
    pub fn is_request(&self) -> bool {
        matches!(self.change, Some(DocumentChange::Applicant(_)))
    }

    /// A secret that gets other bytes with the value that it has, and the fingerprints of both.
    pub fn same_value(&self) -> Option<(&SecretName, [u64; 2])> {
        match &self.change {
            Some(DocumentChange::Record(take)) => Some((&take.name, take.same?)),
            _ => None,
        }
    }

    /// Takes it, durably.
    ///
    /// # Errors
    ///
    /// Those of the disk. The vault is as it was or as it becomes, and the same document can be taken again.
    pub fn commit(self) -> Result<TakenDocument, VaultError> {
        let Self { vault, id, outcome, change } = self;
        if change.is_some() {
            // Before there is anything that an empty directory could be mistaken for.
            vault.remember_vault()?;
        }
        match change {
            None => {}
            Some(DocumentChange::Applicant(one)) => vault.members().take_applicant(&one)?,
            Some(DocumentChange::List(list, newest)) => {
                vault.members().take_list(&list, &newest)?;
            }
            Some(DocumentChange::Record(record)) => record.commit()?,
        }
        Ok(TakenDocument { id: id.to_string(), outcome })
    }
}

fn refused(why: impl Into<String>) -> TakenOutcome {
    TakenOutcome::Refused { reason: why.into() }
}

fn of_record(verdict: RecordVerdict<'_>) -> Verdict<'_> {
    match verdict {
        RecordVerdict::Known => (TakenOutcome::Known, None),
        RecordVerdict::Later => (TakenOutcome::Later, None),
        RecordVerdict::Refused(error) => (refused(error.to_string()), None),
        RecordVerdict::New(take) => {
            let outcome = TakenOutcome::Secret { name: take.name.clone() };
            (outcome, Some(DocumentChange::Record(take)))
        }
    }
}

fn member_list<'a>(
    vault: &Vault,
    read: &ReadMembers,
    list: SignedList,
) -> Result<Verdict<'a>, VaultError> {
    Ok(match vault.members().judge_list(read, &list)? {
        ListVerdict::Known => (TakenOutcome::Known, None),
        ListVerdict::Later => (TakenOutcome::Later, None),
        ListVerdict::Refused(error) => (refused(error.to_string()), None),
        ListVerdict::Follows(newest) => {
            let change = DocumentChange::List(Box::new(list), newest);
            (TakenOutcome::Members, Some(change))
        }
    })
}

fn applicant<'a>(
    vault: &Vault,
    read: &ReadMembers,
    applicant: Applicant,
) -> Result<Verdict<'a>, VaultError> {
    Ok(match vault.members().judge_applicant(read, &applicant)? {
        ApplicantVerdict::Known => (TakenOutcome::Known, None),
        ApplicantVerdict::Refused(reason) => (refused(reason), None),
        ApplicantVerdict::New => {
            (TakenOutcome::Members, Some(DocumentChange::Applicant(Box::new(applicant))))
        }
    })
}

fn acknowledged(read: &ReadMembers, acknowledgement: &Acknowledgement) -> TakenOutcome {
    let Some(members) = &read.accepted else { return TakenOutcome::Later };
    match acknowledgement.verify(members) {
        Ok(()) => TakenOutcome::Acknowledged {
            member: acknowledgement.member().to_string(),
            topic: acknowledgement.topic().to_string(),
            records: acknowledgement.records(),
            at: acknowledgement.sent_at().as_second(),
        },
        Err(AcknowledgementError::NewerMembers(_)) => TakenOutcome::Later,
        Err(error) => refused(error.to_string()),
    }
}

/// An announcement is of an admin of the accepted list, or of the admin whom this machine trusts until it has a list.
fn announced(
    vault: &Vault,
    read: &ReadMembers,
    announcement: &Announcement,
) -> Result<TakenOutcome, VaultError> {
    if announcement.vault() != vault.id() {
        return Ok(refused("it is of another vault"));
    }
    let signer = announcement.fingerprint();
    let is_by_admin = match &read.accepted {
        Some(members) => members.is_admin(&signer),
        None => vault.members().pinned()?.is_some_and(|admin| admin.fingerprint() == signer),
    };
    let is_early = match &read.accepted {
        Some(members) => announcement.members() > members.version(),
        None => true,
    };
    Ok(match (is_by_admin, is_early) {
        (true, _) => TakenOutcome::Announced {
            topic: announcement.topic().to_owned(),
            generation: announcement.generation(),
        },
        (false, true) => TakenOutcome::Later,
        (false, false) => refused(format!("{signer} is not an admin of the vault")),
    })
}
