//! Running connectors that may have an earlier value of a secret.

use std::collections::BTreeSet;

use fluvio_secret_protocol::{GetStale, Refusal, SecretName, Stale, limits};

use fluvio_secret_vault::SecretReader;

use super::handle::{Caller, Handle};
use super::{Service, follow};

impl Handle for GetStale {
    fn handle(self, service: &Service, _: &mut Caller<'_>) -> Result<Stale, Refusal> {
        if self.names.is_empty() {
            let leases = service.leases.all().into_iter().flat_map(|lease| lease.about.names());
            let granted = service.grants.given(None).into_iter().map(|(name, _)| name);
            let names: BTreeSet<_> = leases.chain(granted).collect();
            return Ok(with_earlier(service, &names.into_iter().collect::<Vec<_>>()));
        }
        Ok(with_earlier(service, &self.names))
    }
}

/// The processes and leases that may have an earlier value of these secrets, without connectors that restart
/// because of the change.
pub(super) fn with_earlier(service: &Service, names: &[SecretName]) -> Stale {
    let mut outdated: BTreeSet<_> = service.grants.given(Some(names)).into_iter().collect();
    let reader = SecretReader::of(&service.vault);
    outdated.retain(|given| !reader.is_present(given));
    // Without a secret that it references, a connector does not restart.
    let is_there = |name: &&SecretName| service.vault.secrets().has(name).unwrap_or(true);
    let changed: Vec<_> = names.iter().filter(is_there).cloned().collect();
    let users = follow::users_of(service);
    let restarts = |parent| users.iter().any(|user| user.subscribers.is_notified(parent, &changed));
    let holders = service.grants.holders(&outdated, restarts);
    let mut leases = Vec::new();
    for user in &users {
        let of_personal = service.registered.is_none() && user.registered.is_some();
        leases.extend(user.leases.with_earlier(names, of_personal, restarts));
    }
    leases.truncate(limits::LISTED_GRANTS);
    Stale { holders, leases }
}
