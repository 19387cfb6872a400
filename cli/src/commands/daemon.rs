//! `daemon start`, `stop`, `restart`.

use fluvio_secret_protocol::accept_vault;

use super::{client, running_client};
use crate::args::Daemon;
use crate::error::CliError;
use crate::output;

pub(crate) fn daemon(what: Daemon) -> Result<(), CliError> {
    match what {
        Daemon::Restart => stop().and_then(|()| start()),
        Daemon::Start { accept_vault: true } => {
            accept_vault().map_err(Into::into).and_then(|()| start())
        }
        Daemon::Start { .. } => start(),
        Daemon::Stop => stop(),
    }
}

fn start() -> Result<(), CliError> {
    let running = running_client()?;
    let word = if running.is_some() { "Daemon is running" } else { "Daemon started" };
    let status = match running {
        Some(mut client) => client.status()?,
        None => client()?.status()?,
    };
    output::print(&format!("{word} (pid {})", status.pid))
}

fn stop() -> Result<(), CliError> {
    match running_client()? {
        Some(client) => {
            client.stop()?;
            output::print("Daemon stopped")
        }
        None => output::print("Daemon is not running"),
    }
}
