//! Recipients, whose change re-encrypts all secrets.

use fluvio_secret_protocol::{
    AcceptRecipients, AddRecipient, GetRecipients, Recipients, Reencrypted, Refusal,
    RemoveRecipient,
};
use fluvio_secret_vault::Rekey;

use super::handle::{Caller, Handle};
use super::reencrypt::reencrypt;
use super::{Service, refusals};
use crate::audit::AuditEvent;

impl Handle for GetRecipients {
    fn handle(self, service: &Service, _: &mut Caller<'_>) -> Result<Recipients, Refusal> {
        service.vault.listed_recipients().map_err(refusals::vault)
    }
}

impl Handle for AddRecipient {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Reencrypted, Refusal> {
        let prepared = Rekey::add(&service.vault, &self.recipient, self.note.as_deref());
        reencrypt(service, AuditEvent::AddRecipient, prepared, caller)
    }
}

impl Handle for RemoveRecipient {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Reencrypted, Refusal> {
        let prepared = Rekey::remove(&service.vault, &self.recipient);
        reencrypt(service, AuditEvent::RemoveRecipient, prepared, caller)
    }
}

impl Handle for AcceptRecipients {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Reencrypted, Refusal> {
        let prepared = Rekey::accept(&service.vault, &self.recipients);
        reencrypt(service, AuditEvent::AcceptRecipients, prepared, caller)
    }
}
