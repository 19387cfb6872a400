//! Stops connectors of `cdk`, and starts them again.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::process::Command;
use std::time::{Duration, Instant};

use fluvio_secret_protocol::{ListLeases, ListedLease};
use fluvio_secret_system::help::Helpful;
use fluvio_secret_system::lock::FileLock;
use fluvio_secret_system::places::StateDirectory;
use fluvio_secret_system::printable;
use serde::Serialize;

use crate::connection::client;
use crate::deployed::{self, Deployed, Stopped};
use crate::error::CliError;
use crate::{output, vault_choice};

#[derive(Debug, Serialize)]
pub(crate) struct RestartedConnector {
    pub(crate) connector: String,
    pub(crate) config: String,
    /// The directory of a project's vault.
    pub(crate) vault: Option<String>,
    pub(crate) pid: Option<i32>,
    /// Whether the old one did not stop in time.
    pub(crate) killed: bool,
    /// Whether another program restarted it before it was our turn.
    pub(crate) by_another: bool,
    /// Its lease, if it has secrets and the daemon can be asked.
    #[serde(skip)]
    pub(crate) lease: Option<ListedLease>,
}

#[derive(Debug, Serialize)]
pub(crate) struct FailedRestart {
    pub(crate) connector: String,
    pub(crate) config: String,
    pub(crate) vault: Option<String>,
    pub(crate) because: String,
    /// Whether the old one still runs.
    pub(crate) runs: bool,
}

pub(crate) type RestartOutcome = Result<RestartedConnector, FailedRestart>;

/// How long another program may restart connectors before this one reports that it waits.
const RESTART_PATIENCE: Duration = Duration::from_secs(1);
/// The longest wait for it. It may build each of them.
const LONGEST_RESTART: Duration = Duration::from_secs(3600);

/// Waits until no other program restarts connectors.
fn turn() -> io::Result<FileLock> {
    let state = StateDirectory::from_environment().map_err(io::Error::other)?;
    let path = state.run.join("restart.lock");
    let take = |patience| FileLock::take(&path, Instant::now() + patience);
    if let Some(turn) = take(RESTART_PATIENCE)? {
        return Ok(turn);
    }
    output::say("note: waiting for another program that restarts connectors");
    take(LONGEST_RESTART)?.ok_or_else(|| io::Error::other("another program restarts connectors"))
}

/// Stops all at once, because each may take two seconds. Starts one after the other: `cdk` keeps its list
/// without a lock. Leaves alone what another program has restarted in the meantime. Reports what became of
/// each, by its place.
pub(crate) fn stop_and_start(
    mut connectors: Vec<Deployed>,
    cdk: &dyn Fn(&[OsString]) -> Command,
    mut report: impl FnMut(usize, RestartOutcome),
) {
    let turn = turn();
    let leases = match &turn {
        // Another program may have changed them until now.
        Ok(_) => current_leases().map_err(|error| error.report()),
        Err(error) => Err(error.to_string()),
    };
    let mut names = BTreeSet::new();
    let mut ask = |deployed: &mut Deployed| match &leases {
        Ok(leases) => match deployed.restarted(leases) {
            Some(lease) => Ok(Some(lease)),
            None => {
                refuse_lost(deployed, &mut names)?;
                deployed.ask_to_stop(cdk).map(|()| None)
            }
        },
        Err(because) => Err(io::Error::other(because.clone())),
    };
    let asked: Vec<_> = connectors.iter_mut().map(&mut ask).collect();
    let begun = Instant::now();
    for (place, (deployed, asked)) in connectors.into_iter().zip(asked).enumerate() {
        let outcome = match asked {
            Ok(Some(lease)) => Ok(RestartedConnector {
                by_another: true,
                ..RestartedConnector::new(&deployed, Some(lease), false)
            }),
            asked => restart(&deployed, asked.map(drop), begun, cdk),
        };
        report(place, outcome);
    }
}

/// Refuses a connector that `cdk` would not keep after its restart. It is still running. These are the names of
/// those that start before it.
fn refuse_lost(deployed: &Deployed, names: &mut BTreeSet<String>) -> io::Result<()> {
    deployed.refuse_lost_restart()?;
    match deployed.name_now() {
        Some(name) if !names.insert(name.clone()) => Err(io::Error::other(format!(
            "another connector restarts with the name `{}`\nhelp: give one of them another name",
            printable::line(&name)
        ))),
        _ => Ok(()),
    }
}

/// Starts a connector again after it has stopped.
fn restart(
    deployed: &Deployed,
    asked: io::Result<()>,
    begun: Instant,
    cdk: &dyn Fn(&[OsString]) -> Command,
) -> RestartOutcome {
    let stopped = asked.and_then(|()| deployed.wait(begun));
    let is_stopped = matches!(stopped, Ok(Stopped::Itself | Stopped::Killed));
    let runs = deployed.runs && !is_stopped && !deployed.has_stopped();
    match stopped.and_then(|stopped| start(deployed, stopped, cdk)) {
        Ok(killed) => Ok(RestartedConnector::new(deployed, new_lease(deployed), killed)),
        Err(error) => Err(FailedRestart {
            connector: label(&deployed.lease),
            config: deployed.lease.config.clone(),
            vault: deployed.lease.vault.clone(),
            because: error.to_string(),
            runs,
        }),
    }
}

fn current_leases() -> Result<Vec<ListedLease>, CliError> {
    Ok(client()?.collect(ListLeases)?)
}

/// Starts a connector again, and returns whether the old one had to be killed.
fn start(
    deployed: &Deployed,
    stopped: Stopped,
    cdk: &dyn Fn(&[OsString]) -> Command,
) -> io::Result<bool> {
    if stopped == Stopped::Not {
        return Err(io::Error::other(
            "it does not stop, or another program holds its lease\nhelp: list them with: fluvio-secret lease list",
        ));
    }
    let status = deployed.start_again(cdk)?;
    if !status.success() {
        return Err(io::Error::other(format!("cdk did not start it ({status})")));
    }
    Ok(stopped == Stopped::Killed)
}

fn new_lease(deployed: &Deployed) -> Option<ListedLease> {
    deployed.newer(&current_leases().ok()?).cloned()
}

/// What a connector is called in messages.
pub(crate) fn label(lease: &ListedLease) -> String {
    lease.connector.clone().unwrap_or_else(|| lease.id.clone())
}

impl RestartedConnector {
    fn new(deployed: &Deployed, lease: Option<ListedLease>, killed: bool) -> Self {
        Self {
            connector: label(&deployed.lease),
            config: deployed.lease.config.clone(),
            vault: deployed.lease.vault.clone(),
            pid: lease.as_ref().and_then(deployed::pid_of),
            killed,
            by_another: false,
            lease,
        }
    }

    pub(crate) fn line(&self) -> String {
        let vault = vault_choice::appended(self.vault.as_deref());
        let pid = self.pid.map(|pid| format!(" (pid {pid}{vault})")).unwrap_or_default();
        if self.by_another {
            return format!("Connector \"{}\" restarted by another program{pid}\n", self.connector);
        }
        let killed = if self.killed { "; the old one was killed" } else { "" };
        format!("Connector \"{}\" restarted{pid}{killed}\n", self.connector)
    }
}
