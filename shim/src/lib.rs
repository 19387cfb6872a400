//! The launcher: a configuration in, an exec out.
//!
//! # Layout
//!
//! * [`args`](mod@args): the command line
//! * [`config`](mod@config): the configuration's bytes
//! * [`carrier`]: which way the values go
//! * [`command`]: the connector's command line and environment
//! * [`memfd`]: a secrets file that is on no file system
//! * [`cdk`]: the same in front of Fluvio's `cdk`, under that name
//! * [`unlock`]: who asks for the passphrase of a locked vault
//! * [`supervised`]: the end of who watches over the connector is its own
//! * [`log_level`]: levels at which a connector logs values
//! * [`error`](mod@error): what can go wrong, and the exit status for it
//!
//! The process becomes the connector: process id, terminal, signals and exit status are the
//! connector's own, and nothing of ours is left but the one descriptor it needs.

mod args;
mod carrier;
mod cdk;
mod command;
mod config;
mod error;
mod log_level;
mod memfd;
mod supervised;
mod unlock;

use std::convert::Infallible;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::process::ExitCode;

use fluvio_secret_protocol::{
    ClientError, Grant, Granted, InjectMode, connect_or_start, report_waits,
};
use fluvio_secret_system::harden::harden;
use fluvio_secret_system::places::StateDirectory;
use fluvio_secret_system::{inherited, output, printable};

pub use crate::args::HELP;
use crate::args::{Launch, Order};
use crate::carrier::Carrier;
use crate::cdk::watcher;
use crate::error::LaunchError;
use crate::log_level::Revealing;

/// The program's name, which begins every line that it writes to standard error: the connector's own
/// lines follow there.
const PROGRAM: &str = "fluvio-secret-shim";

/// The whole program `fluvio-secret-shim`.
#[must_use]
pub fn main() -> ExitCode {
    report_waits(say);
    let mut words = std::env::args_os();
    if cdk::is_our_name(words.next().as_ref()) {
        return end(cdk::run(words.collect()));
    }
    end(match args::parse(std::env::args_os()) {
        Ok(Order::Help) => return print(args::HELP.trim_end()),
        Ok(Order::Version) => {
            return print(concat!("fluvio-secret-shim ", env!("CARGO_PKG_VERSION")));
        }
        Ok(Order::StartWatcher(lease)) => return of_watcher(watcher::run_starter(&lease)),
        Ok(Order::Watch(lease)) => return of_watcher(watcher::run_watcher(&lease)),
        Ok(Order::Launch(launch)) => run(&launch),
        Err(error) => Err(error),
    })
}

/// What is left to do when we became nothing else.
fn end(outcome: Result<Infallible, LaunchError>) -> ExitCode {
    match outcome {
        Ok(never) => match never {},
        Err(error) => fail(&error),
    }
}

fn of_watcher(outcome: Result<(), LaunchError>) -> ExitCode {
    outcome.map_or_else(|error| fail(&error), |()| ExitCode::SUCCESS)
}

fn fail(error: &LaunchError) -> ExitCode {
    say(&error.to_string());
    ExitCode::from(error.status(supervised::is_supervised()))
}

/// Becomes the connector, or says why not.
fn run(launch: &Launch) -> Result<Infallible, LaunchError> {
    supervised::end_with_supervisor()?;
    let hardened = harden().map_err(LaunchError::System)?;
    command::check(launch)?;
    let granted = if command::brings_its_own_secrets(launch) {
        say("the command has its own --secrets: it gets that file, and nothing from the vault");
        Granted { connector: None, inject: InjectMode::Auto, names: Vec::new(), values: Vec::new() }
    } else {
        match grant(launch) {
            Ok(granted) => granted,
            Err(error) => return unlock::where_locked(error, hardened),
        }
    };
    let mut carrier =
        carrier::choose(launch.way(granted.inject), &granted).map_err(LaunchError::Unfit)?;
    if let Carrier::Environment { because: Some(unfitting) } = &carrier {
        say(&format!("{unfitting}; so all secrets go by the environment"));
    }
    let mut secrets = None;
    if carrier == Carrier::File {
        match memfd::secrets_file(&granted) {
            Ok(file) => secrets = Some(file),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                let way = launch.way(granted.inject);
                carrier = carrier::without_file(way, &granted).ok_or(LaunchError::FileLimit)?;
                say(
                    "the limit of a file's size (ulimit -f) allows no secrets file; so all secrets go by the environment",
                );
            }
            Err(error) => return Err(LaunchError::System(error)),
        }
    }
    let by_environment = matches!(carrier, Carrier::Environment { .. });
    let environment = by_environment.then_some(&granted);
    let command = command::build(launch, secrets.as_ref(), environment);
    if let Some(file) = &secrets {
        file.let_inherit().map_err(LaunchError::System)?;
    }
    hardened.release().map_err(LaunchError::System)?;
    let source = inherited::exec(command, &launch.program);
    Err(LaunchError::exec(launch.program.clone(), environment, source))
}

fn grant(launch: &Launch) -> Result<Granted, LaunchError> {
    let config = config::read(&launch.config)?;
    let state = StateDirectory::from_environment().map_err(ClientError::Place)?;
    let label = command::config_label(&launch.config);
    let program = command::label(&launch.program);
    let text = config.clone();
    let grant = Grant { label, program, check: launch.check, config };
    let granted = connect_or_start(&state)?.grant(grant);
    let granted = granted.map_err(|error| LaunchError::of_client(error, &launch.config, &text))?;
    if !granted.names.is_empty() {
        warn_of_log_level(&text, None);
    }
    Ok(granted)
}

/// Warns when the connector would log values: at the level of an option, or else of the environment.
fn warn_of_log_level(config: &[u8], option: Option<&OsStr>) {
    let (level, source) = match option {
        Some(word) => (Revealing::of_word(word), "--log-level "),
        None => {
            let filter = std::env::var_os(log_level::VARIABLE).unwrap_or_default();
            (Revealing::of_filter(&filter), "RUST_LOG at ")
        }
    };
    if let Some(level) = level.filter(|_| log_level::has_templates(config)) {
        let (name, shown) = (level.name(), level.shown());
        say(&format!("warning: with {source}{name} the connector writes {shown} into its log"));
    }
}

fn print(text: &str) -> ExitCode {
    output::print_of(PROGRAM, text)
}

fn say(line: &str) {
    // At once: under a supervisor that one may say something at the same moment.
    let line = printable::lines(&format!("{PROGRAM}: {line}\n"));
    let _ = io::stderr().write_all(line.as_bytes());
}
