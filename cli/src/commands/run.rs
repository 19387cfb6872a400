//! `run`: becomes the shim, which becomes the connector.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use fluvio_secret_protocol::harden::Hardened;
use fluvio_secret_protocol::{SHIM, StartError, beside_this_program};

use crate::args::Run;
use crate::error::CliError;

pub(crate) fn run(run: &Run, hardened: Hardened) -> Result<(), CliError> {
    let path = beside_this_program(SHIM).map_err(CliError::Shim)?;
    let mut shim = Command::new(&path);
    shim.arg("--config").arg(&run.config);
    if let Some(inject) = run.inject {
        shim.arg("--inject").arg(inject.as_str());
    }
    if run.no_check {
        shim.arg("--no-check");
    }
    if run.as_is {
        shim.arg("--as-is");
    }
    shim.arg("--").args(&run.command);
    become_shim(shim, path, hardened)
}

/// Becomes the shim, which hardens itself, and gives what it starts what it was given itself.
pub(super) fn become_shim(
    mut shim: Command,
    path: PathBuf,
    hardened: Hardened,
) -> Result<(), CliError> {
    hardened.release().map_err(CliError::System)?;
    let source = shim.exec();
    Err(CliError::Shim(StartError::Program { path, source }))
}
