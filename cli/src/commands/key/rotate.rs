//! `key rotate`: replaces the identity by a new one.

use std::io::{self, IsTerminal};

use clap::Args;
use fluvio_secret_protocol::{Rotate, Unfinished};

use super::rekey::{kept_passphrase, reseal, say_finished, say_kept, say_left, summary};
use crate::error::CliError;
use crate::output;
use crate::passphrase::PassphraseArgs;
use crate::question::is_yes;

/// Make a new identity, and seal all secrets to it in place of the present one
#[derive(Args, Debug)]
#[command(after_help = "\
All secrets and their earlier versions are sealed anew. The present identity stays until that is
done, and is removed then; what is still sealed to it elsewhere, as in a backup or in git, it
still opens. When this is stopped in the middle nothing is lost, and the same command again
finishes it.

Example:
  fluvio-secret key rotate
  fluvio-secret key rotate --drop-history --yes")]
pub(crate) struct RotateArgs {
    /// Remove all earlier versions for good, instead of sealing them anew; asks on a terminal
    #[arg(long)]
    drop_history: bool,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    #[command(flatten)]
    passphrase: PassphraseArgs,
}

pub(super) fn rotate(args: &RotateArgs) -> Result<(), CliError> {
    let RotateArgs { drop_history, yes, ref passphrase } = *args;
    let is_asked = drop_history && !yes && io::stdin().is_terminal();
    if is_asked && !is_yes("Delete the earlier versions of all secrets for good?")? {
        return Err(CliError::Declined("changed"));
    }
    let passphrase = kept_passphrase(passphrase)?;
    let rotate = Rotate::new(drop_history, passphrase);
    let resealed = reseal(rotate)?;
    let word = match resealed.finished {
        Some(Unfinished::Identity) => "The rotation that was begun is finished",
        _ => "Identity rotated successfully",
    };
    output::confirm(&format!("{word} ({})", summary(&resealed)));
    output::say(&format!(
        "note: the new key is in {}; keep a copy of it elsewhere.",
        resealed.identity
    ));
    say_kept(&resealed);
    if resealed.finished != Some(Unfinished::Identity) {
        say_finished(&resealed);
    }
    say_left(&resealed);
    Ok(())
}
