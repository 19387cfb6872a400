//! What gives values away: exactly those that a configuration references, and not without a line in
//! the audit log.

use fluvio_secret_protocol::peer::Peer;
use fluvio_secret_protocol::{
    Grant, Granted, Lease, Leased, Refusal, Response, Secret, SecretName, carry, limits,
};
use jiff::Timestamp;

use super::{Service, refuse};
use crate::audit::{Actor, Event};
use crate::config::{References, references};
use crate::grants::shortened;
use crate::leases::About;
use crate::vault::VaultError;

impl Service {
    fn references(&self, grant: &Grant) -> Result<References, Refusal> {
        references(&grant.config).map_err(|error| refuse::config(&error))
    }

    /// No line, no delivery.
    fn record_delivery(
        &self,
        event: Event,
        actor: Actor<'_>,
        names: &[SecretName],
    ) -> Result<(), Refusal> {
        self.audit.record(event, actor, names).map_err(|error| refuse::audit(&error))
    }

    pub(super) fn grant(&self, grant: &Grant, peer: Peer) -> Result<Response, Refusal> {
        let References { names, connector } = self.references(grant)?;
        let values = self.read_all(&names)?;
        let actor = Actor { pid: peer.pid, program: &grant.program, config: &grant.label };
        self.record_delivery(Event::Grant, actor, &names)?;
        self.grants.remember(actor, &names);
        Ok(Response::Granted(Granted { connector, names, values }))
    }

    pub(super) fn lease(&self, grant: &Grant, peer: Peer) -> Result<Response, Refusal> {
        let References { names, connector } = self.references(grant)?;
        if names.is_empty() {
            return Ok(Response::Leased(Leased { connector, lease: None }));
        }
        let values = self.read_all(&names)?;
        refuse_unfit(&names, &values)?;
        let actor = Actor { pid: peer.pid, program: &grant.program, config: &grant.label };
        self.record_delivery(Event::Lease, actor, &names)?;
        let about = About {
            since: Timestamp::now().as_second(),
            connector: connector.as_deref().map(shortened),
            config: shortened(&grant.label),
            names: names.clone(),
        };
        let text = carry::secrets_file(&names, &values);
        let lease = self.leases.make(about, &text).map_err(|error| refuse::lease(&error))?;
        Ok(Response::Leased(Leased {
            connector,
            lease: Some(Lease {
                id: lease.id,
                secrets: lease.secrets.display().to_string(),
                hold: lease.hold.display().to_string(),
            }),
        }))
    }

    /// Opens these secrets, or tells all that are missing, or all that are damaged. Stops at the one
    /// that makes a grant too large.
    fn read_all(&self, names: &[SecretName]) -> Result<Vec<Secret>, Refusal> {
        let mut missing = Vec::new();
        for name in names {
            let one = std::slice::from_ref(name);
            if !self.vault.has(name).map_err(|error| refuse::vault(&error, one))? {
                missing.push(name.clone());
            }
        }
        if !missing.is_empty() {
            return Err(refuse::missing(missing));
        }
        let mut values = Vec::with_capacity(names.len());
        let mut damaged = Vec::new();
        let mut first = None;
        let mut left = limits::GRANT_BYTES;
        for name in names {
            match self.vault.read(name) {
                Ok(value) => {
                    left = left.checked_sub(value.len()).ok_or_else(refuse::large_grant)?;
                    values.push(value);
                }
                Err(error @ VaultError::Damaged { .. }) => {
                    damaged.push(name.clone());
                    first.get_or_insert(error);
                }
                Err(error) => return Err(refuse::vault(&error, std::slice::from_ref(name))),
            }
        }
        first.map_or(Ok(values), |error| Err(refuse::vault(&error, &damaged)))
    }
}

/// Refuses values that a secrets file cannot carry unaltered, all of them at once.
fn refuse_unfit(names: &[SecretName], values: &[Secret]) -> Result<(), Refusal> {
    let unfit: Vec<_> = names
        .iter()
        .zip(values)
        .filter_map(|(name, value)| Some((name.clone(), carry::by_file(value).err()?)))
        .collect();
    if unfit.is_empty() { Ok(()) } else { Err(refuse::unfit(unfit)) }
}
