//! `key rotate`: a new identity in the place of the present one.

use std::io::{self, IsTerminal};

use fluvio_secret_protocol::{Rotate, Unfinished};

use super::rekey::{kept_passphrase, reseal, say_finished, say_kept, say_left, summary};
use crate::error::CliError;
use crate::question::is_yes;
use crate::{args, output};

pub(crate) fn rotate(rotate: &args::Rotate) -> Result<(), CliError> {
    let args::Rotate { drop_history, yes, ref passphrase } = *rotate;
    let is_asked = drop_history && !yes && io::stdin().is_terminal();
    if is_asked && !is_yes("Delete the earlier versions of all secrets for good?")? {
        return Err(CliError::Declined("changed"));
    }
    let passphrase = kept_passphrase(passphrase)?;
    let rotate = Rotate::new(drop_history, passphrase);
    let resealed = reseal(|client, progress| client.rotate(rotate, progress))?;
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
