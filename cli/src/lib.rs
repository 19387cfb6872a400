//! The library of `fluvio-secret`, which mirrors the secret commands of Fluvio's cloud. No command reads a value
//! back.
//!
//! A command is a file in [`commands`], in the directory of its noun: its arguments, and the function that carries
//! it out. To add one, write that file and add a line to [`commands::Command`].
//!
//! * [`command_line`](mod@command_line) reads the arguments; [`help`] shows what they are; [`usage_error`] keeps values out of its
//!   messages
//! * [`argument`] parses and completes the values that several commands take
//! * [`vault_choice`]: which vault a command is about
//! * [`connection`] asks the daemon; [`daemon_settings`] has it read its settings
//! * [`value`], [`input`], [`provider`], [`passphrase`], [`prompt`], [`question`]: what you type or pass on
//! * [`config_file`], [`secrets_file`], [`audit_log`]: the files that commands read; [`config_search`] and
//!   [`deliveries`]: where secrets are used
//! * [`mask`](mod@mask): `--mask`
//! * [`watch`]: `--watch`; [`signals`]: the signals that stop it
//! * [`doctor`]: the checks of `doctor`
//! * [`deployed`], [`restarts`], [`cdk_call`]: connectors of `cdk`, their restarts, and calls of `cdk`
//! * [`holders`], [`on_path`]: processes that hold a lease, programs on PATH
//! * [`git`]: calls of git; [`merge_driver`] and [`git_attributes`]: how it merges the files of secrets
//! * [`sync`]: the replication of a vault over a topic
//! * [`output`], [`format`](mod@format), [`style`], [`date`], [`progress`]: what is printed
//! * [`error`](mod@error): what can go wrong, and the exit status for it

mod argument;
mod audit_log;
mod cdk_call;
mod command_line;
mod commands;
mod config_file;
mod config_search;
mod connection;
mod daemon_settings;
mod date;
mod deliveries;
mod deployed;
mod doctor;
mod error;
mod format;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod git;
mod git_attributes;
mod help;
mod holders;
mod input;
mod mask;
mod members;
mod merge_driver;
mod on_path;
mod output;
mod passphrase;
mod progress;
mod prompt;
mod provider;
mod question;
mod restarts;
mod secrets_file;
mod signals;
mod style;
mod sync;
mod usage_error;
mod value;
mod vault_choice;
mod watch;

use fluvio_secret_protocol::report_notes;
use fluvio_secret_system::harden::harden;

pub use crate::command_line::command_line;
use crate::error::CliError;
pub use crate::help::{COMMAND_GROUPS, CommandGroup};

/// The whole program `fluvio-secret`. Returns its exit status.
#[must_use]
pub fn main() -> u8 {
    if command_line::complete() {
        return 0;
    }
    report_notes(|note| output::say(&format!("note: {note}")));
    let outcome = command_line::parse(std::env::args_os())
        .and_then(|command| command.run(harden().map_err(CliError::System)?));
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            output::error(&error);
            error.status()
        }
    }
}
