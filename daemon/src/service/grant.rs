//! What gives values away: exactly those that a configuration references, and not without a line in
//! the audit log.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLockReadGuard};

use fluvio_secret_config::{Document, Known, References, Values};
use fluvio_secret_protocol::check::Checked;
use fluvio_secret_protocol::{
    Grant, Granted, Lease, Leased, Refusal, Secret, SecretName, fit, limits,
};
use fluvio_secret_system::peer::Peer;
use jiff::Timestamp;

use super::{Service, refuse};
use crate::audit::{Actor, Event};
use crate::grants::{parent_of, tail_of};
use crate::lease_files::LeaseInfo;
use crate::response::Response;
use fluvio_secret_vault::VaultError;

/// How values can reach the connector of a request.
#[derive(Clone, Copy, Eq, PartialEq)]
enum InjectBy {
    /// The client chooses.
    Any,
    /// Only in a secrets file.
    File,
}

/// Values on their way, from their line until the answer is handed over.
pub(super) type Delivery<'a> = RwLockReadGuard<'a, ()>;

/// Secrets that were decrypted for a request, each once, with their fingerprints.
type Opened = RefCell<HashMap<SecretName, (Secret, u64)>>;

impl Service {
    /// Everything that keeps a connector from starting with a configuration.
    pub(super) fn check(&self, config: &[u8]) -> Checked {
        Document::read(config).check(Values::Of(&|name| self.known(name, None)))
    }

    /// What is known of a secret. Its value is kept where the caller needs it again.
    fn known(&self, name: &SecretName, opened: Option<&Opened>) -> Known {
        match self.vault.read_with_fingerprint(name) {
            Ok((value, fingerprint)) => {
                if let Some(mut opened) = opened.map(RefCell::borrow_mut) {
                    // What is too large for a grant is refused, and need not be kept.
                    let kept: usize = opened.values().map(|(value, _)| value.len()).sum();
                    if kept + value.len() <= limits::GRANT_BYTES {
                        opened.insert(name.clone(), (value.clone(), fingerprint));
                    }
                }
                Known::Value(value)
            }
            Err(VaultError::Missing) => Known::Missing,
            Err(VaultError::Locked { .. }) if !self.vault.secrets().has(name).unwrap_or(true) => {
                Known::Missing
            }
            Err(VaultError::Locked { .. }) => Known::Closed(LOCKED.to_owned()),
            Err(VaultError::Damaged { source, .. }) => Known::Damaged(source.to_string()),
            Err(error) => Known::Closed(format!("the values were not checked: {error}")),
        }
    }

    /// The references of a configuration, their values and the fingerprints of these, or what a client is told in their place. It
    /// is told the same findings as by a check.
    fn open(
        &self,
        grant: &Grant,
        by: InjectBy,
    ) -> Result<(References, Vec<Secret>, Vec<u64>), Box<Response>> {
        let document = Document::read(&grant.config);
        let opened = Opened::default();
        if grant.check {
            let mut checked = document.check(Values::Of(&|name| self.known(name, Some(&opened))));
            if by == InjectBy::File {
                checked.refuse_by_environment();
            }
            if checked.has_errors() {
                return Err(Box::new(Response::Checked(checked)));
            }
        }
        let refused = |refusal| Box::new(Response::Refused(refusal));
        let found = document.references().map_err(|error| refused(refuse::config(error)))?;
        let opened = self.read_all(&found.names, &mut opened.into_inner()).map_err(refused)?;
        let (values, fingerprints) = opened.into_iter().unzip();
        Ok((found.clone(), values, fingerprints))
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
        let is_open = self.vault.keys().refuse_if_locked_since(locks);
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
        let locks = self.vault.keys().locks();
        let (found, values, fingerprints) = match self.open(grant, InjectBy::Any) {
            Ok(opened) => opened,
            Err(told) => return Ok(*told),
        };
        let References { names, connector } = found;
        let actor = Actor { pid: peer.pid, program: &grant.program, config: &grant.label };
        *delivery = Some(self.record_delivery(Event::Grant, actor, &names, locks)?);
        let given = names.iter().cloned().zip(fingerprints.into_iter().map(Some)).collect();
        self.grants.remember(actor, given);
        Ok(Response::Granted(Granted { connector, inject: self.settings.inject, names, values }))
    }

    pub(super) fn lease<'a>(
        &'a self,
        grant: &Grant,
        peer: Peer,
        delivery: &mut Option<Delivery<'a>>,
    ) -> Result<Response, Refusal> {
        let locks = self.vault.keys().locks();
        let (found, values, fingerprints) = match self.open(grant, InjectBy::File) {
            Ok(opened) => opened,
            Err(told) => return Ok(*told),
        };
        let References { names, connector } = found;
        if names.is_empty() {
            return Ok(Response::Leased(Leased { connector, lease: None }));
        }
        refuse_unfit(&names, &values)?;
        let actor = Actor { pid: peer.pid, program: &grant.program, config: &grant.label };
        *delivery = Some(self.record_delivery(Event::Lease, actor, &names, locks)?);
        let about = LeaseInfo {
            since: Timestamp::now().as_second(),
            connector: connector.as_deref().map(tail_of),
            config: tail_of(&grant.label),
            names: names.clone(),
            fingerprints,
            parent: parent_of(peer.pid),
        };
        let text = fit::secrets_file(&names, &values);
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
    pub(super) fn read_all(
        &self,
        names: &[SecretName],
        opened: &mut HashMap<SecretName, (Secret, u64)>,
    ) -> Result<Vec<(Secret, u64)>, Refusal> {
        let mut missing = Vec::new();
        for name in names {
            let one = std::slice::from_ref(name);
            if !self.vault.secrets().has(name).map_err(|error| refuse::vault(&error, one))? {
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
            match opened.remove(name).map_or_else(|| self.vault.read_with_fingerprint(name), Ok) {
                Ok((value, fingerprint)) => {
                    left = left.checked_sub(value.len()).ok_or_else(refuse::large_grant)?;
                    values.push((value, fingerprint));
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
        .filter_map(|(name, value)| Some((name.clone(), fit::by_file(value).err()?)))
        .collect();
    if unfit.is_empty() { Ok(()) } else { Err(refuse::unfit(unfit)) }
}
