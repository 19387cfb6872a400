//! Vaults of projects, which the user registers.

use std::path::Path;
use std::sync::Arc;

use fluvio_secret_config::Setter;
use fluvio_secret_protocol::{
    Code, ForgetVault, InitVault, InspectVault, InspectedVault, ListVaults, ListedVault,
    ListedVaults, Reencrypted, Refusal, TrustVault, TrustedVault, UpgradeVault, VaultForgotten,
    limits,
};
use fluvio_secret_system::places::runtime_directory;
use fluvio_secret_vault::{Inspection, RegisteredVault, RegistryError, Vault};

use super::handle::{Caller, Handle};
use super::{Service, follow, opening, reencrypt, refusals, secret};
use crate::audit::AuditEvent;
use crate::leases::LeaseTable;

impl Handle for ListVaults {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<ListedVaults, Refusal> {
        let registered =
            service.shared.registry.list().map_err(|error| refusals::registry(&error))?;
        let mut listed = listed_personal(&service.vault);
        for registered in registered {
            caller.send(ListedVaults { vault: listed, more: true });
            listed = listed_vault(service, registered);
        }
        Ok(ListedVaults { vault: listed, more: false })
    }
}

fn listed_personal(vault: &Vault) -> ListedVault {
    let counted = vault.secrets().count();
    ListedVault {
        path: vault.path().display().to_string(),
        id: vault.id().to_string(),
        personal: true,
        with_personal: false,
        trouble: counted.as_ref().err().map(ToString::to_string),
        secrets: counted.ok(),
    }
}

fn listed_vault(service: &Service, registered: RegisteredVault) -> ListedVault {
    let RegisteredVault { path, id, with_personal } = registered;
    let another = || RegistryError::Another { path: path.as_str().into() };
    let inspected = service.shared.registry.inspect(Path::new(&path));
    let found = inspected.and_then(|found| if found.id == id { Ok(found) } else { Err(another()) });
    ListedVault {
        trouble: found.as_ref().err().map(ToString::to_string),
        secrets: found.ok().map(|found| found.secrets),
        personal: false,
        id: id.to_string(),
        with_personal,
        path,
    }
}

impl Handle for InitVault {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<TrustedVault, Refusal> {
        refuse_relative(&self.path)?;
        // The key is made with the personal vault.
        service.vault.recipients().map_err(refusals::vault)?;
        let audit = service.audit.about(&self.path);
        audit.record(AuditEvent::InitVault, caller.actor(), &[], &[])?;
        let own = service.vault.own_recipients().map_err(refusals::vault)?;
        let made = service.shared.registry.make(Path::new(&self.path), &own);
        Ok(registered(service, made.map_err(|error| not_made(service, &error))?, true))
    }
}

/// Refuses to make a vault. If it is registered already, this machine may be a reader in it.
fn not_made(service: &Service, error: &RegistryError) -> Refusal {
    let refusal = refusals::registry(error);
    let RegistryError::Registered { path } = error else { return refusal };
    let opened = service.this.upgrade().and_then(|this| opening::registered_at(&this, path));
    match opened.map(|opened| opened.setter()) {
        Some(others @ Setter::Others) => {
            Refusal { next: others.advice("set a secret in it", "set", "NAME"), ..refusal }
        }
        _ => refusal,
    }
}

impl Handle for InspectVault {
    fn handle(self, service: &Service, _: &mut Caller<'_>) -> Result<InspectedVault, Refusal> {
        let found = inspect(service, &self.path)?;
        let registered =
            service.shared.registry.list().map_err(|error| refusals::registry(&error))?;
        let path = found.path.display().to_string();
        let is_it = |vault: &RegisteredVault| vault.path == path && vault.id == found.id;
        let own = service.vault.own_recipients().map_err(refusals::vault)?;
        let list = found.list().map_err(|error| refusals::registry(&error))?;
        let mut members = found.listed_members(&own).map_err(|error| refusals::registry(&error))?;
        let member_count = members.len();
        members.truncate(limits::PAGE_MEMBERS);
        Ok(InspectedVault {
            registered: registered.iter().any(is_it),
            id: found.id.to_string(),
            secrets: found.secrets,
            members,
            member_count,
            list: list.hash().to_string(),
            version: list.version(),
            admin: list.signer().to_string(),
            contradicted: found.is_contradicted,
            path,
        })
    }
}

