//! The checks of `doctor`, one file for each group of them.
//!
//! * [`programs`]: our programs, Fluvio's, and which comes first on PATH
//! * [`modes`]: owners and modes of directories
//! * [`writing`]: whether files can be made there
//! * [`git`]: whether git tracks a key
//! * [`daemon`]: the settings, and the daemon
//! * [`vault`]: the secrets, and the identity; [`examine`](mod@examine): which secrets can be decrypted
//! * [`history`]: their earlier versions; [`vaults`]: the same for projects
//! * [`replication`]: whether a process follows the topic of each vault that has one
//! * [`memory`]: where values are in memory, and what may take them from there
//! * [`units`]: what systemd starts
//! * [`project`]: files with secrets in plain text
//! * [`finding`], [`fix`]: what a check finds, and the command that fixes it
//! * [`machine`]: the machine that is checked, which in tests is another one
//! * [`report`](mod@report): the text for a bug report
//!
//! A check changes nothing, apart from files that it makes and removes at once. It judges facts that it is
//! passed, or reads below the root of a [`machine::Machine`]. So tests make each message appear.

mod daemon;
mod examine;
mod finding;
mod fix;
mod git;
mod history;
mod machine;
mod memory;
mod modes;
mod programs;
mod project;
mod replication;
mod report;
mod units;
mod vault;
mod vaults;
mod writing;

use std::path::Path;

use fluvio_secret_protocol::{GetStatus, ListVaults, connect_or_start};
use fluvio_secret_system::places::Places;

pub(crate) use self::finding::{Condition, Diagnosis};
pub(crate) use self::machine::Machine;
pub(crate) use self::report::report;

/// Runs all checks. Starts a daemon if none runs, because that may be what fails.
pub(crate) fn check_all(machine: &Machine, places: &Places) -> Vec<Diagnosis> {
    let mut found = programs::check(machine, places);
    found.extend(modes::check(machine, places));
    let connected = connect_or_start(&places.state)
        .and_then(|mut client| Ok((client.call(GetStatus)?, client)));
    let status = connected.as_ref().ok().map(|(status, _)| status.clone());
    // A daemon that has started has made its directories.
    found.extend(writing::check(machine, places));
    found.extend(git::check(machine, places));
    found.extend(daemon::settings(places, status.as_ref()));
    found.extend(daemon::daemon(connected.as_ref().map(|(status, _)| status), places));
    let mut registered = None;
    if let Ok((status, mut client)) = connected {
        found.extend(vault::check(&places.state, &mut client, &status));
        found.extend(history::check(places, Path::new(&status.vault)));
        let vaults = client.collect(ListVaults);
        found.extend(vaults::check(machine, &places.state, client, vaults.as_deref()));
        registered = vaults.ok();
    }
    found.extend(replication::check(places, registered.as_deref()));
    found.extend(memory::check(machine, status.map(|status| status.pid)));
    found.extend(units::check(machine));
    found.extend(project::check(machine));
    found
}
