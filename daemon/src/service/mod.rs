//! A request in, an answer out. Knows the vault and the audit log, and no socket.
//!
//! * [`secret`]: what changes the vault
//! * [`grant`]: what gives values away
//! * [`key`](mod@key): the key locked, unlocked, behind another passphrase
//! * [`reencrypt`]: another identity, or other recipients
//! * [`refuse`]: every error of the layers below, as the refusal that people read

mod grant;
mod key;
mod reencrypt;
pub(crate) mod refuse;
mod secret;

use std::collections::BTreeSet;
use std::sync::{Arc, RwLock};

use fluvio_secret_config::Document;
use fluvio_secret_protocol::{
    self as protocol, Activity, Damaged, Examined, HeldLease, History, LeaseEnded, Listed,
    ListedGrant, ListedLease, ListedSecret, Refusal, Request, SecretName, Status, Stopping,
    Subscribe, limits,
};
use fluvio_secret_system::peer::Peer;
use jiff::Timestamp;

use crate::audit::Audit;
use crate::grants::Grants;
use crate::leases::{KnownLease, LeaseTable};
use crate::response::Response;
use crate::settings::Settings;
use crate::subscribers::Subscribers;
use fluvio_secret_vault::{KeyState, Vault, VaultError};

/// Takes the answers to a request, on behalf of its client.
pub(crate) trait Answers: Send + Sync {
    /// One answer. A client that has gone away hears nothing.
    fn send(&self, answer: Response);

    /// Whether the client has gone away.
    fn is_gone(&self) -> bool;
}

/// What the daemon does.
pub(crate) struct Service {
    vault: Vault,
    audit: Audit,
    grants: Grants,
    /// Held, for reading, by who gives values away.
    delivering: RwLock<()>,
    leases: Arc<LeaseTable>,
    subscribers: Arc<Subscribers>,
    since: Timestamp,
    settings: Settings,
}

impl Service {
    pub(crate) fn new(vault: Vault, audit: Audit, leases: LeaseTable, settings: Settings) -> Self {
        let (grants, delivering, leases) = (Grants::default(), RwLock::default(), Arc::new(leases));
        let subscribers = Subscribers::new(vault.fingerprints());
        Self {
            vault,
            audit,
            grants,
            delivering,
            leases,
            subscribers,
            since: Timestamp::now(),
            settings,
        }
    }

    /// The leases, for who watches them.
    pub(crate) fn held_leases(&self) -> Arc<LeaseTable> {
        self.leases.clone()
    }

    /// Forgets subscribers that have gone away.
    pub(crate) fn forget_gone(&self) {
        self.subscribers.forget_gone();
    }

    /// How many locks were requested.
    pub(crate) fn lock_requests(&self) -> u64 {
        self.vault.keys().lock_requests()
    }

    /// What the thread that changes the vault does before its first request.
    pub(crate) fn sweep(&self) {
        // What is left behind harms nobody, and the next start tries again.
        if let Err(error) = self.vault.secrets().sweep() {
            let path = self.vault.path().display();
            tracing::warn!("what killed writers left in {path} is not removed: {error}");
        }
    }

