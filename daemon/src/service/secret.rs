//! Secrets and their history. A change has its line in the audit log before it is made.

use std::collections::BTreeSet;

use fluvio_secret_protocol::{
    Damaged, Delete, Deleted, Examine, Examined, Found, History, Import, Imported, List,
    ListDeleted, Listed, ListedSecret, Refusal, Restore, Restored, Secret, SecretName, Set, Stale,
    Stored, Versions, limits,
};
use fluvio_secret_system::helpers::READ_HELPERS;
use fluvio_secret_system::parallel::{beside, cores, in_parallel};
use fluvio_secret_vault::{
    SecretChange, SecretListing, SecretPurge, SecretReader, SecretWithSeen, SecretWriter,
    SyncedChange, VaultError,
};

use super::changes::{ChangeSecret, PossibleChange, SharedWriter};
use super::handle::{Caller, Handle, Serve};
use super::stale::with_earlier;
use super::{Service, changes, follow, missing, refusals};
use crate::answers::Response;
use crate::audit::AuditEvent;

/// The secrets of an import that are written before they are synced.
const WRITTEN_AT_ONCE: usize = 32;

impl Serve for Set {
    fn serve<'a>(
        self,
        service: &'a Service,
        caller: &mut Caller<'a>,
    ) -> Result<Option<Response>, Refusal> {
        changes::make(service, self.into(), caller.actor())
    }
}

impl ChangeSecret for Set {
    fn prepare<'a>(
        self,
        service: &'a Service,
        writer: &SharedWriter,
    ) -> Result<PossibleChange<'a>, Refusal> {
        let Self { name, value } = self;
        let names = [name.clone()];
        // No connector should restart because of the same value.
        let is_reported = service.subscribers.has(&name);
        let fingerprint = || SecretReader::of(&service.vault).fingerprint_of_same(&name, &value);
        let same_as = is_reported.then(fingerprint).flatten();
        let writer = changes::shared(service, writer, &names)?;
        let change = SecretChange::set(&service.vault, writer, name, value);
        let mut change = change.map_err(refusals::about(&names))?;
        change.same_as = same_as;
        let set_at = change.set_at.as_second();
        let answer = move || {
            let new_identity = new_identity(service);
            let Stale { holders, leases } = with_earlier(service, &names);
            Response::new(Stored { set_at, new_identity, holders, leases })
        };
        Ok(PossibleChange { event: AuditEvent::Set, change, answer: Box::new(answer) })
    }
}

impl Handle for Import {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Imported, Refusal> {
        let Self { secrets, overwrite, dry_run } = self;
        if secrets.iter().map(|(name, _)| name).collect::<BTreeSet<_>>().len() < secrets.len() {
            return Err(refusals::repeated_name());
        }
        let found = compare_all(service, &secrets)?;
        if dry_run {
            let (holders, leases) = (Vec::new(), Vec::new());
            return Ok(Imported { found, new_identity: None, holders, leases });
        }
        let other = secrets.iter().zip(&found).filter(|(_, found)| **found == Found::Other);
        let other: Vec<_> = other.map(|((name, _), _)| name.clone()).collect();
        if !overwrite && !other.is_empty() {
            return Err(refusals::other_values(other));
        }
        let changed = secrets.into_iter().zip(&found).filter(|(_, found)| **found != Found::Same);
        let changed: Vec<_> = changed.map(|(secret, _)| secret).collect();
        let mut new_identity = None;
        if !changed.is_empty() {
            set_all(service, changed, caller)?;
            new_identity = self::new_identity(service);
        }
        let Stale { holders, leases } = with_earlier(service, &other);
        Ok(Imported { found, new_identity, holders, leases })
    }
}

impl Serve for Restore {
    fn serve<'a>(
        self,
        service: &'a Service,
        caller: &mut Caller<'a>,
    ) -> Result<Option<Response>, Refusal> {
        changes::make(service, self.into(), caller.actor())
    }
}

