//! Vaults of projects, opened when they are first needed, and only if the user has registered them.

use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use fluvio_secret_protocol::{Notice, Refusal, VaultAddress, limits};
use fluvio_secret_system::hash::fnv_1a;
use fluvio_secret_system::places::{StateDirectory, runtime_directory};
use fluvio_secret_system::{printable, shell};
use fluvio_secret_vault::{FoundVault, RegisteredVault, RegistryError};
use tokio::runtime::Handle;

use super::{OpenVault, Service, follow, refusals};
use crate::audit::{Actor, AuditEvent};
use crate::grants::Grants;
use crate::lease_watch::LeaseHold;
use crate::leases::LeaseTable;

/// A registered vault, and its service unless it cannot be opened.
pub(super) type OpenedOther = (RegisteredVault, Result<Arc<Service>, Refusal>);

/// Has other vaults than the personal one served. The runtime watches their leases.
pub(crate) fn serve_others(personal: &Service, state: StateDirectory, runtime: Handle) {
    let _ = personal.shared.places.set((state, runtime));
}

/// The service of the vault that a request is about. `notify` gets a note if the vault has moved.
pub(crate) fn service_of(
    personal: &Arc<Service>,
    address: Option<&VaultAddress>,
    actor: Actor<'_>,
    notify: &dyn Fn(Notice),
) -> Result<Arc<Service>, Refusal> {
    let Some(address) = address else { return Ok(personal.clone()) };
    let vault = personal.shared.open().entry(address.path.clone()).or_default().clone();
    if let Some(service) = usable(&vault, address) {
        return Ok(service);
    }
    let _opening = vault.opening.lock().unwrap_or_else(PoisonError::into_inner);
    // The last one that waited here may have opened it.
    if let Some(service) = usable(&vault, address) {
        return Ok(service);
    }
    // It may be another directory now, whose lock the service before has to give back first.
    *vault.slot() = None;
    let found = personal.shared.registry.find(&address.path, &address.id);
    close_moved(personal);
    let found = found.map_err(|error| refusals::registry(&error));
    let taken = found.and_then(|found| take_over(personal, found, actor, notify));
    let opened =
        taken.and_then(|vault| open(personal, vault).map_err(|error| refusals::registry(&error)));
    let service = opened.inspect_err(|_| {
        personal.shared.open().retain(|_, other| !Arc::ptr_eq(other, &vault));
    })?;
    *vault.slot() = Some(service.clone());
    Ok(service)
}

/// The vault, whose new place is remembered if it has moved.
fn take_over(
    personal: &Service,
    found: FoundVault,
    actor: Actor<'_>,
    notify: &dyn Fn(Notice),
) -> Result<RegisteredVault, Refusal> {
    let Some(before) = &found.before else { return Ok(found.vault) };
    let path = &found.vault.path;
    personal.audit.about(path).record(AuditEvent::MoveVault, actor, &[], &[])?;
    let taken = personal.shared.registry.take_over(&found);
    taken.map_err(|error| refusals::registry(&error))?;
    let moved = format!("the vault {} has moved to {path}", before.path);
    let mut text = printable::line(&moved);
    tracing::info!("{text}");
    if before.with_personal {
        let path = shell::path(Path::new(path));
        text += ", and takes nothing from your personal vault any more\n";
        text += &format!(
            "help: turn that on again with: fluvio-secret vault trust --with-personal {path}"
        );
    }
    notify(Notice { text });
    Ok(found.vault)
}

/// The service, if it is that of the vault with this address, whose directory is still there.
fn usable(vault: &OpenVault, address: &VaultAddress) -> Option<Arc<Service>> {
    let service = vault.service()?;
    let is_it = service.is_of(&address.path, &address.id);
    (is_it && service.vault.refuse_if_moved().is_ok()).then_some(service)
}

/// Closes vaults whose directory has moved. While such a vault is open, its lock keeps it from being opened at the
/// new path.
fn close_moved(personal: &Service) {
    let is_there = |service: Arc<Service>| service.vault.refuse_if_moved().is_ok();
    personal.shared.open().retain(|_, vault| vault.service().is_none_or(is_there));
}

fn open(
    personal: &Arc<Service>,
    registered: RegisteredVault,
) -> Result<Arc<Service>, RegistryError> {
    let path = Path::new(&registered.path);
    let unknown = || RegistryError::Unknown { path: path.to_owned() };
    let (state, runtime) = personal.shared.places.get().ok_or_else(unknown)?;
    let vault = personal.vault.open_registered(&registered, Instant::now() + limits::HANDOVER)?;
    tracing::info!("serving the vault {} with the ID {}", registered.path, registered.id);
    // Nothing has changed it yet.
    if let Err(error) = vault.secrets().sweep() {
        tracing::warn!("cannot remove files of interrupted writes: {error}");
    }
    let grants = Grants::of(state.grants_of(fnv_1a(registered.path.as_bytes())));
    let leases = LeaseTable::new(vault.path(), runtime_directory());
    let service = Service::beside(personal, vault, registered, grants, leases);
    let _inside = runtime.enter();
    for id in follow::take_over(&service) {
        drop(LeaseHold::new(service.leases.clone(), id));
    }
    Ok(service)
}

/// Each registered vault, opened.
pub(super) fn registered(personal: &Arc<Service>) -> Result<Vec<OpenedOther>, Refusal> {
    let registered = personal.shared.registry.list();
    let registered = registered.map_err(|error| refusals::registry(&error))?;
    let opened = registered.into_iter().map(|registered| {
        let (path, id) = (registered.path.clone(), registered.id.to_string());
        let service = registered_service(personal, &VaultAddress { path, id });
        (registered, service)
    });
    Ok(opened.collect())
}

/// The vault that is registered with this directory, if it can be opened.
pub(super) fn registered_at(personal: &Arc<Service>, path: &Path) -> Option<Arc<Service>> {
    let registered = personal.shared.registry.list().ok()?;
    let found = registered.into_iter().find(|vault| Path::new(&vault.path) == path)?;
    let address = VaultAddress { path: found.path, id: found.id.to_string() };
    registered_service(personal, &address).ok()
}

/// The vaults whose connectors run: their leases end with the connectors, and follow changes.
pub(crate) fn used(personal: &Service) -> Vec<VaultAddress> {
    let places = personal.shared.places.get();
    let (Ok(registered), Some((state, _))) = (personal.shared.registry.list(), places) else {
        return Vec::new();
    };
    let used = registered.into_iter().filter(|vault| {
        let grants = state.grants_of(fnv_1a(vault.path.as_bytes()));
        let leases = LeaseTable::new(Path::new(&vault.path), runtime_directory());
        leases.are_there() || Grants::are_there(&grants)
    });
    used.map(|vault| VaultAddress { path: vault.path, id: vault.id.to_string() }).collect()
}

/// Opens these vaults.
pub(crate) fn open_all(personal: &Arc<Service>, vaults: &[VaultAddress]) {
    for vault in vaults {
        if let Err(refusal) = registered_service(personal, vault) {
            tracing::warn!("{refusal}");
        }
    }
}

/// The service of a vault at the place where it is registered.
fn registered_service(
    personal: &Arc<Service>,
    vault: &VaultAddress,
) -> Result<Arc<Service>, Refusal> {
    service_of(personal, Some(vault), Actor::default(), &|_| {})
}
