//! `completions`: the script that makes a shell ask this program how what is typed goes on.

use fluvio_secret_protocol::SecretName;

use super::client;
use crate::args::{self, Shell};
use crate::error::CliError;
use crate::output;

pub(crate) fn completions(shell: Shell) -> Result<(), CliError> {
    let script = args::completions(shell).map_err(CliError::Output)?;
    output::print(&String::from_utf8_lossy(&script))
}

/// The names of all secrets, or none when they cannot be had: nobody is told anything while typing.
pub(crate) fn names() -> Vec<SecretName> {
    let listed = client().and_then(|mut client| Ok(client.list()?));
    listed.unwrap_or_default().into_iter().map(|secret| secret.name).collect()
}
