//! Leases: the values that a configuration references as a file.

use std::sync::Arc;

use fluvio_secret_config::References;
use fluvio_secret_protocol::check::Checked;
use fluvio_secret_protocol::{
    CreateLease, EndLease, Lease, LeaseEnded, Leased, Leases, ListLeases, ListedLease, Refusal,
    Secret, SecretName, fit,
};
use fluvio_secret_system::process::Ancestry;
use jiff::Timestamp;

use super::handle::{Caller, Handle};
use super::values::{InjectBy, ReadSecret, Referenced};
use super::{Service, deliveries, follow, refusals};
use crate::audit::{Actor, AuditEvent};
use crate::grants::tail_of;
use crate::lease_info::{LeaseInfo, LeasedSecret, LeasedState};
use crate::lease_watch::LeaseHold;
use crate::leases::KnownLease;

impl Handle for CreateLease {
    fn handle<'a>(
        self,
        service: &'a Service,
        caller: &mut Caller<'a>,
    ) -> Result<Result<Leased, Checked>, Refusal> {
        let Self(grant) = self;
        let locks = service.vault.keys().locks();
        let referenced = match Referenced::decrypt(service, &grant, InjectBy::File)? {
            Ok(referenced) => referenced,
            Err(checked) => return Ok(Err(checked)),
        };
        let note = referenced.note();
        let of_personal = referenced.personal_names();
        let Referenced { references, secrets } = referenced;
        let leased = leased_secrets(&references, &secrets);
        let References { names, connector, .. } = references;
        if names.is_empty() {
            return Ok(Ok(Leased { connector, lease: None, note: None }));
        }
        let values = secrets.into_iter().map(|secret| secret.value);
        let secrets: Vec<_> = names.iter().cloned().zip(values).collect();
        refuse_unfit(&secrets)?;
        let pid = caller.peer.pid;
        let ancestry = Ancestry::of(pid);
        let (program, config) = (&grant.program, &grant.label);
        let actor = Actor { pid, program, config, asked_by: &ancestry.names };
        caller.delivery = Some(deliveries::record(
            service,
            AuditEvent::Lease,
            actor,
            &names,
            &of_personal,
            locks,
        )?);
        let text = fit::secrets_file(&secrets);
        drop(secrets);
        let about = LeaseInfo {
            since: Timestamp::now().as_second(),
            connector: connector.as_deref().map(tail_of),
            config: tail_of(&grant.label),
            secrets: leased,
            parent: ancestry.process.map(|process| process.parent),
        };
        let lease = service.leases.make(about, &text)?;
        drop(text);
        caller.lease = Some(LeaseHold::new(service.leases.clone(), lease.id.clone()));
        follow::begin(service);
        // A change before that was overlooked.
        follow::follow(service, Some(&names));
        let lease = Lease {
            id: lease.id,
            secrets: lease.secrets.display().to_string(),
            hold: lease.hold.display().to_string(),
        };
        Ok(Ok(Leased { connector, lease: Some(lease), note }))
    }
}

/// What a lease has of each secret at first.
fn leased_secrets(references: &References, secrets: &[ReadSecret]) -> Vec<LeasedSecret> {
    let leased = |(name, secret): (&SecretName, &ReadSecret)| LeasedSecret {
        name: name.clone(),
        given: secret.fingerprint,
        in_file: secret.fingerprint,
        in_template: references.in_templates.contains(name),
        from_personal: secret.is_personal,
        state: LeasedState::Current,
    };
    references.names.iter().zip(secrets).map(leased).collect()
}

/// Refuses values that a secrets file cannot carry.
fn refuse_unfit(secrets: &[(SecretName, Secret)]) -> Result<(), Refusal> {
    let unfit = secrets.iter().filter_map(|(name, value)| {
        let unfit = fit::by_file(value).err()?;
        Some((name.clone(), unfit))
    });
    let unfit: Vec<_> = unfit.collect();
    if unfit.is_empty() { Ok(()) } else { Err(refusals::unfit(unfit)) }
}

impl Handle for EndLease {
    fn handle(self, service: &Service, _: &mut Caller<'_>) -> Result<LeaseEnded, Refusal> {
        match service.shared.all().iter().any(|service| service.leases.remove(&self.id)) {
            true => Ok(LeaseEnded),
            false => Err(refusals::no_such_lease()),
        }
    }
}

fn listed(lease: KnownLease, vault: Option<String>) -> ListedLease {
    ListedLease {
        names: lease.about.names(),
        stale: lease.about.places(LeasedState::Stale),
        updated: lease.about.places(LeasedState::Updated),
        id: lease.id,
        since: lease.about.since,
        connector: lease.about.connector,
        config: lease.about.config,
        hold: lease.hold.display().to_string(),
        vault,
    }
}

impl Handle for ListLeases {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<Leases, Refusal> {
        let of_vault = |service: &Arc<Service>| {
            let leases = service.leases.all().into_iter();
            let vault = service.label();
            leases.map(|lease| listed(lease, vault.clone())).collect::<Vec<_>>()
        };
        let mut leases: Vec<_> = service.shared.all().iter().flat_map(of_vault).collect();
        leases.sort_by_key(|lease| lease.since);
        let mut leases = leases.into_iter();
        let mut lease = leases.next();
        for next in leases {
            caller.send(Leases { lease, more: true });
            lease = Some(next);
        }
        Ok(Leases { lease, more: false })
    }
}
