//! Leases follow the vault: a secret that changes is also replaced in the secrets file of each lease.
//!
//! A connector that reads the file again then gets the new value. While the vault is locked nothing is
//! delivered, so the files follow when it is unlocked. A secret that is deleted stays in the files: a
//! connector that reads them again would stop without it.

use std::io;
use std::sync::Arc;

use fluvio_secret_protocol::{Refusal, Secret, SecretName, fit};
use fluvio_secret_system::help::Helpful;
use fluvio_secret_vault::{OpenedSecret, SecretReader, VaultError};

use super::{Service, deliveries};
use crate::audit::{Actor, AuditEvent};
use crate::lease_files::SECRETS_BYTES;
use crate::lease_info::{LeasedSecret, LeasedState};
use crate::leases::KnownLease;
use crate::vault_watcher::{VaultChange, VaultWatcher};

#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    File(#[from] io::Error),
    #[error("{}", .0.text)]
    Refused(#[from] Refusal),
}

/// Takes over the leases of a daemon that is gone, and returns their ids. The vault may have changed since.
pub(crate) fn take_over(service: &Service) -> Vec<String> {
    let ids = service.leases.adopt();
    begin(service);
    follow(service, None);
    ids
}

/// Has leases follow what other programs change, for as long as there are leases.
pub(super) fn begin(service: &Service) {
    let directory = service.vault.path().to_owned();
    let service_of_thread = service.this.clone();
    let watched = service.leases.watch_vault(|| {
        VaultWatcher::start(directory, move |change| {
            let Some(service) = service_of_thread.upgrade() else { return false };
            match change {
                VaultChange::Names(names) => follow(&service, Some(&names)),
                VaultChange::Unknown | VaultChange::Poll | VaultChange::Directory => {
                    follow(&service, None);
                }
                VaultChange::Members => {}
            }
            true
        })
    });
    if let Err(error) = watched {
        tracing::warn!("leases do not follow what other programs change: {error}");
    }
}

/// Has subscribers and leases learn of changes of these secrets that were made here.
pub(super) fn changed(service: &Service, names: &[SecretName]) {
    service.subscribers.report_names(names);
    for service in users_of(service) {
        service.subscribers.check(names);
        follow(&service, Some(names));
    }
}

/// The service, and those of vaults that take from it what they do not have.
pub(super) fn users_of(service: &Service) -> Vec<Arc<Service>> {
    let all = service.shared.all().into_iter();
    let is_personal = service.registered.is_none();
    let uses = |other: &Arc<Service>| {
        std::ptr::eq(&raw const **other, service) || is_personal && other.fallback().is_some()
    };
    all.filter(uses).collect()
}

/// Notes that a value of a secret has other bytes now, for those who have it.
pub(super) fn keep_value(service: &Service, name: &SecretName, before: u64, after: u64) {
    service.grants.keep_value(name, before, after);
    for user in users_of(service) {
        user.leases.keep_value(name, before, after);
    }
}

/// The vault that a secret of a lease is of; `None` if that does not have it any more. What the lease's own vault has
/// counts. A secret that was deleted there is not taken from the personal vault while the connector runs.
fn vault_of(service: &Service, secret: &LeasedSecret) -> Option<Arc<Service>> {
    if service.vault.secrets().has(&secret.name).unwrap_or(true) {
        return service.this.upgrade();
    }
    service.fallback().filter(|_| secret.from_personal)
}

/// Has the leases of all vaults follow changes of any secret.
pub(super) fn follow_all(service: &Service) {
    service.shared.all().iter().for_each(|service| follow(service, None));
}

/// Has all leases follow changes of these secrets, or of any secret. What fails is tried again at the next
/// change or unlock, and until then the connector is known to have an earlier value.
pub(super) fn follow(service: &Service, changed: Option<&[SecretName]>) {
    // What the last one writes was read last.
    let _guard = service.leases.following();
    let leases =
        if service.vault.refuse_if_moved().is_ok() { service.leases.all() } else { vec![] };
    for lease in leases {
        let mut secrets = lease.about.secrets.clone();
        let is_changed =
            |secret: &&mut LeasedSecret| changed.is_none_or(|names| names.contains(&secret.name));
        let mut asked: Vec<_> = secrets.iter_mut().filter(is_changed).collect();
        if let Err(error) = follow_one(service, &lease, &mut asked) {
            tracing::warn!("the secrets file of the lease {} is not replaced: {error}", lease.id);
        }
        asked.into_iter().for_each(|secret| update_state(service, secret));
        if secrets != lease.about.secrets || changed.is_none() {
            let updated = service.leases.update(&lease.id, secrets);
            if let Err(error) = updated {
                tracing::warn!("cannot write what the lease {} has: {error}", lease.id);
            }
        }
    }
}

