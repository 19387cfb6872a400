//! `delete`: takes secrets away. Each on its own, as `rm` does it.

use std::io::{self, IsTerminal};

use fluvio_secret_protocol::{ClientError, SecretName};

use super::client;
use crate::error::CliError;
use crate::output;
use crate::question::is_yes;

pub(crate) fn delete(names: Vec<SecretName>, purge: bool, yes: bool) -> Result<(), CliError> {
    if purge && !yes && io::stdin().is_terminal() && !is_meant(&names)? {
        return Err(CliError::Declined("deleted"));
    }
    let word = if purge { "purged" } else { "deleted" };
    let mut client = client()?;
    let mut outcome = Ok(());
    for name in names {
        match client.delete(name.clone(), purge) {
            Ok(()) => output::confirm(&format!("Secret \"{name}\" {word} successfully")),
            Err(error @ ClientError::Refused(_)) => {
                CliError::from(error).print();
                outcome = Err(CliError::Some);
            }
            Err(error) => return Err(error.into()),
        }
    }
    outcome
}

/// Asks before what cannot be taken back.
fn is_meant(names: &[SecretName]) -> Result<bool, CliError> {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    is_yes(&format!("Delete {} and all earlier versions for good?", names.join(", ")))
}
