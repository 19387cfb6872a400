//! `status`: how the daemon is, and what it gave to whom. Starts none.

use std::path::Path;

use clap::Args;
use fluvio_secret_protocol::{
    Activity, GetActivity, GetStatus, ListLeases, ListVaults, ListedGrant, ListedLease,
    ListedVault, Status,
};
use fluvio_secret_system::help::Helpful;
use fluvio_secret_system::{printable, shell};
use serde::Serialize;

use super::lease::ShownLease;
use crate::connection::{other_identity, running_client, state};
use crate::error::CliError;
use crate::format::OutputArgs;
use crate::style::Styled;
use crate::{date, format, output, vault_choice};

/// Show the state of the daemon and its deliveries
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  fluvio-secret status")]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn status(args: &StatusArgs) -> Result<(), CliError> {
    let mut client = running_client()?.ok_or(CliError::NotRunning)?;
    let status = client.call(GetStatus)?;
    if let Some(error) = other_identity(&state()?, &status) {
        output::say(&format!("warning: {}", error.report()));
    }
    // The daemon's own state is printed even if the vault's directory cannot be read.
    let known = client.call(GetActivity).and_then(|activity| {
        let leases = client.collect(ListLeases)?;
        // A disk that does not answer the first question would not answer this one.
        let asks = activity.secrets.is_some();
        let vaults = if asks { client.collect(ListVaults)? } else { Vec::new() };
        Ok(Known { activity, leases, vaults })
    });
    let printed = format::print(
        args.output.format,
        || table(&status, known.as_ref().ok()),
        || Overview::of(&status, known.as_ref().ok()),
    );
    if let Ok(Known { vaults, .. }) = &known
        && !vaults.is_empty()
    {
        say_unregistered(vaults);
    }
    printed.and(known.map(drop).map_err(CliError::from))
}

/// Commands in an unregistered project fail, and the vaults above are others.
fn say_unregistered(vaults: &[ListedVault]) {
    match vault_choice::unregistered(vaults) {
        Ok(None) => {}
        Ok(Some(here)) => output::say(&format!(
            "note: the vault {} is not registered\n\
             help: look at it, and then register it with: fluvio-secret vault trust {}",
            format::shorten(&here.path),
            printable::line(&shell::path(Path::new(&here.path)))
        )),
        Err(error) => output::say(&format!("warning: {}", error.report())),
    }
}

/// What the daemon knows besides its own state.
struct Known {
    activity: Activity,
    leases: Vec<ListedLease>,
    vaults: Vec<ListedVault>,
}

fn table(status: &Status, known: Option<&Known>) -> Styled {
    let mut rows = Vec::new();
    let mut line = |label: &str, text: String| rows.push([label.to_owned(), text]);
    let (since, pid, version) = (date::local(status.since), status.pid, &status.version);
    line("Daemon", format!("running since {since}, pid {pid}, version {version}"));
    line("Vault", format::shorten(&status.vault));
    line("Identity", format::shorten(&status.identity));
    line("Locked", locked(status));
    if status.locked {
        line("", output::as_typed("help: unlock it with: fluvio-secret unlock"));
    }
    if !status.is_current {
        line("Disk", "does not answer (last known state)".to_owned());
    }
    if let Some(Known { activity, leases, vaults }) = known {
        if let Some(secrets) = activity.secrets {
            line("Secrets", secrets.to_string());
        }
        let first = |label, at| if at == 0 { label } else { "" };
        for (at, vault) in vaults.iter().filter(|vault| !vault.personal).enumerate() {
            line(first("Projects", at), describe_vault(vault));
        }
        for (at, grant) in activity.grants.iter().enumerate() {
            line(first("Granted", at), format!("{}: {}", date::local(grant.at), describe(grant)));
        }
        for (at, lease) in leases.iter().enumerate() {
            let since = date::local(lease.since);
            line(first("Leased", at), format!("{since}: {}", describe_lease(lease)));
        }
    }
    format::lines(&rows)
}

