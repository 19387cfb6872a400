//! `key rotate`: replaces the identity by a new one.

use std::io::{self, IsTerminal};

use clap::Args;
use fluvio_secret_protocol::{Rotate, Unfinished};

use super::rekey::{kept_passphrase, reseal, say_rest, summary};
use crate::connection::client;
use crate::error::CliError;
use crate::members::members;
use crate::output;
use crate::passphrase::PassphraseArgs;
use crate::question;
use crate::sync::compact_remark::say_compact_any;

/// Create a new key and re-encrypt all secrets
#[derive(Args, Debug)]
#[command(after_help = "\
All secrets and their earlier versions are re-encrypted. The old key stays in the identity file,
marked as retired, because it decrypts older copies of the vault, for example in git. Remove it with
`key retire`. If the command is interrupted, nothing is lost. Run it again to finish.

Example:
  fluvio-secret key rotate
  fluvio-secret key rotate --drop-history --yes")]
pub(crate) struct RotateArgs {
    /// Delete earlier versions instead of re-encrypting them
    #[arg(long)]
    drop_history: bool,

    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,

    #[command(flatten)]
    passphrase: PassphraseArgs,
}

const ABOUT_ROTATION: &str = "\
note: this creates a new key and re-encrypts all secrets for it
note: the old key stays in the identity file, marked as retired";

pub(super) fn rotate(args: &RotateArgs) -> Result<(), CliError> {
    let RotateArgs { drop_history, yes, ref passphrase } = *args;
    let is_begun = members(&mut client()?)?.unfinished == Some(Unfinished::Identity);
    // Without a terminal, only what deletes needs a yes.
    if !is_begun && !yes && (drop_history || io::stdin().is_terminal()) {
        output::say(ABOUT_ROTATION);
        let question = match drop_history {
            true => "Rotate the identity, and delete the earlier versions of all secrets for good?",
            false => "Rotate the identity?",
        };
        question::ask(question, "changed")?;
    }
    let passphrase = if is_begun { None } else { kept_passphrase(passphrase)? };
    let rotate = Rotate { drop_history, passphrase };
    let mut resealed = reseal(rotate)?;
    let word = match resealed.finished.take_if(|change| *change == Unfinished::Identity) {
        Some(_) => "Earlier rotation finished",
        None => "Identity rotated successfully",
    };
    output::confirm(&format!("{word} ({})", summary(&resealed)));
    output::say(&format!(
        "note: the new key is in {}\nhelp: keep a copy of it in a safe place",
        resealed.identity
    ));
    say_compact_any();
    say_rest(&resealed);
    Ok(())
}