/// Replaces the secrets file of a lease if one of these secrets has another value than there.
fn follow_one(
    service: &Service,
    lease: &KnownLease,
    secrets: &mut [&mut LeasedSecret],
) -> Result<(), FollowError> {
    let locks = service.vault.keys().locks();
    let changed = changed_values(service, lease, secrets);
    if changed.is_empty() {
        return Ok(());
    }
    let Some(mut file) = service.leases.read_secrets(&lease.id)? else { return Ok(()) };
    let (mut names, mut personal, mut followed) = (Vec::new(), Vec::new(), Vec::new());
    for (secret, value, fingerprint) in changed {
        match fit::with_value(&file, &secret.name, &value) {
            Some(new) if new.len() > SECRETS_BYTES => continue,
            Some(new) => {
                file = new;
                if !service.vault.secrets().has(&secret.name).unwrap_or(true) {
                    personal.push(secret.name.clone());
                }
                names.push(secret.name.clone());
            }
            // The same value was encrypted again.
            None => {}
        }
        followed.push((secret, fingerprint));
    }
    if !names.is_empty() {
        let actor = Actor {
            pid: rustix::process::getpid().as_raw_nonzero().get(),
            program: lease.about.connector.as_deref().unwrap_or_default(),
            config: &lease.about.config,
            asked_by: &[],
        };
        let _delivery =
            deliveries::record(service, AuditEvent::UpdateLease, actor, &names, &personal, locks)?;
        service.leases.replace_secrets(&lease.id, &file)?;
    }
    followed.into_iter().for_each(|(secret, fingerprint)| secret.in_file = fingerprint);
    Ok(())
}

/// The secrets that the vault has encrypted in other bytes than the file was made of, with the fingerprints
/// of these bytes. Values that a secrets file cannot carry are left out.
fn changed_values<'a>(
    service: &Service,
    lease: &KnownLease,
    secrets: &'a mut [&mut LeasedSecret],
) -> Vec<(&'a mut LeasedSecret, Secret, u64)> {
    let read = secrets.iter_mut().filter_map(|secret| {
        let of = vault_of(service, secret)?;
        if of.vault.fingerprints().of(&secret.name) == Some(secret.in_file) {
            return None;
        }
        match SecretReader::of(&of.vault).read(&secret.name) {
            Ok(OpenedSecret { value, fingerprint, .. }) => {
                Some((&mut **secret, value, fingerprint))
            }
            Err(VaultError::Missing | VaultError::Locked { .. }) => None,
            Err(error) => {
                let (id, name, error) = (&lease.id, &secret.name, error.report());
                tracing::warn!("the lease {id} keeps an earlier value of `{name}`: {error}");
                None
            }
        }
    });
    read.filter(|(_, value, _)| fit::by_file(value).is_ok()).collect()
}

/// Finds out whether the connector of a lease has the current value of a secret.
fn update_state(service: &Service, secret: &mut LeasedSecret) {
    let Some(of) = vault_of(service, secret) else {
        secret.state = LeasedState::Stale;
        return;
    };
    secret.from_personal = !std::ptr::eq(&raw const *of, service);
    let fingerprints = of.vault.fingerprints();
    let current = fingerprints.of(&secret.name);
    secret.state =
        if SecretReader::of(&of.vault).is_present(&(secret.name.clone(), Some(secret.given))) {
            // The same value in other bytes. Those before may leave the history.
            if let Some(current) = current.filter(|_| fingerprints.of(&secret.name) == current) {
                secret.given = current;
            }
            LeasedState::Current
        } else if current == Some(secret.in_file) && !secret.in_template {
            LeasedState::Updated
        } else {
            LeasedState::Stale
        }
}

#[cfg(test)]
mod tests;