impl ChangeSecret for Restore {
    fn prepare<'a>(
        self,
        service: &'a Service,
        writer: &SharedWriter,
    ) -> Result<PossibleChange<'a>, Refusal> {
        let Self { name, version } = self;
        let names = [name.clone()];
        // It may find what another machine has removed.
        let writer = changes::shared(service, writer, &names)?;
        let versions = service.vault.secrets().versions(&name).map_err(refusals::about(&names))?;
        if versions.present.is_none() && versions.earlier.is_empty() {
            return Err(missing::nothing_to_restore(&name));
        }
        let has_others = versions.earlier.len() > 1;
        let mut earlier = versions.earlier.into_iter();
        let found = match version {
            Some(number) => earlier.find(|earlier| earlier.version == number),
            None => earlier.next(),
        };
        let found = found.ok_or_else(|| missing::no_such_version(&name))?;
        let change = SecretChange::restore(&service.vault, writer, name, found.version);
        let change = change.map_err(|error| match error {
            VaultError::DamagedVersion { .. } if !has_others => {
                let next = service.setter().advice(
                    "there is no other earlier version; set it",
                    "set",
                    &names[0],
                );
                Refusal { next, ..refusals::with_names(&error, &names) }
            }
            error => refusals::with_names(&error, &names),
        })?;
        let answer = move || {
            let Stale { holders, leases } = with_earlier(service, &names);
            Response::new(Restored {
                version: found.version,
                set_at: found.set_at,
                holders,
                leases,
            })
        };
        Ok(PossibleChange { event: AuditEvent::Restore, change, answer: Box::new(answer) })
    }
}

impl Serve for Delete {
    fn serve<'a>(
        self,
        service: &'a Service,
        caller: &mut Caller<'a>,
    ) -> Result<Option<Response>, Refusal> {
        if self.purge {
            purge(service, self.name, caller).map(|()| Some(Response::new(Deleted)))
        } else {
            changes::make(service, self.into(), caller.actor())
        }
    }
}

impl ChangeSecret for Delete {
    fn prepare<'a>(
        self,
        service: &'a Service,
        writer: &SharedWriter,
    ) -> Result<PossibleChange<'a>, Refusal> {
        let names = [self.name.clone()];
        let absent = |error| match error {
            VaultError::Missing => missing::no_such_secret(&names[0], service),
            error => refusals::about(&names)(error),
        };
        if !service.vault.secrets().has(&self.name).map_err(absent)? {
            return Err(absent(VaultError::Missing));
        }
        let writer = changes::shared(service, writer, &names)?;
        let change = SecretChange::delete(&service.vault, writer, self.name).map_err(absent)?;
        let answer = || Response::new(Deleted);
        Ok(PossibleChange { event: AuditEvent::Delete, change, answer: Box::new(answer) })
    }
}

fn purge(service: &Service, name: SecretName, caller: &Caller<'_>) -> Result<(), Refusal> {
    let names = [name.clone()];
    let refused = |error| match error {
        VaultError::Missing => missing::no_such_secret(&names[0], service),
        error => refusals::about(&names)(error),
    };
    if !service.vault.secrets().has_or_had(&name).map_err(refused)? {
        return Err(refused(VaultError::Missing));
    }
    let writer = SecretWriter::of(&service.vault).map_err(refused)?;
    let purge = SecretPurge::prepare(&service.vault, &writer, name).map_err(refused)?;
    service.audit.record(AuditEvent::Purge, caller.actor(), &names, &[])?;
    let purged = purge.commit();
    follow::changed(service, &names);
    purged.map_err(refusals::about(&names))
}

impl Handle for List {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Listed, Refusal> {
        let names = service.vault.secrets().names().map_err(refusals::vault)?;
        let listing = SecretListing::of(&service.vault).map_err(refusals::vault)?;
        let mut names = names.iter().peekable();
        loop {
            let secrets = page(&listing, names.by_ref().take(limits::PAGE_NAMES))?;
            let more = names.peek().is_some();
            let page = Listed { secrets, more };
            if !more {
                return Ok(page);
            }
            caller.send(page);
        }
    }
}

impl Handle for ListDeleted {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Listed, Refusal> {
        let listing = SecretListing::of(&service.vault).map_err(refusals::vault)?;
        let deleted = listing.deleted().map_err(refusals::vault)?;
        let mut listed = deleted.into_iter().peekable();
        loop {
            let secrets = listed.by_ref().take(limits::PAGE_NAMES).collect();
            let page = Listed { secrets, more: listed.peek().is_some() };
            if !page.more {
                return Ok(page);
            }
            caller.send(page);
        }
    }
}