    /// Carries out a request; each answer but the last says that more follows. A subscription keeps
    /// `answers`, and has no last one.
    ///
    /// `lock_requests` is how many locks were requested when this request arrived.
    pub(crate) fn answer(
        &self,
        request: Request,
        peer: Peer,
        lock_requests: u64,
        answers: &Arc<dyn Answers>,
    ) {
        let send = &mut |answer| answers.send(answer);
        let needs_vault = needs_vault(&request);
        if needs_vault && let Err(error) = self.vault.refuse_if_moved() {
            return send(Response::Refused(refuse::moved(&error)));
        }
        // Given back when the answer is handed over.
        let mut delivery = None;
        let answer = match request {
            Request::AcceptRecipients(accept) => self.accept_recipients(&accept, peer, send),
            Request::GetActivity(_) => self.activity(),
            Request::AddRecipient(add) => self.add_recipient(&add, peer, send),
            Request::Check(asked) => Ok(Response::Checked(self.check(&asked.config))),
            Request::Delete(delete) => self.delete(delete, peer),
            Request::EndLease(end) => self.end_lease(&end.id),
            Request::Examine(examine) => self.examine(&examine.names),
            Request::Grant(grant) => self.grant(&grant, peer, &mut delivery),
            Request::History(history) => self.history(history),
            Request::Import(import) => self.import(import, peer),
            Request::GetKey(_) => self.key(),
            Request::CreateLease(grant) => self.lease(&grant.0, peer, &mut delivery),
            Request::ListLeases(_) => Ok(self.leases(send)),
            Request::List(_) => self.list(send),
            Request::Lock(_) => self.lock(peer),
            Request::Passphrase(change) => self.passphrase(&change, peer, lock_requests),
            Request::GetRecipients(_) => self.recipients(),
            Request::RemoveRecipient(remove) => self.remove_recipient(&remove, peer, send),
            Request::Restore(restore) => self.restore(restore, peer),
            Request::Retire(retire) => self.retire(&retire, peer),
            Request::Rotate(rotate) => self.rotate(&rotate, peer, send),
            Request::Set(set) => self.set(set, peer),
            Request::GetStatus(_) => Ok(self.status()),
            // The server's affair; a service has nothing to end.
            Request::Stop(_) => Ok(Response::Stopping(Stopping)),
            Request::Subscribe(subscribe) => {
                match self.subscribe(&subscribe, peer, answers.clone()) {
                    Ok(()) => return,
                    Err(refusal) => Err(refusal),
                }
            }
            Request::Unlock(unlock) => self.unlock(&unlock, peer, lock_requests),
            Request::UseIdentity(used) => self.use_identity(&used, peer, send),
        };
        let answer = if needs_vault { self.of_the_vault(answer) } else { answer };
        send(answer.unwrap_or_else(Response::Refused));
    }

    /// Refuses to give an answer that comes from another directory at the vault's path. That a secret does
    /// not exist is also such an answer.
    fn of_the_vault(&self, answer: Result<Response, Refusal>) -> Result<Response, Refusal> {
        // A lease exists by now. Its values were read before the check of its delivery.
        if let Ok(Response::Leased(_)) = answer {
            return answer;
        }
        self.vault.refuse_if_moved().map_err(|error| refuse::vault(&error, &[]))?;
        answer
    }

    fn subscribe(
        &self,
        asked: &Subscribe,
        peer: Peer,
        answers: Arc<dyn Answers>,
    ) -> Result<(), Refusal> {
        let document = Document::read(&asked.config);
        let found = document.references().map_err(refuse::config)?;
        let added = self.subscribers.add(peer.pid, found.names.clone(), answers);
        added.map_err(|error| refuse::subscription(&error))
    }

    /// The processes and the leases that have an earlier value of these secrets, without those of
    /// connectors that are started again because of the change.
    fn holders(&self, names: &[SecretName]) -> (Vec<ListedGrant>, Vec<HeldLease>) {
        let given = self.grants.given(names).into_iter().chain(self.leases.given(names));
        let mut outdated: BTreeSet<_> = given.collect();
        outdated.retain(|given| !self.vault.is_present(given));
        let starts_again = |parent| self.subscribers.is_told(parent, names);
        let holders = self.grants.holders(&outdated, starts_again);
        (holders, self.leases.with_any(&outdated, starts_again))
    }

    fn list(&self, send: &mut dyn FnMut(Response)) -> Result<Response, Refusal> {
        let names = self.vault.secrets().names().map_err(|error| refuse::vault(&error, &[]))?;
        let mut names = names.iter().peekable();
        loop {
            let secrets = self.page(names.by_ref().take(limits::PAGE_NAMES))?;
            let more = names.peek().is_some();
            let page = Response::Listed(Listed { secrets, more });
            if !more {
                return Ok(page);
            }
            send(page);
        }
    }