fn locked(status: &Status) -> String {
    match status.unlocked_until {
        _ if status.locked => "yes".to_owned(),
        Some(until) => format!("no, until {}", date::local(until)),
        None => "no".to_owned(),
    }
}

fn describe_vault(vault: &ListedVault) -> String {
    let state = match (&vault.trouble, vault.secrets) {
        (Some(trouble), _) => trouble.clone(),
        (None, secrets) => format::count(secrets.unwrap_or_default(), "secret"),
    };
    format!("{} ({state})", format::shorten(&vault.path))
}

fn describe_lease(lease: &ListedLease) -> String {
    let connector = lease.connector.as_deref().unwrap_or("a connector");
    let state = match (&lease.stale[..], &lease.updated[..]) {
        ([], []) => "",
        ([], _) => ", updated in its file",
        _ => ", stale",
    };
    format!(
        "{} to {connector} with {} (lease {}{vault}){state}",
        format::count(lease.names.len(), "secret"),
        format::shorten(&lease.config),
        lease.id,
        vault = vault_choice::appended(lease.vault.as_deref())
    )
}

fn describe(grant: &ListedGrant) -> String {
    let state = match grant.running {
        Some(true) if grant.stale => ", running, stale",
        Some(true) => ", running",
        Some(false) => ", stopped",
        None => "",
    };
    format!("{} to {}{state}", format::count(grant.secrets, "secret"), connector(grant))
}

/// Who was given something, as far as it is known.
pub(super) fn connector(grant: &ListedGrant) -> String {
    let program = if grant.program.is_empty() { "a program" } else { &grant.program };
    let config = match &*grant.config {
        "" => String::new(),
        config => format!(" with {}", format::shorten(config)),
    };
    let vault = vault_choice::appended(grant.vault.as_deref());
    format!("{program}{config} (pid {}{vault})", grant.pid)
}

#[derive(Serialize)]
struct Overview<'a> {
    daemon: Daemon<'a>,
    vault: &'a str,
    identity: &'a str,
    is_current: bool,
    locked: bool,
    unlocked_until: Option<String>,
    secrets: Option<usize>,
    grants: Option<Vec<ShownGrant<'a>>>,
    leases: Option<Vec<ShownLease<'a>>>,
    vaults: Option<&'a [ListedVault]>,
}

#[derive(Serialize)]
struct Daemon<'a> {
    pid: u32,
    version: &'a str,
    since: Option<String>,
}

#[derive(Serialize)]
struct ShownGrant<'a> {
    at: Option<String>,
    pid: i32,
    program: &'a str,
    config: &'a str,
    vault: Option<&'a str>,
    secrets: usize,
    running: Option<bool>,
    stale: bool,
}

impl<'a> Overview<'a> {
    fn of(status: &'a Status, known: Option<&'a Known>) -> Self {
        let daemon = Daemon {
            pid: status.pid,
            version: &status.version,
            since: date::rfc3339(status.since),
        };
        Self {
            daemon,
            vault: &status.vault,
            identity: &status.identity,
            is_current: status.is_current,
            locked: status.locked,
            unlocked_until: status.unlocked_until.and_then(date::rfc3339),
            secrets: known.and_then(|known| known.activity.secrets),
            grants: known.map(|known| known.activity.grants.iter().map(ShownGrant::of).collect()),
            leases: known.map(|known| known.leases.iter().map(ShownLease::of).collect()),
            vaults: known.map(|known| &*known.vaults),
        }
    }
}

impl<'a> ShownGrant<'a> {
    fn of(grant: &'a ListedGrant) -> Self {
        Self {
            at: date::rfc3339(grant.at),
            pid: grant.pid,
            program: &grant.program,
            config: &grant.config,
            vault: grant.vault.as_deref(),
            secrets: grant.secrets,
            running: grant.running,
            stale: grant.stale,
        }
    }
}
