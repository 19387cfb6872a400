//! Which connectors of `cdk` run. The daemon does not report that, so it is asked now and then.

use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use fluvio_secret_protocol::{ClientError, ListLeases, ListedLease, StartCommand, connect};
use fluvio_secret_system::help::Helpful;
use fluvio_secret_system::places::StateDirectory;

use crate::deployed;

/// How soon a connector that is started is followed.
const START_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// A lease of a connector that `cdk deploy start` started.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct HeldStart {
    pub(super) lease: ListedLease,
    pub(super) start: StartCommand,
}

impl HeldStart {
    pub(super) fn config(&self) -> PathBuf {
        self.start.directory.join(&self.start.config)
    }
}

/// The leases, or why they are not known.
pub(super) type HeldStarts = Result<Vec<HeldStart>, String>;

/// Reports the leases on another thread, again and again. No daemon is started: you had a reason to stop it.
pub(super) fn poll_leases(
    places: StateDirectory,
    on_leases: impl Fn(HeldStarts) + Send + 'static,
) -> io::Result<()> {
    let run = move || {
        loop {
            on_leases(held(&places).map_err(|error| describe(&error)));
            thread::sleep(START_POLL_INTERVAL);
        }
    };
    thread::Builder::new().name("leases".to_owned()).spawn(run).map(drop)
}

fn describe(error: &ClientError) -> String {
    let later = "changed secrets and other connectors are noticed when";
    match error.is_absent() {
        true => format!("the daemon stopped, so {later} it runs again"),
        false => format!("{later} the daemon answers again: {}", error.report()),
    }
}

fn held(places: &StateDirectory) -> Result<Vec<HeldStart>, ClientError> {
    let mut found: Vec<HeldStart> = Vec::new();
    for lease in connect(places)?.collect(ListLeases)? {
        // `cdk test` leaves none.
        let Ok(start) = deployed::start_of(&lease) else { continue };
        // Another program may still hold the lease of the one before.
        found.retain(|earlier| !earlier.start.is_same_line(&start));
        found.push(HeldStart { lease, start });
    }
    Ok(found)
}
