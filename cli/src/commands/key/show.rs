//! `key show`: the identity, which opens the vault.

use clap::Args;
use fluvio_secret_protocol as protocol;
use fluvio_secret_protocol::GetKey;
use serde::Serialize;

use crate::connection::client;
use crate::error::CliError;
use crate::format::{self, OutputArgs};

/// Show where the identity is, its public part, and whether it has a passphrase
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  fluvio-secret key show -O json")]
pub(crate) struct ShowKeyArgs {
    #[command(flatten)]
    output: OutputArgs,
}

/// What is public about the identity, for programs.
#[derive(Serialize)]
struct Key<'a> {
    identity: &'a str,
    recipient: Option<&'a str>,
    passphrase: Option<bool>,
    lost: bool,
}

pub(super) fn show(args: &ShowKeyArgs) -> Result<(), CliError> {
    let protocol::Key { identity, recipient, passphrase, lost } = client()?.call(GetKey)?;
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
    format::print(args.output.format, shown, || Key {
        identity: &identity,
        recipient,
        passphrase,
        lost,
    })
}
