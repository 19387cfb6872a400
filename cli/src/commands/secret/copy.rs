//! `copy`: sets a new secret to the value of another one.

use clap::Args;
use fluvio_secret_protocol::{Copied, CopySecret, SecretName};

use super::rename::refuse_same;
use crate::argument::{self, names};
use crate::connection::client_about;
use crate::error::CliError;
use crate::output;
use crate::vault_choice::VaultArgs;

/// Copy a value to a new secret
#[derive(Args, Debug)]
#[command(after_help = "\
The history is not copied, and a later `set` of one of them does not change the other. The name is
encrypted together with the value, so the vault must be unlocked.

Example:
  fluvio-secret copy AUTH_HEADER STAGING_AUTH")]
pub(crate) struct CopyArgs {
    #[command(flatten)]
    vault: VaultArgs,

    /// The name of the secret
    #[arg(value_name = "OLD", value_parser = argument::parsed(argument::name), add = names())]
    old: SecretName,

    /// The name of the new secret, which no secret may have
    #[arg(value_name = "NEW", value_parser = argument::parsed(argument::name))]
    new: SecretName,
}

pub(crate) fn copy(args: CopyArgs) -> Result<(), CliError> {
    let CopyArgs { vault, old, new } = args;
    refuse_same(&old, &new)?;
    let vault = vault.here_noted()?;
    let Copied =
        client_about(vault)?.call(CopySecret { name: old.clone(), new_name: new.clone() })?;
    output::confirm(&format!("Secret \"{old}\" copied to \"{new}\" successfully"));
    Ok(())
}
