//! `lease list`, `lease end`.

use std::ffi::OsString;

use clap::{Args, Subcommand};
use fluvio_secret_protocol::{EndLease, ListLeases, ListedLease, SecretName};
use serde::Serialize;

use crate::argument;
use crate::connection::{client, running_client};
use crate::error::CliError;
use crate::format::{OutputArgs, OutputFormat};
use crate::holders::{self, Holder};
use crate::style::Styled;
use crate::{date, format, output, vault_choice};

/// Manage the secrets files of connectors started by cdk
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  fluvio-secret lease list", disable_help_subcommand = true)]
pub(crate) enum LeaseCommand {
    List(ListLeasesArgs),
    End(EndLeaseArgs),
}

/// List the leases and the processes that hold them
#[derive(Args, Debug)]
#[command(after_help = "\
A secret is marked as stale if the connector has an earlier value until it restarts. It is marked as
updated if the secrets file has the new value, which the connector gets if it reads the file again.

Example:
  fluvio-secret lease list -O json")]
pub(crate) struct ListLeasesArgs {
    #[command(flatten)]
    output: OutputArgs,
}

/// End a lease, even if a connector holds it
#[derive(Args, Debug)]
#[command(after_help = "\
A running connector can no longer read its secrets. You rarely need this, because a lease ends when
its connector stops.

Example:
  fluvio-secret lease end 0123456789ab")]
pub(crate) struct EndLeaseArgs {
    /// ID of the lease, from `lease list`
    #[arg(value_name = "ID", add = argument::lease_ids())]
    id: OsString,
}

pub(super) fn lease(command: LeaseCommand) -> Result<(), CliError> {
    match command {
        LeaseCommand::List(args) => list(&args),
        LeaseCommand::End(args) => end(&args),
    }
}

#[derive(Serialize)]
pub(super) struct ShownLease<'a> {
    id: &'a str,
    since: Option<String>,
    connector: Option<&'a str>,
    config: &'a str,
    vault: Option<&'a str>,
    names: Vec<&'a str>,
    stale: Vec<&'a str>,
    updated: Vec<&'a str>,
}

/// The same, with who holds it.
#[derive(Serialize)]
struct ShownHeldLease<'a> {
    #[serde(flatten)]
    lease: ShownLease<'a>,
    holders: &'a [Holder],
}

impl<'a> ShownHeldLease<'a> {
    fn of(lease: &'a ListedLease, holders: &'a [Holder]) -> Self {
        Self { lease: ShownLease::of(lease), holders }
    }
}

impl<'a> ShownLease<'a> {
    pub(super) fn of(lease: &'a ListedLease) -> Self {
        let named = |places: &[usize]| -> Vec<&str> {
            let found = places.iter().filter_map(|&place| lease.names.get(place));
            found.map(SecretName::as_str).collect()
        };
        Self {
            id: &lease.id,
            since: date::rfc3339(lease.since),
            connector: lease.connector.as_deref(),
            config: &lease.config,
            vault: lease.vault.as_deref(),
            names: lease.names.iter().map(SecretName::as_str).collect(),
            stale: named(&lease.stale),
            updated: named(&lease.updated),
        }
    }
}

pub(super) fn describe(connector: Option<&str>, config: &str, id: &str) -> String {
    format!("{} with {config} (lease {id})", connector.unwrap_or("a connector"))
}

fn list(args: &ListLeasesArgs) -> Result<(), CliError> {
    // Where no daemon runs there may be leases all the same: one that starts takes them over.
    let mut client = client()?;
    let leases = client.collect(ListLeases)?;
    if leases.is_empty() && args.output.format == OutputFormat::Table {
        output::say(
            "note: there are no leases\nhelp: start a connector with: cdk deploy start --config FILE",
        );
    }
    let holders = holders::of(leases.iter().map(|lease| lease.hold.as_ref()));
    let held = || leases.iter().zip(&holders);
    let row = |(lease, holders): (&ListedLease, &Vec<Holder>)| {
        let names: Vec<_> = lease.names.iter().enumerate().map(|one| marked(lease, one)).collect();
        let holders: Vec<_> = holders.iter().map(ToString::to_string).collect();
        [
            lease.id.clone(),
            date::local(lease.since),
            lease.connector.clone().unwrap_or_default(),
            holders.join(", "),
            names.join(" "),
        ]
    };
    format::print(
        args.output.format,
        || table(&leases, &held().map(row).collect::<Vec<_>>()),
        || held().map(|(lease, holders)| ShownHeldLease::of(lease, holders)).collect::<Vec<_>>(),
    )
}

/// The vaults have a column if one of them is a project's.
fn table(leases: &[ListedLease], rows: &[[String; 5]]) -> Styled {
    if leases.iter().all(|lease| lease.vault.is_none()) {
        return format::table(["Lease", "Since", "Connector", "Holders", "SecretNames"], rows);
    }
    let with_vault =
        |(lease, [id, since, connector, holders, names]): (&ListedLease, [String; 5])| {
            [id, since, connector, vault_choice::shown(lease.vault.as_deref()), holders, names]
        };
    let rows: Vec<_> = leases.iter().zip(rows.iter().cloned()).map(with_vault).collect();
    format::table(["Lease", "Since", "Connector", "Vault", "Holders", "SecretNames"], &rows)
}

/// A secret of a lease, and whether the connector may have an earlier value.
fn marked(lease: &ListedLease, (place, name): (usize, &SecretName)) -> String {
    if lease.stale.contains(&place) {
        format!("{name} (stale)")
    } else if lease.updated.contains(&place) {
        format!("{name} (updated)")
    } else {
        name.to_string()
    }
}

fn end(args: &EndLeaseArgs) -> Result<(), CliError> {
    let id = args.id.to_string_lossy().into_owned();
    let mut client = match running_client()? {
        Some(client) => client,
        None => client()?,
    };
    client.call(EndLease { id })?;
    output::confirm("Lease ended");
    Ok(())
}
