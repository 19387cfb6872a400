//! Stops connectors of `cdk`, and starts them again.

use std::ffi::OsString;
use std::io;
use std::process::Command;
use std::time::Instant;

use fluvio_secret_protocol::{ListLeases, ListedLease};
use serde::Serialize;

use crate::connection::client;
use crate::deployed::{self, Deployed, Stopped};

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

/// Stops all at once, because each may take two seconds. Starts one after the other: `cdk` keeps its list
/// without a lock. Reports what became of each, by its place.
pub(crate) fn stop_and_start(
    connectors: Vec<Deployed>,
    cdk: &dyn Fn(&[OsString]) -> Command,
    mut report: impl FnMut(usize, RestartOutcome),
) {
    let asked: Vec<_> = connectors.iter().map(|deployed| deployed.ask_to_stop(cdk)).collect();
    let begun = Instant::now();
    for (place, (deployed, asked)) in connectors.into_iter().zip(asked).enumerate() {
        let stopped = asked.and_then(|()| deployed.wait(begun));
        let runs = !matches!(stopped, Ok(Stopped::Itself | Stopped::Killed));
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
