//! `key retire`: removes the retired keys.

use clap::Args;
use fluvio_secret_protocol::{GetKey, Retire};

use super::rekey::kept_passphrase;
use super::show::describe;
use crate::connection::client;
use crate::error::CliError;
use crate::format::count;
use crate::output;
use crate::passphrase::PassphraseArgs;
use crate::question;

/// Remove retired keys that the vault does not need
#[derive(Args, Debug)]
#[command(after_help = "\
`key rotate` and `key use` retire the keys that they replace. Retired keys are removed only if every
secret and every earlier version can be decrypted without them. Otherwise nothing is removed, and
the command names the secrets that need them. Git history and backups may also need these keys, and
are not checked.

Example:
  fluvio-secret key retire --yes")]
pub(crate) struct RetireArgs {
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,

    #[command(flatten)]
    passphrase: PassphraseArgs,
}

pub(super) fn retire(args: &RetireArgs) -> Result<(), CliError> {
    let retired = client()?.call(GetKey)?.retired;
    if !retired.is_empty() {
        output::say("note: git history and backups are not checked, and may need these keys:");
        retired.iter().for_each(|key| output::say(&format!("      {}", describe(key))));
        if !args.yes {
            let keys = count(retired.len(), "retired key");
            question::ask(&format!("Remove {keys} for good?"), "removed")?;
        }
    }
    let passphrase = if retired.is_empty() { None } else { kept_passphrase(&args.passphrase)? };
    client()?.call(Retire { passphrase })?;
    output::confirm(&match retired.len() {
        0 => "There are no retired keys".to_owned(),
        removed => {
            format!("{} removed", count(removed, "retired key"))
        }
    });
    Ok(())
}
