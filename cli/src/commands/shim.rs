//! The shim, as the commands that start a connector become it or start it. It may need an unlocked vault.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use fluvio_secret_config::Document;
use fluvio_secret_protocol::{SHIM, StartError, beside_this_program};
use fluvio_secret_system::harden::Hardened;
use fluvio_secret_system::{inherited, terminal};

use super::key::unlock::{UnlockArgs, unlock_with, unlocked};
use crate::error::{CliError, NOT_STARTED};
use crate::{config_file, output};

/// The name under which the shim wraps Fluvio's program.
pub(super) const CDK: &str = "cdk";

#[derive(Args, Debug)]
pub(crate) struct UnlockFirstArgs {
    /// The name by which the shim was started.
    #[arg(long)]
    name: OsString,

    /// Its arguments.
    #[arg(num_args = 0.., last = true)]
    args: Vec<OsString>,
}

/// Unlocks the vault, and becomes the shim that found it locked.
pub(super) fn unlock_first(args: &UnlockFirstArgs, hardened: Hardened) -> Result<(), CliError> {
    let path = shim_path()?;
    ask_for_a_connector()?;
    let mut command = Command::new(&path);
    command.args(&args.args);
    become_shim(command, path, &args.name, hardened)
}

/// Unlocks the vault for the supervisor of a connector, which runs in the background and cannot prompt. Without
/// a terminal the supervisor waits until you unlock the vault elsewhere.
pub(super) fn unlock_for(config: &Path) -> Result<(), CliError> {
    let config = config_file::read(config)?;
    // If it is invalid, the shim explains why.
    let has_references =
        Document::read(&config).references().is_ok_and(|found| !found.names.is_empty());
    let can_ask = has_references && terminal::of_session().is_some();
    // If there is no daemon, the shim explains why.
    if can_ask && matches!(unlocked(), Ok(None)) {
        unlock_on_terminal()?;
    }
    Ok(())
}

/// Prompts. An error keeps a connector from starting, which has a status of its own.
pub(super) fn ask_for_a_connector() -> Result<(), CliError> {
    unlock_on_terminal().map_err(|error| {
        output::error(&error);
        CliError::Connector(NOT_STARTED)
    })
}

/// Prints everything to standard error: standard output is the connector's.
fn unlock_on_terminal() -> Result<(), CliError> {
    output::say("note: the vault is locked");
    let unlock = UnlockArgs { if_locked: true, ..UnlockArgs::default() };
    output::say(&unlock_with(&unlock)?);
    Ok(())
}

pub(super) fn shim_path() -> Result<PathBuf, CliError> {
    beside_this_program(SHIM).map_err(CliError::Shim)
}

/// The shim under the name by which it wraps `cdk`.
pub(super) fn as_cdk(path: &Path, args: &[OsString]) -> Command {
    let mut shim = Command::new(path);
    shim.arg0(CDK).args(args);
    shim
}

/// Becomes the shim. It hardens itself, and passes on what this program inherited.
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
