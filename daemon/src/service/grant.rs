//! Grants: the values that a configuration references, not without a line in the audit log.

use fluvio_secret_config::References;
use fluvio_secret_protocol::check::Checked;
use fluvio_secret_protocol::{Grant, Granted, Refusal};
use fluvio_secret_system::process::Ancestry;

use super::handle::{Caller, Handle};
use super::values::{InjectBy, Referenced};
use super::{Service, deliveries};
use crate::audit::{Actor, AuditEvent};

impl Handle for Grant {
    fn handle<'a>(
        self,
        service: &'a Service,
        caller: &mut Caller<'a>,
    ) -> Result<Result<Granted, Checked>, Refusal> {
        let locks = service.vault.keys().locks();
        let referenced = match Referenced::decrypt(service, &self, InjectBy::Any)? {
            Ok(referenced) => referenced,
            Err(checked) => return Ok(Err(checked)),
        };
        let note = referenced.note();
        let of_personal = referenced.personal_names();
        let Referenced { references, secrets } = referenced;
        let References { names, connector, .. } = references;
        let pid = caller.peer.pid;
        let ancestry = Ancestry::of(pid);
        let (program, config) = (&self.program, &self.label);
        let actor = Actor { pid, program, config, asked_by: &ancestry.names };
        caller.delivery = Some(deliveries::record(
            service,
            AuditEvent::Grant,
            actor,
            &names,
            &of_personal,
            locks,
        )?);
        let (mut own, mut personal) = (Vec::new(), Vec::new());
        for (name, secret) in names.iter().zip(&secrets) {
            let given = (name.clone(), Some(secret.fingerprint));
            if secret.is_personal { &mut personal } else { &mut own }.push(given);
        }
        let started = ancestry.process.map(|process| process.started);
        if let Some(grant) = service.grants.remember(actor, started, own) {
            caller.after_answer(move || service.grants.write(&grant));
        }
        if let Some(fallback) = service.fallback()
            && let Some(grant) = fallback.grants.remember(actor, started, personal)
        {
            caller.after_answer(move || fallback.grants.write(&grant));
        }
        let values = secrets.into_iter().map(|secret| secret.value);
        let secrets = names.into_iter().zip(values).collect();
        let inject = service.shared.settings.inject;
        Ok(Ok(Granted { connector, inject, secrets, note }))
    }
}
