//! `restart`: restarts connectors that `cdk` started, so that they get the current values.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use fluvio_secret_config::Document;
use fluvio_secret_launch::is_deployed;
use fluvio_secret_protocol::{
    Check, Client, GetStale, GetStatus, HeldLease, ListLeases, ListVaults, ListedGrant,
    ListedLease, ListedVault, VaultAddress,
};
use fluvio_secret_system::harden::Hardened;
use fluvio_secret_system::help::Helpful;
use fluvio_secret_system::printable;
use serde::Serialize;

use super::lease::describe;
use super::shim::{as_cdk, shim_path, unlock_for};
use super::status;
use crate::connection::{client, client_about};
use crate::deployed::{Deployed, pid_of};
use crate::error::CliError;
use crate::format::{OutputArgs, OutputFormat};
use crate::restarts::{FailedRestart, RestartedConnector, label, stop_and_start};
use crate::style::{self, Styled};
use crate::{argument, config_file, format, output, vault_choice};

/// Restart connectors so that they get the current secrets
#[derive(Args, Debug)]
#[command(after_help = "\
Each connector that `cdk deploy start` started is stopped, and started again by cdk with the same
arguments in the same directory. It gets the environment of this command: the one that it had before
is never stored. Its secrets come from the same vault as before. If it would not start, the old one
keeps running.

Without NAME, the connector of the configuration in the current directory is restarted. Connectors
that you started with `run` or `cdk test` are only named. With --watch, they restart on their own.

Example:
  fluvio-secret restart --stale")]
pub(crate) struct RestartArgs {
    /// Configuration of the connector
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["all", "names", "stale"])]
    config: Option<PathBuf>,

    /// All that may have an earlier value of a secret
    #[arg(long, conflicts_with_all = ["all", "names"])]
    stale: bool,

    /// All that cdk started
    #[arg(long, conflicts_with = "names")]
    all: bool,

    /// The names of the connectors
    #[arg(value_name = "NAME", add = argument::connectors())]
    names: Vec<String>,

    #[command(flatten)]
    output: OutputArgs,
}

/// What became of the connectors.
#[derive(Debug, Default, Serialize)]
struct Restarts {
    restarted: Vec<RestartedConnector>,
    failed: Vec<FailedRestart>,
    /// Connectors that `run` or `cdk test` started, with an earlier value.
    others: Vec<OtherConnector>,
}

#[derive(Debug, Serialize)]
struct OtherConnector {
    pid: Option<i32>,
    program: String,
    config: String,
    /// The directory of a project's vault.
    vault: Option<String>,
    /// What it is called in messages.
    #[serde(skip)]
    label: String,
}

pub(super) fn restart(args: RestartArgs, hardened: Hardened) -> Result<(), CliError> {
    let mut client = client()?;
    let leases = client.collect(ListLeases)?;
    let mut others = Vec::new();
    let mut chosen: Vec<_> = if args.all || args.stale {
        others.extend(stale_holders(client)?.into_iter().map(OtherConnector::of));
        let is_chosen =
            |lease: &ListedLease| args.all || !lease.stale.is_empty() || !lease.updated.is_empty();
        leases.into_iter().filter(is_chosen).collect()
    } else {
        named(leases, &names(args.names, args.config)?)?
    };
    if args.all || args.stale {
        set_aside(&mut chosen, &mut others);
    }
    restart_and_report(chosen, others, args.output.format, hardened)
}

/// The processes of `run` that have an earlier value of a secret, of whatever vault.
fn stale_holders(mut client: Client) -> Result<Vec<ListedGrant>, CliError> {
    let mut holders = Vec::new();
    for ListedVault { path, id, personal, trouble, .. } in client.collect(ListVaults)? {
        let vault = (!personal).then_some(VaultAddress { path, id });
        client = client.about(vault);
        // Of a vault that cannot be opened, no secret changes.
        if trouble.is_none() {
            holders.extend(client.call(GetStale { names: Vec::new() })?.holders);
        }
    }
    Ok(holders)
}

/// Restarts the connectors of these leases, and names the others.
pub(crate) fn restart_held(
    held: &[HeldLease],
    others: Vec<ListedGrant>,
    hardened: Hardened,
) -> Result<(), CliError> {
    let leases = client()?.collect(ListLeases)?.into_iter();
    let mut chosen = leases.filter(|lease| held.iter().any(|held| held.id == lease.id)).collect();
    let mut others = others.into_iter().map(OtherConnector::of).collect();
    set_aside(&mut chosen, &mut others);
    restart_and_report(chosen, others, OutputFormat::Table, hardened)
}

/// Moves connectors of `cdk test`, which runs in a terminal, to those that are only named.
fn set_aside(leases: &mut Vec<ListedLease>, others: &mut Vec<OtherConnector>) {
    leases.retain(|lease| {
        let has_start = !Deployed::of(lease.clone())
            .is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        let has_earlier = !lease.stale.is_empty() || !lease.updated.is_empty();
        // A lease that is gone has been restarted by another program, or has stopped.
        if !has_start && has_earlier && Path::new(&lease.hold).exists() {
            others.push(OtherConnector::of_test(lease));
        }
        has_start
    });
}

/// The names that were typed, or that of a configuration, which may be the one of the current directory.
fn names(typed: Vec<String>, config: Option<PathBuf>) -> Result<Vec<String>, CliError> {
    if !typed.is_empty() {
        return Ok(typed);
    }
    let config = config.map_or_else(config_file::find, Ok)?;
    let config = config_file::read(&config)?;
    let document = Document::read(&config);
    let connector = document.references().ok().and_then(|found| found.connector.clone());
    let missing = "error: the configuration has no name\nhelp: name the connector";
    Ok(vec![connector.ok_or_else(|| CliError::Usage(missing.to_owned()))?])
}

