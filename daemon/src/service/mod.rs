//! Carries out requests with one vault and the audit log. Knows no socket.
//!
//! A file for each noun of the protocol has a handler for each of its requests.
//!
//! * [`handle`](mod@handle): how a request gets to its handler
//! * [`changes`]: requests that change one secret each, which wait for the disk together
//! * [`deliveries`]: values on their way, and locks that wait for them
//! * [`follow`](mod@follow): secrets files of leases that follow the vault
//! * [`values`]: the values that a configuration references
//! * [`reencrypt`]: re-encryption of all secrets
//! * [`missing`]: refusals about secrets that do not exist
//! * [`opening`]: vaults that are opened when they are first needed
//! * [`refusals`]: each error of the layers below, as the refusal that people read

pub(crate) mod changes;
mod check;
mod deliveries;
pub(crate) mod follow;
mod grant;
pub(crate) mod handle;
mod join;
pub(crate) mod key;
mod lease;
mod member;
mod missing;
pub(crate) mod opening;
mod record;
mod reencrypt;
pub(crate) mod refusals;
mod rekey_refusals;
mod rename;
mod secret;
mod stale;
pub(crate) mod status;
mod subscription;
mod sync;
mod values;
mod vault;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak};

use fluvio_secret_config::Setter;
use fluvio_secret_protocol::check::{ADD_THIS_MACHINE, SET_BY_MEMBER};
use fluvio_secret_protocol::{Code, Refusal, SecretName};
use fluvio_secret_system::places::StateDirectory;
use fluvio_secret_system::project::project_of;
use fluvio_secret_system::shell;
use fluvio_secret_vault::{MemberStoreError, RegisteredVault, Registry, Vault, VaultError};
use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::audit::Audit;
use crate::grants::Grants;
use crate::leases::LeaseTable;
use crate::settings::Settings;
use crate::subscribers::{Fallback, Subscribers};

/// What the services of all vaults have in common. The personal vault is open as long as the daemon runs, and another
/// one since it was first needed.
pub(crate) struct Shared {
    /// Set after the unlock at the start, which needs a credential: why that did not unlock the vault, if it did not.
    began: OnceLock<Option<String>>,
    /// Locked for reading while values are on their way.
    delivering: RwLock<()>,
    /// The number of requests that are answered and not done.
    pub(crate) late_work: watch::Sender<usize>,
    registry: Registry,
    settings: Settings,
    since: Timestamp,
    personal: OnceLock<Weak<Service>>,
    /// By directory.
    open: Mutex<BTreeMap<String, Arc<OpenVault>>>,
    /// Where services of other vaults keep what does not belong into the vault, and what watches their leases. Without
    /// it, none is opened.
    places: OnceLock<(StateDirectory, Handle)>,
}

/// A vault that is open, or is being opened.
#[derive(Default)]
struct OpenVault {
    /// Locked by the thread that opens it.
    opening: Mutex<()>,
    service: Mutex<Option<Arc<Service>>>,
}

/// What requests about a vault are carried out with.
pub(crate) struct Service {
    pub(crate) vault: Vault,
    /// How the user registered it; `None` for the personal vault.
    registered: Option<RegisteredVault>,
    /// Whether secrets that it does not have are taken from the personal vault.
    with_personal: Arc<AtomicBool>,
    audit: Audit,
    grants: Grants,
    pub(crate) leases: Arc<LeaseTable>,
    pub(crate) subscribers: Arc<Subscribers>,
    pub(crate) shared: Arc<Shared>,
    /// For threads that outlive a request.
    this: Weak<Self>,
}

impl Shared {
    fn personal(&self) -> Option<Arc<Service>> {
        self.personal.get().and_then(Weak::upgrade)
    }

    /// The services of all open vaults, that of the personal one first.
    pub(crate) fn all(&self) -> Vec<Arc<Service>> {
        let vaults: Vec<_> = self.open().values().cloned().collect();
        let others = vaults.iter().filter_map(|vault| vault.service());
        self.personal().into_iter().chain(others).collect()
    }

    /// Serves a vault as it is registered now, and returns it if it is open. If another one was open there, the next
    /// request opens this one.
    fn update(&self, vault: &RegisteredVault) -> Option<Arc<Service>> {
        let is_it = |open: &Arc<Service>| open.is_of(&vault.path, &vault.id.to_string());
        let Some(open) = self.all().into_iter().find(is_it) else {
            self.close(&vault.path);
            return None;
        };
        open.with_personal.store(vault.with_personal, Ordering::Relaxed);
        open.subscribers.check_all();
        Some(open)
    }