impl Handle for TrustVault {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<TrustedVault, Refusal> {
        // The key is made with the personal vault.
        service.vault.recipients().map_err(refusals::vault)?;
        let found = inspect(service, &self.path)?;
        if found.id.to_string() != self.id {
            return Err(refusals::registry(&RegistryError::Changed { path: found.path }));
        }
        let audit = service.audit.about(&found.path.display().to_string());
        audit.record(AuditEvent::TrustVault, caller.actor(), &[], &[])?;
        register(service, &found, &self.list, self.with_personal)
    }
}

impl Handle for ForgetVault {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<VaultForgotten, Refusal> {
        let audit = service.audit.about(&self.path);
        audit.record(AuditEvent::ForgetVault, caller.actor(), &[], &[])?;
        let forgotten = service.shared.registry.forget(&self.path, self.for_good);
        forgotten.map_err(|error| not_forgotten(&error))?;
        let leases = end_leases(service, &self.path);
        service.shared.close(&self.path);
        Ok(VaultForgotten { leases })
    }
}

/// Refuses to forget a vault.
fn not_forgotten(error: &RegistryError) -> Refusal {
    let refusal = refusals::registry(error);
    match error {
        RegistryError::Unknown { .. } => Refusal {
            text: format!("{}, so there is nothing to forget", refusal.text),
            next: "list the registered ones with: fluvio-secret vault list".to_owned(),
            ..refusal
        },
        _ => refusal,
    }
}

impl Handle for UpgradeVault {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Reencrypted, Refusal> {
        reencrypt::upgrade(service, caller)
    }
}

/// Ends the leases of a vault, which are not listed after it is closed. Returns their number.
fn end_leases(service: &Service, path: &str) -> usize {
    let is_it = |other: &Arc<Service>| other.label().as_deref() == Some(path);
    let table = match service.shared.all().into_iter().find(is_it) {
        Some(open) => open.leases.clone(),
        None => {
            let table = LeaseTable::new(Path::new(path), runtime_directory());
            table.adopt();
            Arc::new(table)
        }
    };
    table.all().iter().filter(|lease| table.remove(&lease.id)).count()
}

fn inspect(service: &Service, path: &str) -> Result<Inspection, Refusal> {
    refuse_relative(path)?;
    service.shared.registry.inspect(Path::new(path)).map_err(|error| refusals::registry(&error))
}

fn register(
    service: &Service,
    found: &Inspection,
    shown: &str,
    with_personal: Option<bool>,
) -> Result<TrustedVault, Refusal> {
    let own = service.vault.own_recipients().map_err(refusals::vault)?;
    let vault = service.shared.registry.register(found, shown, with_personal);
    Ok(registered(service, vault.map_err(|error| refusals::registry(&error))?, found.is_for(&own)))
}

fn registered(service: &Service, vault: RegisteredVault, own: bool) -> TrustedVault {
    if let Some(open) = service.shared.update(&vault) {
        follow::follow(&open, None);
    }
    let RegisteredVault { path, id, .. } = vault;
    let new_identity = secret::new_identity(service);
    TrustedVault { path, id: id.to_string(), own, new_identity }
}

pub(super) fn refuse_relative(path: &str) -> Result<(), Refusal> {
    if Path::new(path).is_absolute() {
        return Ok(());
    }
    let next = "install all three programs of one version of fluvio-secret";
    Err(Refusal::new(Code::Malformed, "the path of the vault is not absolute", next))
}

#[cfg(test)]
mod tests;
