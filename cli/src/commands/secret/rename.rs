//! `rename`: gives a secret another name, with its history.

use clap::Args;
use fluvio_secret_protocol::{RenameSecret, SecretName};

use super::remarks::say_renamed;
use crate::argument::{self, names};
use crate::connection::client_about;
use crate::error::CliError;
use crate::output;
use crate::vault_choice::VaultArgs;

/// Rename a secret, with its history
#[derive(Args, Debug)]
#[command(after_help = "\
The name is encrypted together with the value, so the vault must be unlocked. Configurations are not
changed: write NEW where they have OLD. Connectors that run with OLD keep running, and are listed.

Example:
  fluvio-secret rename AUTH_HEADER WEATHER_AUTH")]
pub(crate) struct RenameArgs {
    #[command(flatten)]
    vault: VaultArgs,

    /// The name of the secret
    #[arg(value_name = "OLD", value_parser = argument::parsed(argument::name), add = names())]
    old: SecretName,

    /// The new name, which no secret may have
    #[arg(value_name = "NEW", value_parser = argument::parsed(argument::name))]
    new: SecretName,
}

pub(crate) fn rename(args: RenameArgs) -> Result<(), CliError> {
    let RenameArgs { vault, old, new } = args;
    refuse_same(&old, &new)?;
    let vault = vault.here_noted()?;
    let renamed =
        client_about(vault)?.call(RenameSecret { name: old.clone(), new_name: new.clone() })?;
    output::confirm(&format!("Secret \"{old}\" renamed to \"{new}\" successfully"));
    if renamed.left > 0 {
        output::say(&format!(
            "note: earlier versions that cannot be decrypted keep the name `{old}`: {}\n\
             help: list them with: fluvio-secret history {old}",
            renamed.left
        ));
    }
    say_renamed(&old, &new, &renamed.holders, &renamed.leases);
    Ok(())
}

/// Refuses a name that is to become itself: the daemon would report that the name is taken.
pub(super) fn refuse_same(old: &SecretName, new: &SecretName) -> Result<(), CliError> {
    match old == new {
        true => Err(CliError::Usage(format!(
            "error: both names are `{new}`, so nothing was done\nhelp: choose another name"
        ))),
        false => Ok(()),
    }
}