    /// Closes a vault when its last request is done.
    fn close(&self, path: &str) {
        self.open().remove(path);
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<String, Arc<OpenVault>>> {
        // Each change is one call, so a panic leaves the map whole.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenVault {
    fn service(&self) -> Option<Arc<Service>> {
        self.slot().clone()
    }

    fn slot(&self) -> MutexGuard<'_, Option<Arc<Service>>> {
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    /// The service of the personal vault.
    pub(crate) fn new(
        vault: Vault,
        audit: Audit,
        grants: Grants,
        leases: LeaseTable,
        settings: Settings,
    ) -> Arc<Self> {
        let shared = Shared {
            began: OnceLock::new(),
            delivering: RwLock::default(),
            late_work: watch::Sender::default(),
            registry: vault.registry(),
            settings,
            since: Timestamp::now(),
            personal: OnceLock::new(),
            open: Mutex::default(),
            places: OnceLock::new(),
        };
        let service = Self::of(vault, None, audit, grants, leases, Arc::new(shared));
        let _ = service.shared.personal.set(Arc::downgrade(&service));
        service
    }

    /// The service of a registered vault, whose keys are those of the personal one.
    pub(crate) fn beside(
        personal: &Self,
        vault: Vault,
        registered: RegisteredVault,
        grants: Grants,
        leases: LeaseTable,
    ) -> Arc<Self> {
        let audit = personal.audit.about(&registered.path);
        Self::of(vault, Some(registered), audit, grants, leases, personal.shared.clone())
    }

    fn of(
        vault: Vault,
        registered: Option<RegisteredVault>,
        audit: Audit,
        grants: Grants,
        leases: LeaseTable,
        shared: Arc<Shared>,
    ) -> Arc<Self> {
        let with_personal = registered.as_ref().is_some_and(|registered| registered.with_personal);
        let with_personal = Arc::new(AtomicBool::new(with_personal));
        let fallback = shared.personal().map(|personal| Fallback {
            fingerprints: personal.vault.fingerprints(),
            is_used: with_personal.clone(),
        });
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            grants,
            leases: Arc::new(leases),
            subscribers: Subscribers::new(vault.fingerprints(), fallback),
            vault,
            registered,
            with_personal,
            audit,
            shared,
        })
    }

    /// The service, for a thread that helps this one.
    fn handle(&self) -> Arc<Self> {
        self.this.upgrade().expect("a request keeps it")
    }

    /// The service of the personal vault, if the user wants what this vault lacks to be taken from that.
    fn fallback(&self) -> Option<Arc<Self>> {
        if self.with_personal.load(Ordering::Relaxed) { self.shared.personal() } else { None }
    }

    /// Whether the personal vault has a secret that this vault, which is another one, does not have.
    fn is_only_personal(&self, name: &SecretName) -> bool {
        let personal = self.registered.as_ref().and_then(|_| self.shared.personal());
        personal.is_some_and(|personal| personal.vault.secrets().has(name).unwrap_or(false))
    }

    /// Whether it is the service of the vault that is registered with this directory and this id.
    fn is_of(&self, path: &str, id: &str) -> bool {
        let registered = self.registered.as_ref();
        registered.is_some_and(|vault| vault.path == path && vault.id.to_string() == id)
    }

    /// The option that names a project's vault in a command, with a space before it: the user may be elsewhere.
    fn vault_option(&self) -> String {
        let project = self.registered.as_ref().map(|vault| project_of(Path::new(&vault.path)));
        project.map(|project| format!(" --vault {}", shell::path(project))).unwrap_or_default()
    }

    /// The machines on which a secret of the vault can be set.
    fn setter(&self) -> Setter {
        match self.refused_change() {
            None => Setter::ThisMachine(self.vault_option()),
            Some(_) => Setter::Others,
        }
    }

    /// What helps if a secret is not encrypted for this machine's key.
    fn admission(&self) -> String {
        match self.refused_change() {
            None | Some(MemberStoreError::Reader { .. }) => SET_BY_MEMBER.to_owned(),
            Some(why @ MemberStoreError::NotAdmitted { .. }) => refusals::next(&why),
            Some(_) => ADD_THIS_MACHINE.to_owned(),
        }
    }

    /// Why this machine may not change the vault, if others may.
    fn refused_change(&self) -> Option<MemberStoreError> {
        match self.vault.refuse_change() {
            Err(VaultError::Members(
                why @ (MemberStoreError::NotAdmitted { .. }
                | MemberStoreError::NotMember { .. }
                | MemberStoreError::Reader { .. }),
            )) => Some(why),
            _ => None,
        }
    }

    /// The vault's directory, for answers; `None` for the personal one.
    fn label(&self) -> Option<String> {
        self.registered.as_ref().map(|registered| registered.path.clone())
    }

    /// Adds to the refusal of a locked vault why the credential did not unlock it: the log of a container may be gone.
    fn explained(&self, refusal: Refusal) -> Refusal {
        match self.shared.began.get() {
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
