//! `restore`: makes an earlier version of a secret the current one.

use clap::Args;
use fluvio_secret_protocol::{Restore, SecretName};

use super::remarks;
use crate::argument;
use crate::connection::client;
use crate::error::CliError;
use crate::{date, output};

/// Bring back an earlier version of a secret, also of a deleted one
#[derive(Args, Debug)]
#[command(after_help = "\
Without --version it is the one that was overwritten or deleted last. What it replaces goes to
the history, so the same command again takes the restoring back.

Example:
  fluvio-secret restore AUTH_HEADER
  fluvio-secret restore AUTH_HEADER --version 1")]
pub(crate) struct RestoreArgs {
    /// The version's number, as `history` shows it
    #[arg(long, value_name = "N")]
    version: Option<u64>,

    /// The secret's name
    #[arg(
        value_name = "NAME",
        value_parser = argument::parsed(argument::name),
        add = argument::restorable_names()
    )]
    name: SecretName,
}

pub(crate) fn restore(args: &RestoreArgs) -> Result<(), CliError> {
    let RestoreArgs { version, name } = args;
    let restored = client()?.call(Restore { name: name.clone(), version: *version })?;
    output::confirm(&format!(
        "Secret \"{name}\" restored successfully (version {} of {})",
        restored.version,
        date::local(restored.set_at)
    ));
    remarks::say_holders(&restored.holders, &restored.leases);
    Ok(())
}
