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
//! * [`config`](mod@config): the configuration's bytes
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
mod log_level;
mod memfd;
mod message;
mod supervised;
mod unlock;

use std::convert::Infallible;
use std::io;
use std::process::ExitCode;

use fluvio_secret_protocol::{
    ClientError, Grant, Granted, InjectMode, connect_or_start, report_waits,
};
use fluvio_secret_system::harden::harden;
use fluvio_secret_system::help::Helpful;
use fluvio_secret_system::inherited;
use fluvio_secret_system::places::StateDirectory;

pub use crate::args::SHIM_HELP;
use crate::args::{Invocation, Launch};
use crate::cdk::watcher;
use crate::delivery::Delivery;
use crate::error::ShimError;
use crate::message::{print, say};

/// The whole program `fluvio-secret-shim`.
#[must_use]
pub fn main() -> ExitCode {
    report_waits(say);
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
fn end(outcome: Result<Infallible, ShimError>) -> ExitCode {
    match outcome {
        Ok(never) => match never {},
        Err(error) => fail(&error),
    }
}

fn of_watcher(outcome: Result<(), ShimError>) -> ExitCode {
    outcome.map_or_else(|error| fail(&error), |()| ExitCode::SUCCESS)
}

fn fail(error: &ShimError) -> ExitCode {
    say(&error.report());
    ExitCode::from(error.status(supervised::is_supervised()))
}

/// Becomes the connector, or says why not.
fn run(launch: &Launch) -> Result<Infallible, ShimError> {
    supervised::end_with_supervisor()?;
    let hardened = harden().map_err(ShimError::System)?;
    command::check(launch)?;
    let granted = if command::brings_its_own_secrets(launch) {
        say("the command has its own --secrets: it gets that file, and nothing from the vault");
        Granted { connector: None, inject: InjectMode::Auto, secrets: Vec::new() }
    } else {
        match grant(launch) {
            Ok(granted) => granted,
            Err(error) => return unlock::where_locked(error, hardened),
        }
    };
    let inject = launch.inject_mode(granted.inject);
    let mut delivery = delivery::choose(inject, &granted).map_err(ShimError::Unfit)?;
    if let Delivery::Environment { because: Some(unfitting) } = &delivery {
        say(&format!("{unfitting}; so all secrets go by the environment"));
    }
    let mut secrets = None;
    if delivery == Delivery::File {
        match memfd::secrets_file(&granted) {
            Ok(file) => secrets = Some(file),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                delivery = delivery::without_file(inject, &granted).ok_or(ShimError::FileLimit)?;
                say(
                    "the limit of a file's size (ulimit -f) allows no secrets file; so all secrets go by the environment",
                );
            }
            Err(error) => return Err(ShimError::System(error)),
        }
    }
    let by_environment = matches!(delivery, Delivery::Environment { .. });
    let environment = by_environment.then_some(&granted);
    let command = command::build(launch, secrets.as_ref(), environment);
    if let Some(file) = &secrets {
        file.let_inherit().map_err(ShimError::System)?;
    }
    hardened.release().map_err(ShimError::System)?;
    let source = inherited::exec(command, &launch.program);
    Err(ShimError::exec(launch.program.clone(), environment, source))
}

fn grant(launch: &Launch) -> Result<Granted, ShimError> {
    let config = config::read(&launch.config)?;
    let state = StateDirectory::from_environment().map_err(ClientError::Place)?;
    let label = command::config_label(&launch.config);
    let program = command::label(&launch.program);
    let text = config.clone();
    let grant = Grant { label, program, check: launch.check, config };
    let granted = connect_or_start(&state)?.call(grant)?;
    let granted = granted.map_err(|found| ShimError::faulty(&found, &launch.config, &text))?;
    if !granted.secrets.is_empty() {
        log_level::warn(&text, None);
    }
    Ok(granted)
}
