//! A request in, an answer out. Knows the vault and the audit log, and no socket.
//!
//! * [`refuse`]: every error of the layers below, as the refusal that people read

pub(crate) mod refuse;

use fluvio_secret_protocol::peer::Peer;
use fluvio_secret_protocol::{
    Delete, Grant, Granted, Listed, ListedSecret, Refusal, Request, Response, Secret, SecretName,
    Set, Status, Stored, limits,
};
use jiff::Timestamp;

use crate::audit::{Actor, Audit, Event};
use crate::config::references;
use crate::vault::{Vault, VaultError};

/// What the daemon does.
pub(crate) struct Service {
    vault: Vault,
    audit: Audit,
    since: Timestamp,
}

impl Service {
    pub(crate) fn new(vault: Vault, audit: Audit) -> Self {
        Self { vault, audit, since: Timestamp::now() }
    }

    /// What the thread that changes the vault does before its first request.
    pub(crate) fn sweep(&self) {
        // What is left behind harms nobody, and the next start tries again.
        if let Err(error) = self.vault.sweep() {
            let path = self.vault.path().display();
            tracing::warn!("what killed writers left in {path} is not removed: {error}");
        }
    }

    /// Carries out a request; each answer but the last says that more follows.
    pub(crate) fn answer(&self, request: Request, peer: Peer, send: &mut dyn FnMut(Response)) {
        let answer = match request {
            Request::Delete(delete) => self.delete(delete, peer),
            Request::Grant(grant) => self.grant(&grant, peer),
            Request::List => self.list(send),
            Request::Set(set) => self.set(set, peer),
            Request::Status => Ok(self.status()),
            // The server's affair; a service has nothing to end.
            Request::Stop => Ok(Response::Stopping),
        };
        send(answer.unwrap_or_else(Response::Refused));
    }

    fn set(&self, set: Set, peer: Peer) -> Result<Response, Refusal> {
        let Set { name, value } = set;
        let names = [name.clone()];
        let refused = |error| refuse::vault(&error, &names);
        let change = self.vault.prepare(name, value).map_err(refused)?;
        let actor = Actor { pid: peer.pid, ..Actor::default() };
        self.audit.record(Event::Set, actor, &names).map_err(|error| refuse::audit(&error))?;
        let committed = change.commit().map_err(refused)?;
        let identity = self.vault.identity().display().to_string();
        Ok(Response::Stored(Stored {
            set_at: committed.set_at.as_second(),
            new_identity: committed.is_identity_new.then_some(identity),
        }))
    }

    fn delete(&self, delete: Delete, peer: Peer) -> Result<Response, Refusal> {
        let names = [delete.name];
        let refused = |error| refuse::vault(&error, &names);
        if !self.vault.has(&names[0]).map_err(refused)? {
            return Err(refuse::missing_to_delete(&names));
        }
        let actor = Actor { pid: peer.pid, ..Actor::default() };
        self.audit.record(Event::Delete, actor, &names).map_err(|error| refuse::audit(&error))?;
        self.vault.remove(&names[0]).map_err(refused)?;
        Ok(Response::Deleted)
    }

    fn grant(&self, grant: &Grant, peer: Peer) -> Result<Response, Refusal> {
        let names = references(&grant.config).map_err(|error| refuse::config(&error))?;
        let values = self.read_all(&names)?;
        let actor = Actor { pid: peer.pid, program: &grant.program, config: &grant.label };
        self.audit.record(Event::Grant, actor, &names).map_err(|error| refuse::audit(&error))?;
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

    fn list(&self, send: &mut dyn FnMut(Response)) -> Result<Response, Refusal> {
        let names = self.vault.names().map_err(|error| refuse::vault(&error, &[]))?;
        let mut pages = names.chunks(limits::PAGE_NAMES).peekable();
        while let Some(page) = pages.next() {
            let secrets = self.page(page)?;
            if pages.peek().is_none() {
                return Ok(Response::Listed(Listed { secrets, more: false }));
            }
            send(Response::Listed(Listed { secrets, more: true }));
        }
        Ok(Response::Listed(Listed { secrets: Vec::new(), more: false }))
    }

    fn page(&self, names: &[SecretName]) -> Result<Vec<ListedSecret>, Refusal> {
        let mut secrets = Vec::with_capacity(names.len());
        for name in names {
            let one = std::slice::from_ref(name);
            if let Some(set_at) = self.vault.set_at(name).map_err(|e| refuse::vault(&e, one))? {
                secrets.push(ListedSecret { name: name.clone(), set_at });
            }
        }
        Ok(secrets)
    }

    fn status(&self) -> Response {
        Response::Status(Status {
            release: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            since: self.since.as_second(),
            vault: self.vault.path().display().to_string(),
            identity: self.vault.identity().display().to_string(),
            locked: self.vault.is_locked(),
        })
    }
}

#[cfg(test)]
mod tests;
