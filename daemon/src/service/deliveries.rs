//! Values on their way to clients, and locks that wait for them.

use std::sync::{PoisonError, RwLockReadGuard};

use fluvio_secret_protocol::{Refusal, SecretName};

use super::{Service, refusals};
use crate::audit::{Actor, AuditEvent};

/// Writes the line of a delivery, which is on its way until the result is dropped. The secrets that are of the
/// `personal` vault, although the service is that of another one, get a line of their own.
///
/// Refuses it if the vault was locked since `locks`: its values were decrypted before that.
pub(super) fn record<'a>(
    service: &'a Service,
    event: AuditEvent,
    actor: Actor<'_>,
    names: &[SecretName],
    personal: &[SecretName],
    locks: u64,
) -> Result<RwLockReadGuard<'a, ()>, Refusal> {
    let delivery = service.shared.delivering.read().unwrap_or_else(PoisonError::into_inner);
    service.vault.keys().refuse_if_locked_since(locks).map_err(refusals::vault)?;
    service.vault.refuse_if_moved().map_err(refusals::vault)?;
    let own: Vec<_> = names.iter().filter(|name| !personal.contains(name)).cloned().collect();
    if personal.is_empty() || !own.is_empty() {
        service.audit.record(event, actor, &own, &[])?;
    }
    if !personal.is_empty() {
        let of_personal = service.shared.personal().ok_or_else(refusals::internal)?;
        of_personal.audit.record(event, actor, personal, &[])?;
    }
    Ok(delivery)
}

/// Waits for the deliveries that have their line.
pub(super) fn wait(service: &Service) {
    drop(service.shared.delivering.write().unwrap_or_else(PoisonError::into_inner));
}
