//! Grants: the values that a configuration references, not without a line in the audit log.

use fluvio_secret_config::References;
use fluvio_secret_protocol::check::Checked;
use fluvio_secret_protocol::{Grant, Granted, Refusal};

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
        let Referenced { references, values, fingerprints } =
            match Referenced::decrypt(&service.vault, &self, InjectBy::Any)? {
                Ok(referenced) => referenced,
                Err(checked) => return Ok(Err(checked)),
            };
        let References { names, connector, .. } = references;
        let actor = Actor { pid: caller.peer.pid, program: &self.program, config: &self.label };
        caller.delivery =
            Some(deliveries::record(service, AuditEvent::Grant, actor, &names, locks)?);
        let given = names.iter().cloned().zip(fingerprints.into_iter().map(Some)).collect();
        service.grants.remember(actor, given);
        let secrets = names.into_iter().zip(values).collect();
        Ok(Ok(Granted { connector, inject: service.settings.inject, secrets }))
    }
}
