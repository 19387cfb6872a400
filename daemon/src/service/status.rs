//! The daemon's state, and what it granted last.

use std::cmp::Reverse;
use std::sync::Arc;

use fluvio_secret_protocol::{
    Activity, GetActivity, GetStatus, ListedGrant, Refusal, Status, Stop, Stopping, limits,
};
use fluvio_secret_system::path_text;
use fluvio_secret_vault::{KeyState, SecretReader};

use super::handle::{Caller, Handle};
use super::{Service, key, refusals};
use crate::credential;

impl Handle for GetStatus {
    fn handle(self, service: &Service, _: &mut Caller<'_>) -> Result<Status, Refusal> {
        // Requests that need the vault and the identity report what is wrong with them.
        let _ = service.vault.recipient();
        let _ = service.vault.secrets().has_any();
        Ok(Status { is_current: true, ..last_known(service) })
    }
}

impl Handle for GetActivity {
    fn handle(self, service: &Service, _: &mut Caller<'_>) -> Result<Activity, Refusal> {
        let secrets = service.vault.secrets().count().map_err(refusals::vault)?;
        let of_vault = |service: &Arc<Service>| {
            let reader = SecretReader::of(&service.vault);
            let grants = service.grants.newest_given().into_iter().map(|(mut grant, given)| {
                let is_outdated = |given| !reader.is_present(given);
                grant.stale = grant.running == Some(true) && given.iter().any(is_outdated);
                grant.vault = service.label();
                grant
            });
            grants.collect::<Vec<_>>()
        };
        let grants = service.shared.all().iter().flat_map(of_vault).collect();
        Ok(Activity { secrets: Some(secrets), grants: newest(grants) })
    }
}

impl Handle for Stop {
    fn handle(self, _: &Service, _: &mut Caller<'_>) -> Result<Stopping, Refusal> {
        // The server stops: a service has nothing to stop.
        Ok(Stopping)
    }
}

/// The state, without a check of any file.
pub(crate) fn last_known(service: &Service) -> Status {
    let state = service.vault.keys().state();
    Status {
        is_current: false,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        since: service.shared.since.as_second(),
        vault: service.vault.path().display().to_string(),
        identity: path_text::unambiguous(service.vault.keys().path()),
        locked: state == KeyState::Locked,
        unlocked_until: match state {
            KeyState::Unlocked(until) => until.map(key::seconds),
            _ => None,
        },
        settings: service.shared.settings.to_string(),
        credential: credential::passphrase_file().map(|path| path.display().to_string()),
    }
}

/// The last grants: the number of secrets is on the disk.
pub(crate) fn last_known_activity(service: &Service) -> Activity {
    let of_vault = |service: &Arc<Service>| {
        let mut grants = service.grants.newest();
        grants.iter_mut().for_each(|grant| grant.vault = service.label());
        grants
    };
    let grants = service.shared.all().iter().flat_map(of_vault).collect();
    Activity { secrets: None, grants: newest(grants) }
}

/// The newest grants of all vaults, as many as fit into an answer.
fn newest(mut grants: Vec<ListedGrant>) -> Vec<ListedGrant> {
    grants.sort_by_key(|grant| Reverse(grant.at));
    grants.truncate(limits::LISTED_GRANTS);
    grants
}
