//! A request in, an answer out. Knows the vault and the audit log, and no socket.
//!
//! * [`change`]: what changes the vault
//! * [`grant`]: what gives values away
//! * [`refuse`]: every error of the layers below, as the refusal that people read

mod change;
mod grant;
pub(crate) mod refuse;

use fluvio_secret_protocol::peer::Peer;
use fluvio_secret_protocol::{
    Activity, History, Listed, ListedSecret, Refusal, Request, Response, SecretName, Status, limits,
};
use jiff::Timestamp;

use crate::audit::Audit;
use crate::grants::Grants;
use crate::vault::Vault;

/// What the daemon does.
pub(crate) struct Service {
    vault: Vault,
    audit: Audit,
    grants: Grants,
    since: Timestamp,
}

impl Service {
    pub(crate) fn new(vault: Vault, audit: Audit) -> Self {
        Self { vault, audit, grants: Grants::default(), since: Timestamp::now() }
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
            Request::Activity => self.activity(),
            Request::Delete(delete) => self.delete(delete, peer),
            Request::Grant(grant) => self.grant(&grant, peer),
            Request::History(history) => self.history(history),
            Request::Import(import) => self.import(import, peer),
            Request::List => self.list(send),
            Request::Restore(restore) => self.restore(restore, peer),
            Request::Set(set) => self.set(set, peer),
            Request::Status => Ok(self.status()),
            // The server's affair; a service has nothing to end.
            Request::Stop => Ok(Response::Stopping),
        };
        send(answer.unwrap_or_else(Response::Refused));
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

    fn history(&self, history: History) -> Result<Response, Refusal> {
        let names = [history.name];
        let versions = self.vault.versions(&names[0]);
        let versions = versions.map_err(|error| refuse::vault(&error, &names))?;
        if versions.present.is_none() && versions.earlier.is_empty() {
            return Err(refuse::no_such_secret(&names));
        }
        Ok(Response::Versions(versions))
    }

    fn activity(&self) -> Result<Response, Refusal> {
        let names = self.vault.names().map_err(|error| refuse::vault(&error, &[]))?;
        Ok(Response::Activity(Activity { secrets: names.len(), grants: self.grants.newest() }))
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
