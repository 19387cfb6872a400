//! A machine that joins a vault over a topic.

use std::path::Path;

use fluvio_secret_protocol::{JoinTopic, Refusal, TopicJoined};
use fluvio_secret_vault::{JoinError, JoinedVault, TopicJoin};

use super::handle::{Caller, Serve};
use super::{Service, follow, refusals, secret, vault};
use crate::answers::Response;
use crate::audit::AuditEvent;

impl Serve for JoinTopic {
    fn serve<'a>(
        self,
        service: &'a Service,
        caller: &mut Caller<'a>,
    ) -> Result<Option<Response>, Refusal> {
        let Self { announcement, admin, path, role, note } = self;
        let join = TopicJoin::verify(announcement.to_vec(), &admin, role, note);
        let join = join.map_err(|error| refusals::join(&error))?;
        match path {
            None => with_personal(service, join, caller),
            Some(path) => at(service, &join, &path, caller),
        }
    }
}

/// Joins with the personal vault. If that gets another id, the daemon stops after the answer: an open vault has one
/// id. The next daemon opens it with the new one.
fn with_personal(
    service: &Service,
    join: TopicJoin,
    caller: &Caller<'_>,
) -> Result<Option<Response>, Refusal> {
    service.vault.refuse_if_moved().map_err(|error| refusals::moved(&error))?;
    let refused = |error: JoinError| refusals::join(&error);
    let prepared = join.with_personal(&service.vault).map_err(refused)?;
    let changes_id = prepared.changes_id();
    service.audit.record(AuditEvent::JoinTopic, caller.actor(), &[], &[])?;
    let joined = prepared.commit().map_err(refused)?;
    service.subscribers.report_any();
    let why = format!("the vault has the ID {} now", joined.id);
    let answer = answer(service, joined);
    Ok(Some(Response { stop: changes_id.then_some(why), ..Response::new(answer) }))
}

/// Joins in the directory of a project.
fn at(
    service: &Service,
    join: &TopicJoin,
    path: &str,
    caller: &Caller<'_>,
) -> Result<Option<Response>, Refusal> {
    vault::refuse_relative(path)?;
    // The key is made with the personal vault.
    let own = service.vault.own_recipient().map_err(refusals::vault)?;
    service.audit.about(path).record(AuditEvent::JoinTopic, caller.actor(), &[], &[])?;
    let joined = join.at(Path::new(path), &service.shared.registry, &own);
    let (registered, joined) = joined.map_err(|error| refusals::join(&error))?;
    if let Some(open) = service.shared.update(&registered) {
        follow::follow(&open, None);
    }
    Ok(Some(Response::new(answer(service, joined))))
}

fn answer(service: &Service, joined: JoinedVault) -> TopicJoined {
    let JoinedVault { id, path, fingerprint, is_member } = joined;
    TopicJoined {
        id: id.to_string(),
        path: path.display().to_string(),
        fingerprint: fingerprint.to_string(),
        is_member,
        new_identity: secret::new_identity(service),
    }
}

#[cfg(test)]
mod tests;
