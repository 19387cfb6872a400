//! `key passphrase`: puts a passphrase on the identity, changes it, or takes it off.

use clap::Args;
use fluvio_secret_protocol::{GetKey, GetStatus, Passphrase};

use crate::connection::client;
use crate::error::CliError;
use crate::passphrase::{self, NewPassphraseArgs, PassphraseArgs};
use crate::{date, output};

/// Set, change or remove the passphrase of the identity
#[derive(Args, Debug)]
#[command(after_help = "\
The identity file is encrypted as `age -p` does it, and age can decrypt it. If you lose the
passphrase, you lose all your secrets.

Example:
  fluvio-secret key passphrase
  fluvio-secret key passphrase --remove")]
pub(crate) struct ChangePassphraseArgs {
    /// Remove the passphrase
    #[arg(long, conflicts_with_all = ["new_passphrase_file", "new_passphrase_fd"])]
    remove: bool,

    #[command(flatten)]
    old: PassphraseArgs,

    #[command(flatten)]
    new: NewPassphraseArgs,
}

pub(super) fn change(change: &ChangePassphraseArgs) -> Result<(), CliError> {
    let has_one = client()?.call(GetKey)?.passphrase;
    if has_one.is_none() || (change.remove && has_one == Some(false)) {
        // Before a prompt: the daemon says why there is nothing to change.
        client()?.call(Passphrase { old: None, new: None })?;
    }
    let has_one = has_one == Some(true);
    let old = if has_one { Some(passphrase::read(&change.old)?) } else { None };
    let new = if change.remove { None } else { Some(passphrase::read_new(&change.new)?) };
    let is_set = new.is_some();
    client()?.call(Passphrase { old, new })?;
    output::confirm(match (has_one, is_set) {
        (false, _) => "Passphrase set",
        (true, true) => "Passphrase changed",
        (true, false) => "Passphrase removed",
    });
    if is_set {
        say_until()?;
    }
    if !has_one {
        output::say(ABOUT_COPIES);
    }
    Ok(())
}

const ABOUT_COPIES: &str = "\
note: if you lose the passphrase, you lose all your secrets
note: older copies of the identity have no passphrase, for example in backups";

fn say_until() -> Result<(), CliError> {
    let status = client()?.call(GetStatus)?;
    // A lock takes effect at once, even while the passphrase is changed.
    if status.locked {
        output::say("note: the vault is locked\nhelp: unlock it with: fluvio-secret unlock");
        return Ok(());
    }
    let until = status
        .unlocked_until
        .map(|until| format!(" until {}", date::local(until)))
        .unwrap_or_default();
    output::say(&format!(
        "note: the vault is unlocked{until}\nhelp: lock it with: fluvio-secret lock"
    ));
    Ok(())
}
