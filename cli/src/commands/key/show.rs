//! `key show`: the identity, which opens the vault.

use clap::Args;
use fluvio_secret_protocol::{GetKey, RetiredKey};

use crate::connection::client;
use crate::error::CliError;
use crate::format::{self, OutputArgs};

/// Show the identity and its keys
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  fluvio-secret key show -O json")]
pub(crate) struct ShowKeyArgs {
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn show(args: &ShowKeyArgs) -> Result<(), CliError> {
    let key = client()?.call(GetKey)?;
    let passphrase = match key.passphrase {
        Some(true) => "yes",
        Some(false) => "no",
        None if key.lost => "unknown, because the identity is missing",
        None => "no identity yet: `set` creates it",
    };
    let shown = || {
        let recipient = key.recipient.as_deref().unwrap_or("unknown");
        let mut rows = vec![
            ["Identity".to_owned(), format::shorten(&key.identity)],
            ["Recipient".to_owned(), recipient.to_owned()],
            ["Passphrase".to_owned(), passphrase.to_owned()],
        ];
        rows.extend(key.retired.iter().map(|one| ["Retired".to_owned(), describe(one)]));
        format::lines(&rows)
    };
    format::print(args.output.format, shown, || &key)
}

pub(super) fn describe(retired: &RetiredKey) -> String {
    match &retired.date {
        Some(date) => format!("{} ({date})", retired.recipient),
        None => retired.recipient.clone(),
    }
}
