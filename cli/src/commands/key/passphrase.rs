//! `key show`, `key passphrase`: the identity, which opens the vault.

use fluvio_secret_protocol::{self as protocol, Passphrase};
use serde::Serialize;

use super::client;
use crate::args::{ChangePassphrase, Format};
use crate::error::CliError;
use crate::{date, format, output, passphrase};

/// The identity, for programs. Never the identity itself.
#[derive(Serialize)]
struct Key<'a> {
    identity: &'a str,
    recipient: Option<&'a str>,
    passphrase: Option<bool>,
    lost: bool,
}

pub(crate) fn show_key(form: Format) -> Result<(), CliError> {
    let protocol::Key { identity, recipient, passphrase, lost } = client()?.key()?;
    let shown = || {
        format!(
            "Identity    {identity}\nRecipient   {}\nPassphrase  {}\n",
            recipient.as_deref().unwrap_or("not known yet"),
            match passphrase {
                Some(true) => "yes",
                Some(false) => "no",
                None if lost => "unknown; the identity is missing, and the secrets need it",
                None => "no; the identity is made with the first secret",
            }
        )
    };
    let recipient = recipient.as_deref();
    format::print(form, shown, || Key { identity: &identity, recipient, passphrase, lost })
}

pub(crate) fn passphrase(change: &ChangePassphrase) -> Result<(), CliError> {
    let has_one = client()?.key()?.passphrase;
    if has_one.is_none() || (change.remove && has_one == Some(false)) {
        // Before anything is asked for: the daemon says why there is nothing to change.
        client()?.passphrase(Passphrase::change(None, None))?;
    }
    let has_one = has_one == Some(true);
    let old = if has_one { Some(passphrase::read(&change.old)?) } else { None };
    let new = if change.remove { None } else { Some(passphrase::read_new(&change.new)?) };
    let is_set = new.is_some();
    client()?.passphrase(Passphrase::change(old, new))?;
    output::confirm(match (has_one, is_set) {
        (false, _) => "Passphrase set",
        (true, true) => "Passphrase changed",
        (true, false) => "Passphrase taken off",
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
note: copies that were made before have no passphrase: in backups, and maybe on the disk, where the
      file was. Who loses the passphrase loses all secrets; nobody can open the identity without it.";

fn say_until() -> Result<(), CliError> {
    let status = client()?.status()?;
    // A lock takes effect at once, also while the passphrase is changed.
    if status.locked {
        output::say("note: the vault is locked; unlock it with: fluvio-secret unlock");
        return Ok(());
    }
    let until = status
        .unlocked_until
        .map(|until| format!(" until {}", date::local(until)))
        .unwrap_or_default();
    output::say(&format!("note: the vault is unlocked{until}; to lock it now: fluvio-secret lock"));
    Ok(())
}
