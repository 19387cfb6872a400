//! What gives values away: exactly those that a configuration references, and not without a line in
//! the audit log.

use fluvio_secret_protocol::peer::Peer;
use fluvio_secret_protocol::{Grant, Granted, Refusal, Response, Secret, SecretName, limits};

use super::{Service, refuse};
use crate::audit::{Actor, Event};
use crate::config::references;
use crate::vault::VaultError;

impl Service {
    pub(super) fn grant(&self, grant: &Grant, peer: Peer) -> Result<Response, Refusal> {
        let names = references(&grant.config).map_err(|error| refuse::config(&error))?;
        let values = self.read_all(&names)?;
        let actor = Actor { pid: peer.pid, program: &grant.program, config: &grant.label };
        self.audit.record(Event::Grant, actor, &names).map_err(|error| refuse::audit(&error))?;
        self.grants.remember(actor, &names);
        Ok(Response::Granted(Granted { names, values }))
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
