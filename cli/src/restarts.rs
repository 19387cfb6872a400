//! Stops connectors of `cdk`, and starts them again.

use std::ffi::OsString;
use std::io;
use std::process::Command;
use std::time::{Duration, Instant};

use fluvio_secret_protocol::{ListLeases, ListedLease};
use fluvio_secret_system::lock::FileLock;
use fluvio_secret_system::places::StateDirectory;
use serde::Serialize;

use crate::connection::client;
use crate::deployed::{self, Deployed, Stopped};
use crate::output;

#[derive(Debug, Serialize)]
pub(crate) struct RestartedConnector {
    pub(crate) connector: String,
    pub(crate) config: String,
    pub(crate) pid: Option<i32>,
    /// Whether the old one did not stop in time.
    pub(crate) killed: bool,
    /// Its lease, if it has secrets and the daemon can be asked.
    #[serde(skip)]
    pub(crate) lease: Option<ListedLease>,
}

#[derive(Debug, Serialize)]
pub(crate) struct FailedRestart {
    pub(crate) connector: String,
    pub(crate) config: String,
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
/// without a lock. Reports what became of each, by its place.
pub(crate) fn stop_and_start(
    mut connectors: Vec<Deployed>,
    cdk: &dyn Fn(&[OsString]) -> Command,
    mut report: impl FnMut(usize, RestartOutcome),
) {
    let turn = turn();
    let ask = |deployed: &mut Deployed| match &turn {
        Ok(_) => deployed.ask_to_stop(cdk),
        Err(error) => Err(io::Error::other(error.to_string())),
    };
    let asked: Vec<_> = connectors.iter_mut().map(ask).collect();
    let begun = Instant::now();
    for (place, (deployed, asked)) in connectors.into_iter().zip(asked).enumerate() {
        let stopped = asked.and_then(|()| deployed.wait(begun));
        let runs = deployed.runs && !matches!(stopped, Ok(Stopped::Itself | Stopped::Killed));
        let (connector, config) = (label(&deployed.lease), deployed.lease.config.clone());
        let outcome = match stopped.and_then(|stopped| start(&deployed, stopped, cdk)) {
            Ok(killed) => {
                let lease = new_lease(&deployed);
                let pid = lease.as_ref().and_then(deployed::pid_of);
                Ok(RestartedConnector { connector, config, pid, killed, lease })
            }
            Err(error) => {
                let because = error.to_string();
                Err(FailedRestart { connector, config, because, runs })
            }
        };
        report(place, outcome);
    }
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
    let leases = client().ok()?.collect(ListLeases).ok()?;
    leases.into_iter().rev().find(|lease| deployed.is_again(lease))
}

/// What a connector is called in messages.
pub(crate) fn label(lease: &ListedLease) -> String {
    lease.connector.clone().unwrap_or_else(|| lease.id.clone())
}

impl RestartedConnector {
    pub(crate) fn line(&self) -> String {
        let pid = self.pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
        let killed = if self.killed { "; the old one was killed" } else { "" };
        format!("Connector \"{}\" restarted{pid}{killed}\n", self.connector)
    }
}
