//! Values on their way to clients, and locks that wait for them.

use std::sync::{PoisonError, RwLockReadGuard};

use fluvio_secret_protocol::{Refusal, SecretName};

use super::{Service, refusals};
use crate::audit::{Actor, AuditEvent};

/// Writes the line of a delivery, which is on its way until the result is dropped.
///
/// Refuses it if the vault was locked since `locks`: its values were decrypted before that.
pub(super) fn record<'a>(
    service: &'a Service,
    event: AuditEvent,
    actor: Actor<'_>,
    names: &[SecretName],
    locks: u64,
) -> Result<RwLockReadGuard<'a, ()>, Refusal> {
    let delivery = service.shared.delivering.read().unwrap_or_else(PoisonError::into_inner);
    service.vault.keys().refuse_if_locked_since(locks).map_err(refusals::vault)?;
    service.vault.refuse_if_moved().map_err(refusals::vault)?;
    service.audit.record(event, actor, names, &[])?;
    Ok(delivery)
}

/// Waits for the deliveries that have their line.
pub(super) fn wait(service: &Service) {
    drop(service.shared.delivering.write().unwrap_or_else(PoisonError::into_inner));
}