    fn page(&self, names: impl Iterator<Item = SecretName>) -> Result<Vec<ListedSecret>, Refusal> {
        let mut secrets = Vec::new();
        for name in names {
            let set_at = self.vault.secrets().set_at(&name);
            let set_at = set_at.map_err(|e| refuse::vault(&e, std::slice::from_ref(&name)))?;
            // One that is gone meanwhile is none.
            secrets.extend(set_at.map(|set_at| ListedSecret { name, set_at }));
        }
        Ok(secrets)
    }

    /// Opens secrets, and gives nothing of them away.
    fn examine(&self, names: &[SecretName]) -> Result<Response, Refusal> {
        let mut damaged = Vec::new();
        for name in names {
            match self.vault.read(name) {
                // One that is gone meanwhile is not damaged.
                Ok(_) | Err(VaultError::Missing) => {}
                Err(VaultError::Damaged { source, .. }) => {
                    damaged.push(Damaged { name: name.clone(), why: source.to_string() });
                }
                Err(error) => return Err(refuse::vault(&error, std::slice::from_ref(name))),
            }
        }
        Ok(Response::Examined(Examined { damaged }))
    }

    fn end_lease(&self, id: &str) -> Result<Response, Refusal> {
        match self.leases.remove(id) {
            true => Ok(Response::LeaseEnded(LeaseEnded)),
            false => Err(refuse::no_such_lease()),
        }
    }

    fn leases(&self, send: &mut dyn FnMut(Response)) -> Response {
        let listed = |lease: KnownLease| ListedLease {
            id: lease.id,
            since: lease.about.since,
            connector: lease.about.connector,
            config: lease.about.config,
            names: lease.about.names,
            hold: lease.hold.display().to_string(),
        };
        let mut all = self.leases.all().into_iter().map(listed).peekable();
        loop {
            let lease = all.next();
            let more = all.peek().is_some();
            let page = Response::Leases(protocol::Leases { lease, more });
            if !more {
                return page;
            }
            send(page);
        }
    }

    fn history(&self, history: History) -> Result<Response, Refusal> {
        let names = [history.name];
        let versions = self.vault.secrets().versions(&names[0]);
        let versions = versions.map_err(|error| refuse::vault(&error, &names))?;
        if versions.present.is_none() && versions.earlier.is_empty() {
            return Err(refuse::no_such_secret(&names));
        }
        Ok(Response::Versions(versions))
    }

    fn activity(&self) -> Result<Response, Refusal> {
        let secrets = self.vault.secrets().count().map_err(|error| refuse::vault(&error, &[]))?;
        Ok(Response::Activity(Activity { secrets: Some(secrets), grants: self.grants.newest() }))
    }

    /// What was granted last; how many secrets there are is on the disk.
    pub(crate) fn last_known_activity(&self) -> Response {
        Response::Activity(Activity { secrets: None, grants: self.grants.newest() })
    }

    /// How the daemon is, after a check of the vault and the identity. What is wrong with them is told by
    /// what needs them.
    fn status(&self) -> Response {
        let _ = self.vault.recipient();
        let _ = self.vault.secrets().count();
        self.status_as_known(true)
    }

    /// How the daemon is, as far as it is known without a check of any file.
    pub(crate) fn last_known_status(&self) -> Response {
        self.status_as_known(false)
    }

    fn status_as_known(&self, is_current: bool) -> Response {
        Response::Status(Status {
            is_current,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            since: self.since.as_second(),
            vault: self.vault.path().display().to_string(),
            identity: self.vault.keys().path().display().to_string(),
            locked: self.vault.keys().state() == KeyState::Locked,
            unlocked_until: self.unlocked_until(),
            settings: self.settings.to_string(),
        })
    }
}

/// Whether a request reads or changes files of the vault. The others are carried out whatever became of
/// its directory.
fn needs_vault(request: &Request) -> bool {
    !matches!(
        request,
        Request::EndLease(_)
            | Request::ListLeases(_)
            | Request::Lock(_)
            | Request::GetStatus(_)
            | Request::Stop(_)
    )
}

#[cfg(test)]
mod tests;
