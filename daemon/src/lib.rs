//! The daemon: keeps the vault, decides who gets what.
//!
//! # Layout
//!
//! * [`args`](mod@args): its few options
//! * [`launch`]: `--start`, which starts a daemon that is independent of the terminal
//! * [`serve`](mod@serve): what it does before and after it serves
//! * [`reset_inherited`]: resets limits and signals of its starter
//! * [`activation`]: a socket that a service manager hands over, or a connection of the starter
//! * [`log`](mod@log), [`audit`], [`rotating_log`]: what is written down
//! * [`settings`]: what the user has set
//! * [`credential`]: the passphrase, if the service manager passes it
//! * [`server`], [`connection`], [`client_stream`], [`idle`], [`in_flight`]: sockets, deadlines, and values in memory
//! * [`workers`]: which threads carry out requests
//! * [`in_place`]: requests that are carried out by the thread that has received them
//! * [`runtime`]: that thread, and others that take its place
//! * [`work_queue`]: what one of the other threads has to do, in order
//! * [`service`]: carries out requests; knows no socket
//! * [`answers`], [`answer_channel`]: what is sent to the client of a request, and how it gets there
//! * [`grants`], [`json_lines`]: the last grants, and which of their processes still run
//! * [`leases`], [`lease_info`], [`lease_places`], [`lease_files`], [`lease_watch`]: secrets files in memory, each
//!   while a process holds it
//! * [`subscribers`], [`vault_followers`]: clients that learn of changes, of some secrets or of the whole vault
//! * [`vault_watcher`]: changes by other programs
//! * `fuzzing`: entry points for fuzz targets; not compiled otherwise
//!
//! The directory of the vault is the truth: nothing of it is kept in memory between two requests but
//! the identity, and the names in the last grants.

mod activation;
mod answer_channel;
mod answers;
mod args;
mod audit;
mod client_stream;
mod connection;
mod credential;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod grants;
mod idle;
mod in_flight;
mod in_place;
mod json_lines;
mod launch;
mod lease_files;
mod lease_info;
mod lease_places;
mod lease_watch;
mod leases;
mod log;
mod reset_inherited;
mod rotating_log;
mod runtime;
mod serve;
mod server;
mod service;
mod settings;
mod subscribers;
mod vault_followers;
mod vault_watcher;
mod work_queue;
mod workers;

use std::io::{self, Write};
use std::process::ExitCode;

use fluvio_secret_system::help::Helpful;
use fluvio_secret_system::{output, printable};

pub use crate::args::DAEMON_HELP;
use crate::args::{DaemonAction, ServeMode};

/// The whole program `fluvio-secretd`.
#[must_use]
pub fn main() -> ExitCode {
    match args::parse(std::env::args_os()) {
        Ok(DaemonAction::AcceptVault) => match serve::accept_vault() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&report(&error), 1),
        },
        Ok(DaemonAction::Help) => print(args::DAEMON_HELP.trim_end()),
        Ok(DaemonAction::Serve(mode)) => match (serve::run(mode), mode) {
            (Ok(()), _) => ExitCode::SUCCESS,
            // The starter reads it there.
            (Err(error), ServeMode::Detached) => {
                print(&report(&error));
                ExitCode::FAILURE
            }
            // The client of the connection has the answer.
            (Err(_), ServeMode::Connection) => ExitCode::FAILURE,
            (Err(error), ServeMode::Foreground) => fail(&report(&error), 1),
        },
        Ok(DaemonAction::Settings) => match serve::settings() {
            Ok(settings) => print(&settings),
            Err(error) => fail(&report(&error), 1),
        },
        Ok(DaemonAction::Start) => match launch::start() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error.to_string(), 1),
        },
        Ok(DaemonAction::Version) => print(concat!("fluvio-secretd ", env!("CARGO_PKG_VERSION"))),
        Err(error) => fail(&report(&error), 2),
    }
}

/// The cause and the help, each on one line: a path may have a line end.
fn report(error: &impl Helpful) -> String {
    let help = error.help().map(|help| format!("\nhelp: {}", printable::line(&help.to_string())));
    printable::line(&error.to_string()) + &help.unwrap_or_default()
}

fn print(text: &str) -> ExitCode {
    output::print_result(text).into()
}

fn fail(why: &str, status: u8) -> ExitCode {
    // Standard error may be closed.
    let _ = writeln!(io::stderr(), "error: {why}");
    ExitCode::from(status)
}
