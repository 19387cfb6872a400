//! `vault upgrade`: signs what an early version has written without a signature.

use std::ffi::OsString;

use clap::{Args, ValueHint};
use fluvio_secret_protocol::UpgradeVault;

use crate::commands::key::rekey::{reseal_in, say_rest};
use crate::error::CliError;
use crate::format::count;
use crate::vault_choice::{self, VaultArgs};
use crate::{argument, output, question};

/// Sign the secrets of an early version
#[derive(Args, Debug)]
#[command(after_help = "\
An early version wrote secrets without a signature, so they may be from anyone who could change the
files. With your consent, this machine signs all of them, and their earlier versions. After that,
unsigned files are refused. Other members then get the signed ones. The command changes nothing in a
vault that a newer version has made.

DIR is a project, or the word personal. Without it, the vault is the one that other commands find from
the current directory.

Example:
  fluvio-secret vault upgrade
  fluvio-secret vault upgrade --yes personal")]
pub(crate) struct UpgradeVaultArgs {
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,

    /// Project with the vault, or the word personal
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath, add = argument::vaults())]
    directory: Option<OsString>,
}

const ABOUT_SIGNING: &str = "\
note: this machine signs every secret and earlier version that has no signature
note: until now, anyone who could change the files could have put another value there
help: answer yes only if no one else could change the files";

pub(super) fn upgrade(args: UpgradeVaultArgs) -> Result<(), CliError> {
    let UpgradeVaultArgs { yes, directory } = args;
    let vault = VaultArgs::naming(directory).here()?;
    vault_choice::note(vault.as_ref());
    if !yes {
        output::say(ABOUT_SIGNING);
        question::ask("Sign them, and refuse unsigned files from now on?", "signed")?;
    }
    let signed = reseal_in(vault, UpgradeVault)?;
    let secrets = count(signed.secrets, "secret");
    let versions = count(signed.versions, "earlier version");
    output::confirm(&format!("Vault upgraded successfully ({secrets} and {versions} signed)"));
    say_rest(&signed);
    Ok(())
}
