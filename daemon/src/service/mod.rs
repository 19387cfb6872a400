//! Carries out requests with the vault and the audit log. Knows no socket.
//!
//! A file for each noun of the protocol has a handler for each of its requests.
//!
//! * [`handle`](mod@handle): how a request gets to its handler
//! * [`changes`]: requests that change one secret each, which wait for the disk together
//! * [`deliveries`]: values on their way, and locks that wait for them
//! * [`follow`](mod@follow): secrets files of leases that follow the vault
//! * [`values`]: the values that a configuration references
//! * [`reencrypt`]: re-encryption of all secrets
//! * [`refusals`]: each error of the layers below, as the refusal that people read

pub(crate) mod changes;
mod check;
mod deliveries;
pub(crate) mod follow;
mod grant;
pub(crate) mod handle;
pub(crate) mod key;
mod lease;
mod recipient;
mod reencrypt;
pub(crate) mod refusals;
mod rename;
mod secret;
mod stale;
pub(crate) mod status;
mod subscription;
mod values;

use std::sync::{Arc, OnceLock, RwLock, Weak};

use fluvio_secret_protocol::{Code, Refusal};
use fluvio_secret_vault::Vault;
use jiff::Timestamp;

use crate::audit::Audit;
use crate::grants::Grants;
use crate::leases::LeaseTable;
use crate::settings::Settings;
use crate::subscribers::Subscribers;

/// What requests are carried out with.
pub(crate) struct Service {
    pub(crate) vault: Vault,
    audit: Audit,
    /// Set after the unlock at the start, which needs a credential: why that did not unlock the vault, if it did not.
    began: OnceLock<Option<String>>,
    /// Locked for reading while values are on their way.
    delivering: RwLock<()>,
    grants: Grants,
    pub(crate) leases: Arc<LeaseTable>,
    pub(crate) subscribers: Arc<Subscribers>,
    since: Timestamp,
    settings: Settings,
    /// For threads that outlive a request.
    this: Weak<Self>,
}

impl Service {
    pub(crate) fn new(
        vault: Vault,
        audit: Audit,
        grants: Grants,
        leases: LeaseTable,
        settings: Settings,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            began: OnceLock::new(),
            delivering: RwLock::default(),
            grants,
            leases: Arc::new(leases),
            subscribers: Subscribers::new(vault.fingerprints()),
            since: Timestamp::now(),
            vault,
            audit,
            settings,
        })
    }

    /// Adds to the refusal of a locked vault why the credential did not unlock it: the log of a container may be gone.
    fn explained(&self, refusal: Refusal) -> Refusal {
        match self.began.get() {
            Some(Some(why)) if refusal.code == Code::Locked => {
                let text = format!("{}, and {why}", refusal.text);
                let next = "correct the credential, or unlock it with: fluvio-secret unlock";
                Refusal { text, next: next.to_owned(), ..refusal }
            }
            _ => refusal,
        }
    }
}

#[cfg(test)]
mod tests;
