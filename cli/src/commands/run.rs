//! `run`: becomes the shim, which becomes the connector; with `--watch`, starts it again and again.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use fluvio_secret_protocol::{SHIM, StartError, beside_this_program};
use fluvio_secret_system::harden::Hardened;
use fluvio_secret_system::inherited;

use super::unlock::unlock_for;
use crate::args::{Run, WatchCdk};
use crate::error::CliError;
use crate::watch::{self, Plan};

/// The name under which the shim stands in front of Fluvio's program.
pub(super) const CDK: &str = "cdk";

pub(crate) fn run(run: Run, hardened: Hardened) -> Result<(), CliError> {
    let path = beside_this_program(SHIM).map_err(CliError::Shim)?;
    let words = words(&run);
    let Some(watch) = run.watch else {
        let mut shim = Command::new(&path);
        shim.args(words);
        let name = path.clone().into_os_string();
        return become_shim(shim, path, &name, hardened);
    };
    let program = path.clone();
    let command = move || {
        let mut shim = Command::new(&path);
        shim.args(&words);
        shim
    };
    let (config, check) = (run.config, !run.no_check);
    let plan = Plan { config, watch, check, vault: true, program, command: Box::new(command) };
    supervise(plan, hardened)
}

/// `cdk test --watch`, which the shim hands over when it meets it.
pub(crate) fn watch_cdk(cdk: WatchCdk, hardened: Hardened) -> Result<(), CliError> {
    let WatchCdk { config, watch, check, vault, args } = cdk;
    let path = beside_this_program(SHIM).map_err(CliError::Shim)?;
    let program = path.clone();
    let command = move || as_cdk(&path, &args);
    let plan = Plan { config, watch, check, vault, program, command: Box::new(command) };
    supervise(plan, hardened)
}

/// The shim under the name by which it stands in front of `cdk`.
pub(super) fn as_cdk(path: &Path, args: &[OsString]) -> Command {
    let mut shim = Command::new(path);
    shim.arg0(CDK).args(args);
    shim
}

/// What the shim is told.
fn words(run: &Run) -> Vec<OsString> {
    let mut words = vec!["--config".into(), run.config.clone().into_os_string()];
    if let Some(inject) = run.inject {
        words.extend(["--inject".into(), inject.as_str().into()]);
    }
    if run.no_check {
        words.push("--no-check".into());
    }
    if run.as_is {
        words.push("--as-is".into());
    }
    words.push("--".into());
    words.extend(run.command.iter().cloned());
    words
}

/// A supervisor holds no value, and the shim is to start as it would from a shell.
fn supervise(plan: Plan, hardened: Hardened) -> Result<(), CliError> {
    if plan.vault {
        unlock_for(&plan.config)?;
    }
    hardened.release().map_err(CliError::System)?;
    // Connectors get the signals as they were; we have to hear ours.
    inherited::unblock_signals().map_err(CliError::System)?;
    match watch::watch(plan)? {
        0 => Ok(()),
        status => Err(CliError::Connector(status)),
    }
}

/// Becomes the shim, which hardens itself, and gives what it starts what it was given itself.
pub(super) fn become_shim(
    shim: Command,
    path: PathBuf,
    name: &OsStr,
    hardened: Hardened,
) -> Result<(), CliError> {
    hardened.release().map_err(CliError::System)?;
    let source = inherited::exec(shim, name);
    Err(CliError::Shim(StartError::Program { path, source }))
}
