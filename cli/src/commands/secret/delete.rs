//! `delete`: deletes secrets, each on its own, as `rm` does.

use clap::Args;
use fluvio_secret_protocol::{ClientError, Delete, Deleted, GetStale, SecretName, limits};

use super::remarks;
use crate::argument;
use crate::connection::client_about;
use crate::error::CliError;
use crate::output;
use crate::question;
use crate::sync::compact_remark::say_compact;
use crate::vault_choice::VaultArgs;

/// Delete secrets, which `restore` can bring back
#[derive(Args, Debug)]
#[command(after_help = "\
A deleted secret stays in its history, encrypted, and `fluvio-secret restore NAME` brings it back.
With --purge, its history is also deleted. Deleted files may still be in backups or on the disk.
Running connectors keep the value, and are named.

Example:
  fluvio-secret delete AUTH_HEADER
  fluvio-secret delete --purge --yes AUTH_HEADER")]
pub(crate) struct DeleteArgs {
    /// Also delete all earlier versions for good
    #[arg(long)]
    purge: bool,

    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,

    #[command(flatten)]
    vault: VaultArgs,

    /// The names of the secrets
    #[arg(
        value_name = "NAME",
        required = true,
        num_args = 1..,
        value_parser = argument::parsed(argument::name),
        add = argument::names()
    )]
    names: Vec<SecretName>,
}

pub(crate) fn delete(args: DeleteArgs) -> Result<(), CliError> {
    let DeleteArgs { purge, yes, vault, names } = args;
    let vault = vault.here_noted()?;
    if purge && !yes {
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        let all = names.join(", ");
        question::ask(&format!("Delete {all} and all earlier versions for good?"), "deleted")?;
    }
    let word = if purge { "purged" } else { "deleted" };
    let mut client = client_about(vault.clone())?;
    let mut outcome = Ok(());
    let mut deleted = Vec::new();
    for name in names {
        match client.call(Delete { name: name.clone(), purge }) {
            Ok(Deleted) => {
                output::confirm(&format!("Secret \"{name}\" {word} successfully"));
                deleted.push(name);
            }
            Err(error @ ClientError::Refused(_)) => {
                output::error(&error.into());
                outcome = Err(CliError::Some);
            }
            Err(error) => return Err(error.into()),
        }
    }
    if purge && !deleted.is_empty() {
        say_compact(vault.as_ref());
    }
    // As many as one request may have.
    for names in deleted.chunks(limits::GRANT_NAMES) {
        remarks::say_holders_of_deleted(&client.call(GetStale { names: names.to_vec() })?);
    }
    outcome
}
