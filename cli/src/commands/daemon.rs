//! `daemon start`, `stop`, `restart`.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use clap::Subcommand;
use fluvio_secret_protocol::{
    Client, ClientError, Code, EndLease, GetStatus, LeaseEnded, ListLeases, ListedLease,
    accept_vault,
};

use super::lease;
use crate::connection::{client, running_client, state};
use crate::daemon_settings::shown_settings;
use crate::error::CliError;
use crate::holders;
use crate::output;

/// How often `stop` checks whether leases are held.
const LEASE_POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Start, stop or restart the daemon
#[derive(Clone, Copy, Debug, Subcommand)]
#[command(after_help = "Example:\n  fluvio-secret daemon restart", disable_help_subcommand = true)]
pub(crate) enum DaemonCommand {
    /// Start the daemon if it is not running
    #[command(after_help = "\
The daemon refuses a directory that is not the vault of this machine, because its file system may
not be mounted. --accept-vault makes that directory the vault of this machine. It changes no key.

Example:
  fluvio-secret daemon start
  fluvio-secret daemon start --accept-vault")]
    Start {
        /// Use the current vault even if it is another one
        #[arg(long)]
        accept_vault: bool,
    },
    /// Stop the daemon after all leases have ended
    ///
    /// While connectors that cdk started hold leases, the command prints them and waits. Press Ctrl-C to stop
    /// waiting; the daemon keeps running.
    #[command(
        after_help = "Example:\n  fluvio-secret daemon stop\n  fluvio-secret daemon stop --end-leases"
    )]
    Stop {
        /// End all leases first, without waiting for connectors
        #[arg(long)]
        end_leases: bool,
    },
    /// Restart the daemon
    #[command(after_help = "Example:\n  fluvio-secret daemon restart")]
    Restart,
}

pub(super) fn daemon(what: DaemonCommand) -> Result<(), CliError> {
    match what {
        DaemonCommand::Restart => {
            // With faulty settings the next daemon would not start.
            shown_settings()?.map_err(CliError::Settings)?;
            // The next daemon takes the leases over.
            stop_running()?;
            start()
        }
        DaemonCommand::Start { accept_vault: true } => {
            accept_vault().map_err(Into::into).and_then(|()| start())
        }
        DaemonCommand::Start { .. } => start(),
        DaemonCommand::Stop { end_leases: true } => end_leases_and_stop(),
        DaemonCommand::Stop { end_leases: false } => stop(),
    }
}

const NOT_RUNNING: &str = "Daemon is not running";

fn start() -> Result<(), CliError> {
    let running = running_client()?;
    let word = if running.is_some() { "Daemon is running" } else { "Daemon started" };
    let status = match running {
        Some(mut client) => client.call(GetStatus)?,
        None => client()?.call(GetStatus)?,
    };
    output::confirm(&format!("{word} (pid {})", status.pid));
    Ok(())
}

/// Stops the daemon when no lease is held. Nothing is asked of the daemon before that, so this can be
/// interrupted at any time.
fn stop() -> Result<(), CliError> {
    let mut shown = BTreeSet::new();
    loop {
        // A new connection each time: the daemon closes one that is silent.
        let Some(mut client) = running_client()? else {
            output::confirm(NOT_RUNNING);
            return Ok(());
        };
        let leases = held(&mut client)?;
        if leases.is_empty() {
            return stop_running();
        }
        let ids: BTreeSet<_> = leases.iter().map(|lease| lease.id.clone()).collect();
        if !ids.is_subset(&shown) {
            output::say(&waits_for(&leases));
            shown.extend(ids);
        }
        sleep(LEASE_POLL_INTERVAL);
    }
}

/// Removes the files of all leases, and stops the daemon. A daemon that is started for this takes over
/// the leases of one that is gone.
fn end_leases_and_stop() -> Result<(), CliError> {
    let mut client = match running_client()? {
        Some(client) => client,
        // No daemon ever ran here, so there is nothing to take over.
        None if !state()?.run.exists() => {
            output::confirm(NOT_RUNNING);
            return Ok(());
        }
        None => client()?,
    };
    loop {
        let leases = held(&mut client)?;
        if leases.is_empty() {
            return stop_running();
        }
        for lease in leases {
            match client.call(EndLease { id: lease.id.clone() }) {
                Ok(LeaseEnded) => output::confirm(&format!("Lease ended: {}", describe(&lease))),
                // It has just ended by itself.
                Err(ClientError::Refused(refusal)) if refusal.code == Code::Missing => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Stops the daemon on a connection of its own: a daemon of another version closes one on which it was
/// asked what it does not understand.
fn stop_running() -> Result<(), CliError> {
    match running_client()? {
        Some(client) => {
            client.stop()?;
            output::confirm("Daemon stopped");
        }
        None => output::confirm(NOT_RUNNING),
    }
    Ok(())
}

/// The leases that a daemon has. One of another version, which may not understand the question, and one
/// that is stopping already are stopped all the same.
fn held(client: &mut Client) -> Result<Vec<ListedLease>, CliError> {
    match client.collect(ListLeases) {
        Err(ClientError::Frame(_) | ClientError::Newer(_)) => Ok(Vec::new()),
        Err(ClientError::Refused(refusal)) if refusal.code == Code::Stopping => Ok(Vec::new()),
        leases => Ok(leases?),
    }
}

fn waits_for(leases: &[ListedLease]) -> String {
    let holders = holders::of(leases.iter().map(|lease| lease.hold.as_ref()));
    let lines = leases.iter().zip(holders).map(|(lease, holders)| {
        let holders: Vec<_> = holders.iter().map(ToString::to_string).collect();
        let by = if holders.is_empty() { "" } else { ", held by " };
        format!("  {}{by}{}\n", describe(lease), holders.join(", "))
    });
    let held = match leases.len() {
        1 => "1 lease is held, so the daemon stops after its connector".to_owned(),
        count => {
            format!("{count} leases are held, so the daemon stops after their connectors")
        }
    };
    format!(
        "\
note: {held}:
{}help: stop the connectors, or end their leases now: fluvio-secret daemon stop --end-leases
help: to keep the daemon running, press Ctrl-C",
        lines.collect::<String>()
    )
}

fn describe(lease: &ListedLease) -> String {
    lease::describe(lease.connector.as_deref(), &lease.config, &lease.id)
}