/// The leases of these connectors. Nothing is stopped if one is not there.
fn named(leases: Vec<ListedLease>, names: &[String]) -> Result<Vec<ListedLease>, CliError> {
    // The name in the lease is for people. A long one is cut there.
    let has_name = |lease: &ListedLease, name: &str| {
        lease.connector.as_deref() == Some(name)
            || Deployed::of(lease.clone()).is_ok_and(|deployed| deployed.name() == name)
    };
    for name in names {
        if !leases.iter().any(|lease| has_name(lease, name)) {
            let shown = printable::line(name);
            return Err(match is_deployed(name) {
                true => CliError::NoLease(shown),
                false => CliError::NoConnector(shown),
            });
        }
    }
    let is_chosen = |lease: &ListedLease| names.iter().any(|name| has_name(lease, name));
    Ok(leases.into_iter().filter(is_chosen).collect())
}

fn restart_and_report(
    leases: Vec<ListedLease>,
    others: Vec<OtherConnector>,
    format: OutputFormat,
    hardened: Hardened,
) -> Result<(), CliError> {
    let mut restarts = Restarts { others, ..Restarts::default() };
    let mut fit = Vec::new();
    for lease in leases {
        let (connector, config) = (label(&lease), lease.config.clone());
        let vault = lease.vault.clone();
        match fit_to_restart(lease) {
            Ok(deployed) => {
                // Another program may still hold the lease of the one before.
                fit.retain(|earlier: &Deployed| !earlier.start.is_same_line(&deployed.start));
                fit.push(deployed);
            }
            Err(because) => {
                let failed = FailedRestart { connector, config, vault, because, runs: true };
                restarts.failed.push(failed);
            }
        }
    }
    hardened.release().map_err(CliError::System)?;
    let path = shim_path()?;
    let cdk = move |args: &[OsString]| as_cdk(&path, args);
    stop_and_start(fit, &cdk, |_, outcome| match outcome {
        Ok(restarted) => restarts.restarted.push(restarted),
        Err(failed) => restarts.failed.push(failed),
    });
    report(&restarts, format)?;
    if restarts.failed.is_empty() { Ok(()) } else { Err(CliError::Some) }
}

fn report(restarts: &Restarts, format: OutputFormat) -> Result<(), CliError> {
    for failed in &restarts.failed {
        let FailedRestart { connector, because, runs, .. } = failed;
        let state = if *runs { "keeps running" } else { "is stopped" };
        output::say(&format!("error: `{connector}` was not restarted and {state}: {because}"));
    }
    let Restarts { restarted, failed, others } = restarts;
    if !others.is_empty() {
        let labels: Vec<_> = others.iter().map(|other| &*other.label).collect();
        output::say(&format!(
            "note: restart these yourself, because `run` or `cdk test` started them: {}",
            labels.join(", ")
        ));
    }
    if restarted.is_empty() && failed.is_empty() && others.is_empty() {
        output::say("note: there is nothing to restart");
    }
    let lines: String = restarted.iter().map(RestartedConnector::line).collect();
    format::print(format, || Styled { text: lines, color: style::message }, || restarts)
}

/// Finds out whether a connector would start with what is there now. Nothing has happened to it yet.
fn fit_to_restart(lease: ListedLease) -> Result<Deployed, String> {
    let deployed = Deployed::of(lease).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => NOT_DEPLOYED.to_owned(),
        _ => error.to_string(),
    })?;
    let config = deployed.config();
    unlock_for(&config).map_err(|error| error.report())?;
    let check = || {
        let text = config_file::read(&config)?;
        let vault = vault_choice::in_directory(deployed.lease.vault.as_deref())?;
        let mut client = client_about(vault)?;
        if client.call(GetStatus)?.locked {
            return Ok(Some(LOCKED.to_owned()));
        }
        let shown = String::from_utf8_lossy(&text).into_owned();
        let mut checked = client.call(Check { config: text })?;
        let is_lost = checked.keeps_from_lease(deployed.is_checked());
        let report = || checked.report(&config.display().to_string(), &shown).trim_end().to_owned();
        Ok(is_lost.then(|| format!("it would not start\n\n{}", report())))
    };
    match check() {
        Ok(None) => Ok(deployed),
        Ok(Some(because)) => Err(because),
        Err::<_, CliError>(error) => Err(error.report()),
    }
}

const NOT_DEPLOYED: &str = "`cdk deploy start` did not start it\nhelp: press Ctrl-C in its terminal, and start it again there";
const LOCKED: &str = "the vault is locked\nhelp: unlock it with: fluvio-secret unlock";

impl OtherConnector {
    fn of(grant: ListedGrant) -> Self {
        let label = status::connector(&grant);
        let ListedGrant { pid, program, config, vault, .. } = grant;
        Self { pid: Some(pid), program, config, vault, label }
    }

    fn of_test(lease: &ListedLease) -> Self {
        let ListedLease { connector, config, id, vault, .. } = lease;
        let id_and_vault = id.clone() + &vault_choice::appended(vault.as_deref());
        Self {
            pid: pid_of(lease),
            program: "cdk test".to_owned(),
            config: config.clone(),
            vault: vault.clone(),
            label: describe(connector.as_deref(), config, &id_and_vault),
        }
    }
}
