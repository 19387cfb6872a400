//! Requests that change one secret each. Those that are queued together wait for the disk together.
//!
//! Each is refused by itself: another change, or the line of another one, is never the cause.

use std::convert::Infallible;
use std::sync::OnceLock;

use fluvio_secret_protocol::{Delete, Refusal, Request, Restore, SecretName, Set};
use fluvio_secret_system::helpers::DISK_HELPERS;
use fluvio_secret_system::parallel::{cores, in_parallel};
use fluvio_secret_vault::{SecretChange, SecretWriter, SyncedChange, VaultError};

use super::{Service, follow, refusals};
use crate::answers::Response;
use crate::audit::{Actor, AuditError, AuditEvent};
use crate::rotating_log::WrittenLine;

/// Signs and encrypts several changes. The first one makes it.
pub(super) type SharedWriter = OnceLock<Result<SecretWriter, VaultError>>;

/// A change that is possible, and its answer once it is made.
pub(super) struct PossibleChange<'a> {
    pub(super) event: AuditEvent,
    pub(super) change: SecretChange<'a>,
    pub(super) answer: ChangeAnswer<'a>,
}

pub(super) type ChangeAnswer<'a> = Box<dyn FnOnce() -> Response + Send + 'a>;

/// A request that changes one secret and keeps its history.
pub(super) trait ChangeSecret {
    /// Finds out whether the change is possible. Nothing changes.
    fn prepare<'a>(
        self,
        service: &'a Service,
        writer: &SharedWriter,
    ) -> Result<PossibleChange<'a>, Refusal>;
}

/// The secret that a request changes, if it changes one and keeps the history.
pub(crate) fn secret_of(request: &Request) -> Option<&SecretName> {
    match request {
        Request::Delete(Delete { name, purge: false }) => Some(name),
        Request::Restore(Restore { name, .. }) | Request::Set(Set { name, .. }) => Some(name),
        _ => None,
    }
}

/// Makes one change.
pub(super) fn make(
    service: &Service,
    request: Request,
    actor: Actor<'static>,
) -> Result<Option<Response>, Refusal> {
    make_all(service, vec![(request, actor)]).into_iter().next().transpose()
}

/// Makes changes of different secrets, and returns the answers once they are durable.
pub(super) fn make_all(
    service: &Service,
    requests: Vec<(Request, Actor<'static>)>,
) -> Vec<Result<Response, Refusal>> {
    let names: Vec<_> = requests.iter().filter_map(|(one, _)| secret_of(one).cloned()).collect();
    let writer = SharedWriter::new();
    let Ok(possible) = in_parallel(cores(), requests, |(request, actor)| {
        Ok::<_, Infallible>((prepare(service, request, &writer), actor))
    });
    let recorded = possible.into_iter().map(|(one, actor)| record(service, one?, actor));
    let recorded: Vec<_> = recorded.collect();
    let kept: Vec<_> =
        recorded.iter().flatten().filter_map(|(change, ..)| kept_value(change)).collect();
    let synced = and_then_all(recorded, |recorded| sync_recorded(service, recorded));
    let made = and_then_all(synced, commit_all);
    for (name, before, after) in &kept {
        follow::keep_value(service, name, *before, *after);
    }
    if !kept.is_empty() {
        // The next daemon has to know the new fingerprints.
        service.grants.store();
    }
    follow::changed(service, &names);
    made.into_iter().map(|made| made.map(|answer| answer())).collect()
}

/// The secret of a change, and its answer once it is made.
type Pending<'a> = (SecretName, ChangeAnswer<'a>);

/// What became of changes, and of their lines.
type Synced<'a> = (Vec<Result<SyncedChange<'a>, VaultError>>, Vec<Result<(), AuditError>>);

fn prepare<'a>(
    service: &'a Service,
    request: Request,
    writer: &SharedWriter,
) -> Result<PossibleChange<'a>, Refusal> {
    match request {
        Request::Delete(delete) => delete.prepare(service, writer),
        Request::Restore(restore) => restore.prepare(service, writer),
        Request::Set(set) => set.prepare(service, writer),
        _ => Err(refusals::internal()),
    }
}

