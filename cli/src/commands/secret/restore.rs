//! `restore`: makes an earlier version of a secret the current one.

use clap::Args;
use fluvio_secret_protocol::{Restore, SecretName};

use super::remarks;
use crate::argument;
use crate::connection::client_about;
use crate::error::CliError;
use crate::vault_choice::VaultArgs;
use crate::{date, output};

/// Restore an earlier version of a secret
#[derive(Args, Debug)]
#[command(after_help = "\
Without --version, the version that was overwritten or deleted last is restored. The current value
goes to the history, so the same command again undoes the change.

Example:
  fluvio-secret restore AUTH_HEADER
  fluvio-secret restore AUTH_HEADER --version 1")]
pub(crate) struct RestoreArgs {
    /// Number of the version, from `history`
    #[arg(long, value_name = "N")]
    version: Option<u64>,

    #[command(flatten)]
    vault: VaultArgs,

    /// The name of the secret
    #[arg(
        value_name = "NAME",
        value_parser = argument::parsed(argument::name),
        add = argument::restorable_names()
    )]
    name: SecretName,
}

pub(crate) fn restore(args: &RestoreArgs) -> Result<(), CliError> {
    let RestoreArgs { version, vault, name } = args;
    let vault = vault.here_noted()?;
    let restored = client_about(vault)?.call(Restore { name: name.clone(), version: *version })?;
    output::confirm(&format!(
        "Secret \"{name}\" restored successfully (version {} of {})",
        restored.version,
        date::local(restored.set_at)
    ));
    remarks::say_holders(&restored.holders, &restored.leases);
    Ok(())
}
