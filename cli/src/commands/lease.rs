//! `lease list`, `lease end`.

use fluvio_secret_protocol::ListedLease;
use serde::Serialize;

use super::{client, running_client};
use crate::args::Format;
use crate::error::CliError;
use crate::holders::{self, Holder};
use crate::{date, format, output};

/// A lease, for programs.
#[derive(Serialize)]
pub(super) struct Lease<'a> {
    id: &'a str,
    since: Option<String>,
    connector: Option<&'a str>,
    config: &'a str,
    names: Vec<&'a str>,
}

/// The same, with who holds it.
#[derive(Serialize)]
struct HeldLease<'a> {
    #[serde(flatten)]
    lease: Lease<'a>,
    holders: &'a [Holder],
}

impl<'a> HeldLease<'a> {
    fn of(lease: &'a ListedLease, holders: &'a [Holder]) -> Self {
        Self { lease: Lease::of(lease), holders }
    }
}

impl<'a> Lease<'a> {
    pub(super) fn of(lease: &'a ListedLease) -> Self {
        Self {
            id: &lease.id,
            since: date::rfc3339(lease.since),
            connector: lease.connector.as_deref(),
            config: &lease.config,
            names: lease.names.iter().map(fluvio_secret_protocol::SecretName::as_str).collect(),
        }
    }
}

/// A lease as a person knows it.
pub(super) fn describe(connector: Option<&str>, config: &str, id: &str) -> String {
    format!("{} with {config} (lease {id})", connector.unwrap_or("a connector"))
}

pub(crate) fn list_leases(form: Format) -> Result<(), CliError> {
    // Where no daemon runs there may be leases all the same: one that starts takes them over.
    let mut client = client()?;
    let leases = client.leases()?;
    let holders = holders::of(leases.iter().map(|lease| lease.hold.as_ref()));
    let held = || leases.iter().zip(&holders);
    let row = |(lease, holders): (&ListedLease, &Vec<Holder>)| {
        let names: Vec<_> = lease.names.iter().map(ToString::to_string).collect();
        let holders: Vec<_> = holders.iter().map(ToString::to_string).collect();
        [
            lease.id.clone(),
            date::local(lease.since),
            lease.connector.clone().unwrap_or_default(),
            holders.join(", "),
            names.join(" "),
        ]
    };
    let head = ["Lease", "Since", "Connector", "Holders", "SecretNames"];
    format::print(
        form,
        || format::table(head, &held().map(row).collect::<Vec<_>>()),
        || held().map(|(lease, holders)| HeldLease::of(lease, holders)).collect::<Vec<_>>(),
    )
}

pub(crate) fn end_lease(id: String) -> Result<(), CliError> {
    let mut client = match running_client()? {
        Some(client) => client,
        None => client()?,
    };
    client.end_lease(id)?;
    output::confirm("Lease ended");
    Ok(())
}
