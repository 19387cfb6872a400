//! Members, whose change re-encrypts all secrets of a vault.

use fluvio_secret_protocol::{
    AddMember, AdmitMembers, GetMembers, ListedMember, Members, MembershipRequested, MergeMembers,
    Reencrypted, Refusal, RemoveMember, RequestMembership, limits,
};
use fluvio_secret_vault::Rekey;

use super::handle::{Caller, Handle};
use super::reencrypt::reencrypt;
use super::{Service, refusals};
use crate::audit::AuditEvent;

impl Handle for GetMembers {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Members, Refusal> {
        let all = service.vault.listed_members().map_err(refusals::vault)?;
        let mut pages = all.members.chunks(limits::PAGE_MEMBERS).map(<[ListedMember]>::to_vec);
        let page = |members, more| Members { members, more, ..all.clone() };
        let mut last = pages.next().unwrap_or_default();
        for next in pages {
            caller.send(page(last, true));
            last = next;
        }
        Ok(page(last, false))
    }
}

impl Handle for AddMember {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Reencrypted, Refusal> {
        let prepared = Rekey::add(&service.vault, &self.recipient, self.note.as_deref());
        reencrypt(service, AuditEvent::AddMember, prepared, caller)
    }
}

impl Handle for AdmitMembers {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Reencrypted, Refusal> {
        let prepared = Rekey::admit(&service.vault, &self.requests);
        reencrypt(service, AuditEvent::AdmitMembers, prepared, caller)
    }
}

impl Handle for MergeMembers {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Reencrypted, Refusal> {
        reencrypt(service, AuditEvent::MergeMembers, Rekey::merge(&service.vault), caller)
    }
}

impl Handle for RemoveMember {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Reencrypted, Refusal> {
        let prepared = Rekey::remove(&service.vault, &self.member);
        reencrypt(service, AuditEvent::RemoveMember, prepared, caller)
    }
}

impl Handle for RequestMembership {
    fn handle(
        self,
        service: &Service,
        caller: &mut Caller<'_>,
    ) -> Result<MembershipRequested, Refusal> {
        service.audit.record(AuditEvent::RequestMembership, caller.actor(), &[], &[])?;
        let requested = service.vault.request_membership(self.role, self.note.as_deref());
        let (file, fingerprint) = requested.map_err(refusals::vault)?;
        service.subscribers.report_any();
        Ok(MembershipRequested {
            is_member: file.is_none(),
            file: file.map(|file| file.display().to_string()).unwrap_or_default(),
            fingerprint: fingerprint.to_string(),
        })
    }
}
