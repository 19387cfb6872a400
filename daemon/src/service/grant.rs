//! What gives values away: exactly those that a configuration references, and not without a line in
//! the audit log.

use std::sync::{PoisonError, RwLockReadGuard};

use fluvio_secret_config::{Known, References, Values, check, references};
use fluvio_secret_protocol::check::{Checked, Finding, Severity};
use fluvio_secret_protocol::peer::Peer;
use fluvio_secret_protocol::{
    Grant, Granted, Lease, Leased, Refusal, Response, Secret, SecretName, carry, limits,
};
use jiff::Timestamp;

use super::{Service, refuse};
use crate::audit::{Actor, Event};
use crate::grants::{parent_of, tail_of};
use crate::leases::About;
use crate::vault::VaultError;

/// Values on their way, from their line until the answer is handed over.
pub(super) type Delivery<'a> = RwLockReadGuard<'a, ()>;

impl Service {
    /// What would keep a connector from starting with a configuration.
    pub(super) fn check(&self, config: &[u8]) -> Checked {
        let known = |name: &SecretName| match self.vault.read(name) {
            Ok(value) => Known::Value(value),
            Err(VaultError::Missing) => Known::Missing,
            Err(VaultError::Locked { .. }) if !self.vault.has(name).unwrap_or(true) => {
                Known::Missing
            }
            Err(VaultError::Locked { .. }) => Known::Closed(LOCKED.to_owned()),
            Err(error) => Known::Closed(format!("the values were not checked: {error}")),
        };
        check(config, Values::Of(&known))
    }

    /// The references of a configuration and their values, or what a client is told in their place.
    fn open(&self, grant: &Grant) -> Result<(References, Vec<Secret>), Box<Response>> {
        let opened = references(&grant.config)
            .map_err(|error| refuse::config(&error))
            .and_then(|found| self.read_all(&found.names).map(|values| (found, values)));
        let values = match &opened {
            Ok((found, values)) => found.names.iter().zip(values).collect(),
            Err(_) => Vec::new(),
        };
        let known = |name: &SecretName| {
            let found = values.iter().find(|(known, _)| *known == name);
            found.map_or(Known::Missing, |(_, value)| Known::Value((*value).clone()))
        };
        let asked = if opened.is_ok() { Values::Of(&known) } else { Values::NotAsked };
        // By which way the values go, and whether they can, is the client's affair.
        let is_fault =
            |finding: &Finding| finding.severity == Severity::Error && finding.code != "unfit";
        if grant.check {
            let checked = check(&grant.config, asked);
            if checked.findings.iter().any(is_fault) {
                return Err(Box::new(Response::Checked(checked)));
            }
        }
        opened.map_err(|refusal| Box::new(Response::Refused(refusal)))
    }

    /// No line, no delivery; and none of what was opened before the vault was locked, which had happened
    /// so often then. Whoever locks it now waits for the end of this one.
    pub(super) fn record_delivery(
        &self,
        event: Event,
        actor: Actor<'_>,
        names: &[SecretName],
        locks: u64,
    ) -> Result<Delivery<'_>, Refusal> {
        let delivery = self.delivering.read().unwrap_or_else(PoisonError::into_inner);
        let is_open = self.vault.refuse_if_locked_since(locks);
        is_open.map_err(|error| refuse::vault(&error, &[]))?;
        self.vault.refuse_if_moved().map_err(|error| refuse::vault(&error, &[]))?;
        self.audit.record(event, actor, names).map_err(|error| refuse::audit(&error))?;
        Ok(delivery)
    }

    /// Waits for the deliveries that have their line.
    pub(super) fn wait_for_deliveries(&self) {
        drop(self.delivering.write().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn grant<'a>(
        &'a self,
        grant: &Grant,
        peer: Peer,
        delivery: &mut Option<Delivery<'a>>,
    ) -> Result<Response, Refusal> {
        let locks = self.vault.locks();
        let (References { names, connector }, values) = match self.open(grant) {
            Ok(opened) => opened,
            Err(told) => return Ok(*told),
        };
        let actor = Actor { pid: peer.pid, program: &grant.program, config: &grant.label };
        *delivery = Some(self.record_delivery(Event::Grant, actor, &names, locks)?);
        self.grants.remember(actor, &names);
        Ok(Response::Granted(Granted { connector, inject: self.inject, names, values }))
    }

    pub(super) fn lease<'a>(
        &'a self,
        grant: &Grant,
        peer: Peer,
        delivery: &mut Option<Delivery<'a>>,
    ) -> Result<Response, Refusal> {
        let locks = self.vault.locks();
        let (References { names, connector }, values) = match self.open(grant) {
            Ok(opened) => opened,
            Err(told) => return Ok(*told),
        };
        if names.is_empty() {
            return Ok(Response::Leased(Leased { connector, lease: None }));
        }
        refuse_unfit(&names, &values)?;
        let actor = Actor { pid: peer.pid, program: &grant.program, config: &grant.label };
        *delivery = Some(self.record_delivery(Event::Lease, actor, &names, locks)?);
        let about = About {
            since: Timestamp::now().as_second(),
            connector: connector.as_deref().map(tail_of),
            config: tail_of(&grant.label),
            names: names.clone(),
            parent: parent_of(peer.pid),
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
    pub(super) fn read_all(&self, names: &[SecretName]) -> Result<Vec<Secret>, Refusal> {
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

const LOCKED: &str =
    "the vault is locked, so values were not checked; unlock it with: fluvio-secret unlock";

/// Refuses values that a secrets file cannot carry unaltered, all of them at once.
fn refuse_unfit(names: &[SecretName], values: &[Secret]) -> Result<(), Refusal> {
    let unfit: Vec<_> = names
        .iter()
        .zip(values)
        .filter_map(|(name, value)| Some((name.clone(), carry::by_file(value).err()?)))
        .collect();
    if unfit.is_empty() { Ok(()) } else { Err(refuse::unfit(unfit)) }
}
