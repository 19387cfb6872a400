//! The launcher: it reads a configuration and becomes the connector, with the secrets that the
//! configuration references.
//!
//! [`main`] is the whole program. The process becomes the connector by exec: process id, terminal,
//! signals and exit status are the connector's own. Nothing of ours is left but the one descriptor that
//! the connector needs.
//!
//! # Layout
//!
//! * [`args`](mod@args): the command line
//! * [`launch`]: becomes the connector
//! * [`config`](mod@config): the configuration's bytes, and its vault
//! * [`delivery`]: how the values reach the connector
//! * [`command`]: the connector's command line and environment
//! * [`memfd`]: a secrets file that is on no file system
//! * [`cdk`]: the same for Fluvio's `cdk`, under that name
//! * [`unlock`]: the passphrase of a locked vault
//! * [`supervised`]: a connector under `run --watch`
//! * [`log_level`]: levels at which a connector logs values
//! * [`error`](mod@error): what can go wrong, and the exit status for it
//! * [`message`]: lines to standard error and standard output

mod args;
mod cdk;
mod command;
mod config;
mod delivery;
mod error;
mod launch;
mod log_level;
mod memfd;
mod message;
mod supervised;
mod unlock;

use std::convert::Infallible;

use fluvio_secret_protocol::report_notes;
use fluvio_secret_system::harden::harden;
use fluvio_secret_system::help::Helpful;

use crate::args::Invocation;
pub use crate::args::{GrantCall, Launch, SHIM_HELP};
use crate::cdk::watcher;
pub use crate::cdk::{is_deployed, prepare_cdk, refuse_lost_restart};
use crate::error::ShimError;
pub use crate::launch::{LaunchError, PreparedConnector, become_connector, prepare_connector};
use crate::message::{print, say};

/// The whole program `fluvio-secret-shim`. Returns its exit status.
#[must_use]
pub fn main() -> u8 {
    report_notes(|note| say(&format!("note: {note}")));
    let mut words = std::env::args_os();
    if cdk::is_our_name(words.next().as_ref()) {
        return end(cdk::run(words.collect()));
    }
    end(match args::parse(std::env::args_os()) {
        Ok(Invocation::Help) => return print(args::SHIM_HELP.trim_end()),
        Ok(Invocation::Version) => {
            return print(concat!("fluvio-secret-shim ", env!("CARGO_PKG_VERSION")));
        }
        Ok(Invocation::StartWatcher(lease)) => return of_watcher(watcher::run_starter(&lease)),
        Ok(Invocation::Watch(lease)) => return of_watcher(watcher::run_watcher(&lease)),
        Ok(Invocation::Launch(launch)) => run(&launch),
        Err(error) => Err(error),
    })
}

/// What is left to do when the exec failed.
fn end(outcome: Result<Infallible, ShimError>) -> u8 {
    match outcome {
        Ok(never) => match never {},
        Err(error) => fail(&error),
    }
}

fn of_watcher(outcome: Result<(), ShimError>) -> u8 {
    outcome.map_or_else(|error| fail(&error), |()| 0)
}

fn fail(error: &ShimError) -> u8 {
    say(&format!("error: {}", error.report()));
    error.status(supervised::is_supervised())
}

/// Becomes the connector, or says why not. A locked vault is unlocked first.
fn run(launch: &Launch) -> Result<Infallible, ShimError> {
    supervised::end_with_supervisor()?;
    let hardened = harden().map_err(ShimError::System)?;
    launch::exec(launch, hardened).or_else(|error| unlock::where_locked(error, hardened))
}