impl Handle for Examine {
    fn handle(self, service: &Service, _: &mut Caller<'_>) -> Result<Examined, Refusal> {
        let own = service.handle();
        let known = SecretWithSeen::all(&service.vault, self.names);
        let examined = READ_HELPERS.share(cores() - 1, known, move |secrets| {
            let reader = SecretReader::of(&own.vault);
            secrets.work(|secret| (reader.examine(&secret), secret.into_name()));
        });
        let mut damaged = Vec::new();
        for (examined, name) in examined {
            match examined {
                // A secret that was just deleted is not damaged.
                Ok(_) | Err(VaultError::Missing) => {}
                Err(VaultError::Damaged { source, .. }) => {
                    damaged.push(Damaged { name, why: source.to_string(), for_others: false });
                }
                Err(VaultError::ForOthers { source, .. }) => {
                    damaged.push(Damaged { name, why: source.to_string(), for_others: true });
                }
                Err(error) => return Err(refusals::about(&[name])(error)),
            }
        }
        Ok(Examined { damaged })
    }
}

impl Handle for History {
    fn handle(self, service: &Service, _: &mut Caller<'_>) -> Result<Versions, Refusal> {
        let names = [self.name];
        let versions = SecretReader::of(&service.vault).versions(&names[0]);
        let versions = versions.map_err(refusals::about(&names))?;
        if versions.present.is_none() && versions.earlier.is_empty() {
            return Err(missing::no_such_secret(&names[0], service));
        }
        Ok(versions)
    }
}

/// Compares values with those of the vault.
fn compare_all(service: &Service, secrets: &[(SecretName, Secret)]) -> Result<Vec<Found>, Refusal> {
    let reader = SecretReader::of(&service.vault);
    let names = secrets.iter().map(|(name, _)| name.clone()).collect();
    let known = SecretWithSeen::all(&service.vault, names).into_iter().zip(secrets).collect();
    in_parallel(threads_for(secrets.len()), known, |(known, (name, value))| {
        let compared = reader.compare_known(&known, value);
        compared.map_err(refusals::about(std::slice::from_ref(name)))
    })
}

/// For a few secrets, starting a thread takes longer than it saves.
fn threads_for(secrets: usize) -> usize {
    if secrets < WRITTEN_AT_ONCE { 1 } else { cores() }
}

/// Sets all secrets, with one line. None of them is set unless all are on the disk.
fn set_all(
    service: &Service,
    secrets: Vec<(SecretName, Secret)>,
    caller: &Caller<'_>,
) -> Result<(), Refusal> {
    let names: Vec<_> = secrets.iter().map(|(name, _)| name.clone()).collect();
    // An error has the path of the one file that it is about.
    let writer = SecretWriter::of(&service.vault).map_err(refusals::vault)?;
    let (mut synced, mut written) = (Vec::with_capacity(secrets.len()), Vec::new());
    let mut secrets = secrets.into_iter();
    while secrets.len() > 0 {
        let (next, values): (Vec<_>, Vec<_>) = secrets.by_ref().take(WRITTEN_AT_ONCE).unzip();
        let write = || {
            let next = SecretWithSeen::all(&service.vault, next).into_iter().zip(values).collect();
            in_parallel(cores(), next, |(known, value)| {
                SecretChange::set_known(&service.vault, &writer, known, value)
            })
        };
        // The disk and the processor are busy at the same time.
        let (next, before) = beside(write, || SecretChange::sync_all(written));
        synced.extend(before);
        written = next.map_err(refusals::vault)?;
    }
    let line = service.audit.write(AuditEvent::Set, caller.actor(), &names)?;
    let (last, recorded) = changes::sync(service, written, vec![line]);
    synced.extend(last);
    let synced = synced.into_iter().collect::<Result<_, _>>().map_err(refusals::vault)?;
    recorded.into_iter().collect::<Result<(), _>>()?;
    let made = SyncedChange::commit_all(synced);
    follow::changed(service, &names);
    made.into_iter().collect::<Result<(), _>>().map_err(refusals::vault)
}

fn page(
    listing: &SecretListing<'_>,
    names: impl Iterator<Item = SecretName>,
) -> Result<Vec<ListedSecret>, Refusal> {
    let names: Vec<_> = names.collect();
    let found = in_parallel(threads_for(names.len()), names, |name| {
        listing.find(&name).map_err(refusals::about(std::slice::from_ref(&name)))
    })?;
    // Without those that were just deleted.
    Ok(found.into_iter().flatten().collect())
}

/// The identity's file, if its owner has to be notified: once, after the first change with a new one.
pub(super) fn new_identity(service: &Service) -> Option<String> {
    let keys = service.vault.keys();
    keys.take_is_new().then(|| keys.path().display().to_string())
}
