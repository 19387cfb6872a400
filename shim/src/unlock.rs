//! A locked vault: the command line prompts for the passphrase.
//!
//! This process becomes the command line, which becomes this program again. So there is one process with
//! one id all the time. A signal at the prompt ends the process that has to restore the terminal's echo.

use std::convert::Infallible;
use std::env;
use std::process::{self, Command};

use fluvio_secret_protocol::{CLI, ClientError, beside_this_program};
use fluvio_secret_system::harden::Hardened;
use fluvio_secret_system::{inherited, terminal};

use crate::error::ShimError;

/// The variable that has our process id after the prompt. It begins like all of our variables, so no
/// connector inherits it.
pub(crate) const UNLOCK_GUARD: &str = "FLUVIO_SECRET_ASKED";

/// Becomes the command line, where a locked vault is the reason and there is a terminal. Otherwise returns
/// the error.
pub(crate) fn where_locked(error: ShimError, hardened: Hardened) -> Result<Infallible, ShimError> {
    let us = process::id().to_string();
    let was_asked = env::var_os(UNLOCK_GUARD).is_some_and(|asked| *asked == *us);
    if !error.is_locked() || was_asked || terminal::of_session().is_none() {
        return Err(error);
    }
    hardened.release().map_err(ShimError::System)?;
    let path = beside_this_program(CLI).map_err(ClientError::Start)?;
    let mut words = env::args_os();
    let name = words.next().unwrap_or_default();
    let mut cli = Command::new(&path);
    cli.env(UNLOCK_GUARD, us).arg("unlock-first").arg("--name").arg(name).arg("--").args(words);
    let source = inherited::exec(cli, path.as_os_str());
    Err(ShimError::exec(path.into(), None, source))
}