/// The writer that changes share.
pub(super) fn shared<'w>(
    service: &Service,
    writer: &'w SharedWriter,
    names: &[SecretName],
) -> Result<&'w SecretWriter, Refusal> {
    let writer = writer.get_or_init(|| SecretWriter::of(&service.vault));
    writer.as_ref().map_err(|error| refusals::with_names(error, names))
}

/// The value that a change restores: its secret, and its fingerprint before and after.
fn kept_value(change: &SecretChange<'_>) -> Option<(SecretName, u64, u64)> {
    Some((change.name().clone(), change.restores?, change.fingerprint?))
}

/// Writes the line of a change.
fn record<'a>(
    service: &Service,
    possible: PossibleChange<'a>,
    actor: Actor<'_>,
) -> Result<(SecretChange<'a>, WrittenLine, Pending<'a>), Refusal> {
    let PossibleChange { event, change, answer } = possible;
    let name = change.name().clone();
    if let (Some(before), Some(after)) = (change.same_as.or(change.restores), change.fingerprint) {
        service.subscribers.expect_same(&name, before, after);
    }
    let line = service.audit.write(event, actor, std::slice::from_ref(&name))?;
    Ok((change, line, (name, answer)))
}

fn sync_recorded<'a>(
    service: &Service,
    recorded: Vec<(SecretChange<'a>, WrittenLine, Pending<'a>)>,
) -> Vec<Result<(SyncedChange<'a>, Pending<'a>), Refusal>> {
    let (mut changes, mut lines, mut pending) = (Vec::new(), Vec::new(), Vec::new());
    for (change, line, answer) in recorded {
        changes.push(change);
        lines.push(line);
        pending.push(answer);
    }
    let (synced, recorded) = sync(service, changes, lines);
    let outcomes = synced.into_iter().zip(recorded).zip(pending);
    let outcomes = outcomes.map(|((synced, recorded), (name, answer))| {
        let synced = synced.map_err(refusals::about(std::slice::from_ref(&name)))?;
        recorded?;
        Ok((synced, (name, answer)))
    });
    outcomes.collect()
}

/// Waits until changes and their lines are on the disk: for all of them at the same time.
pub(super) fn sync<'a>(
    service: &Service,
    changes: Vec<SecretChange<'a>>,
    lines: Vec<WrittenLine>,
) -> Synced<'a> {
    let own = service.handle();
    let sync_lines = move || own.audit.sync(&lines);
    let (lines, changes) = DISK_HELPERS.beside(sync_lines, || SecretChange::sync_all(changes));
    (changes, lines)
}

fn commit_all<'a>(
    synced: Vec<(SyncedChange<'a>, Pending<'a>)>,
) -> Vec<Result<ChangeAnswer<'a>, Refusal>> {
    let (changes, pending): (Vec<_>, Vec<_>) = synced.into_iter().unzip();
    let made = SyncedChange::commit_all(changes).into_iter().zip(pending);
    let made = made.map(|(made, (name, answer))| match made {
        Ok(()) => Ok(answer),
        Err(error) => Err(refusals::about(&[name])(error)),
    });
    made.collect()
}

/// Does the next step with all that were not refused before.
fn and_then_all<T, U>(
    items: Vec<Result<T, Refusal>>,
    step: impl FnOnce(Vec<T>) -> Vec<Result<U, Refusal>>,
) -> Vec<Result<U, Refusal>> {
    let mut good = Vec::new();
    let refused: Vec<_> = items.into_iter().map(|item| item.map(|item| good.push(item))).collect();
    let mut done = step(good).into_iter();
    let mut next = || done.next().unwrap_or_else(|| Err(refusals::internal()));
    refused.into_iter().map(|refused| refused.and_then(|()| next())).collect()
}

#[cfg(test)]
mod tests;
