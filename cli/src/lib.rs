//! The command line, which mirrors the secret commands of Fluvio's cloud.
//!
//! # Layout
//!
//! * [`args`](mod@args): what can be typed; the only module that knows clap
//! * [`commands`]: one file for each command
//! * [`value`], [`passphrase`], [`prompt`]: where the value of `set` comes from, and a passphrase
//! * [`watch`]: starts a connector again when something changes; [`signals`]: those that end it
//! * [`secrets_file`]: the file that `import` reads
//! * [`audit_log`]: the file that `log` reads
//! * [`holders`]: which processes hold a lease
//! * [`doctor`]: what is right and what is not, one file for each group of looks
//! * [`on_path`]: programs on PATH, and what puts a folder in front there
//! * [`question`], [`progress`]: asks whether something is meant, and shows how far it is
//! * [`date`], [`format`](mod@format): dates as the cloud's `list` prints them, tables, JSON, YAML
//! * [`output`]: results to standard output, everything else to standard error
//! * [`error`](mod@error): what can go wrong, and the exit status for it
//! * `fuzzing`: a door for a fuzz target; not compiled otherwise
//!
//! There is no command that reads a value back.

mod args;
mod audit_log;
mod commands;
mod date;
mod doctor;
mod error;
mod format;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod holders;
mod on_path;
mod output;
mod passphrase;
mod progress;
mod prompt;
mod question;
mod secrets_file;
mod signals;
mod value;
mod watch;

use std::process::ExitCode;

use fluvio_secret_protocol::report_waits;
use fluvio_secret_system::harden::{Hardened, harden};

pub use crate::args::command_line;
use crate::args::{Cdk, Command, Recipient};
use crate::error::CliError;

/// The whole program `fluvio-secret`.
#[must_use]
pub fn main() -> ExitCode {
    if args::complete() {
        return ExitCode::SUCCESS;
    }
    report_waits(|wait| output::say(&format!("note: {wait}")));
    let outcome = args::parse(std::env::args_os()).and_then(|command| {
        let hardened = harden().map_err(CliError::System)?;
        run(command, hardened)
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.print();
            ExitCode::from(error.status())
        }
    }
}

fn run(command: Command, hardened: Hardened) -> Result<(), CliError> {
    match command {
        Command::Cdk(Cdk::Install(folder)) => commands::install(folder),
        Command::Cdk(Cdk::Run(args)) => commands::cdk(&args, hardened),
        Command::Cdk(Cdk::Uninstall(folder)) => commands::uninstall(folder),
        Command::Check(check) => commands::check(&check),
        Command::Completions(shell) => commands::completions(shell),
        Command::Daemon(what) => commands::daemon(what),
        Command::Delete { names, purge, yes } => commands::delete(names, purge, yes),
        Command::Doctor(form) => commands::doctor(form),
        Command::Help(text) => output::print(&text),
        Command::History { name, format } => commands::history(&name, format),
        Command::Import(import) => commands::import(&import),
        Command::KeyPassphrase(change) => commands::passphrase(&change),
        Command::KeyRotate(rotate) => commands::rotate(&rotate),
        Command::KeyShow { format } => commands::show_key(format),
        Command::KeyUse(used) => commands::use_identity(&used),
        Command::LeaseEnd { id } => commands::end_lease(id),
        Command::LeaseList { format } => commands::list_leases(format),
        Command::List { format } => commands::list(format),
        Command::Lock => commands::lock(),
        Command::Log(log) => commands::log(&log),
        Command::Metadata => commands::metadata(),
        Command::Recipient(Recipient::Accept { yes }) => commands::accept_recipients(yes),
        Command::Recipient(Recipient::Add { recipient, note }) => {
            commands::add_recipient(recipient, note)
        }
        Command::Recipient(Recipient::List { format }) => commands::list_recipients(format),
        Command::Recipient(Recipient::Remove { recipient }) => {
            commands::remove_recipient(recipient)
        }
        Command::Restore { name, version } => commands::restore(&name, version),
        Command::Run(run) => commands::run(run, hardened),
        Command::Set(set) => commands::set(set),
        Command::Unlock(unlock) => commands::unlock(&unlock),
        Command::UnlockFirst(shim) => commands::unlock_first(&shim, hardened),
        Command::WatchCdk(cdk) => commands::watch_cdk(cdk, hardened),
        Command::Status { format } => commands::status(format),
    }
}
