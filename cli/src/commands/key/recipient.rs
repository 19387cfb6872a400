//! `key recipient`: who can open the secrets.

use std::ffi::OsStr;

use clap::{Args, Subcommand};
use fluvio_secret_protocol::{
    AcceptRecipients, AddRecipient, GetRecipients, ListedRecipient, Recipients, RemoveRecipient,
    limits,
};

use super::rekey::{reseal, say_rest, say_state, summary};
use crate::argument::{self, BadArgument};
use crate::connection::client;
use crate::error::CliError;
use crate::format::OutputArgs;
use crate::{format, output, question};

/// Share the vault with other keys
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Example:\n  fluvio-secret key recipient list",
    disable_help_subcommand = true
)]
pub(crate) enum RecipientCommand {
    Add(AddRecipientArgs),
    Remove(RemoveRecipientArgs),
    List(ListRecipientsArgs),
    Accept(AcceptRecipientsArgs),
}

/// Add a recipient and re-encrypt all secrets
#[derive(Args, Debug)]
#[command(after_help = "\
RECIPIENT is the public key of an age identity, as `age-keygen -y` prints it. All secrets and their
earlier versions are re-encrypted. If the recipient is already there, only its note changes.

Example:
  fluvio-secret key recipient add \\
    age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg")]
pub(crate) struct AddRecipientArgs {
    /// Owner of the key, in a few words
    #[arg(long, value_name = "TEXT", value_parser = argument::parsed(note))]
    note: Option<String>,

    /// The recipient: age1…
    #[arg(value_name = "RECIPIENT", value_parser = argument::parsed(recipient))]
    recipient: String,
}

/// Remove a recipient and re-encrypt all secrets
#[derive(Args, Debug)]
#[command(after_help = "\
All secrets and their earlier versions are re-encrypted. The removed recipient may have kept the
values, and can still decrypt older copies of the vault.

Example:
  fluvio-secret key recipient remove \\
    age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg")]
pub(crate) struct RemoveRecipientArgs {
    /// The recipient, as `list` shows it
    #[arg(value_name = "RECIPIENT", value_parser = argument::parsed(recipient))]
    recipient: String,
}

/// List the recipients that can decrypt the secrets
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  fluvio-secret key recipient list -O json")]
pub(crate) struct ListRecipientsArgs {
    #[command(flatten)]
    output: OutputArgs,
}

/// Review and accept changed recipients
#[derive(Args, Debug)]
#[command(after_help = "\
The command shows how the recipients differ from those that you accepted, and asks. Until you accept
them, no secret can be set. Otherwise anyone who can write to the vault could add their own key.

Example:
  fluvio-secret key recipient accept --yes")]
pub(crate) struct AcceptRecipientsArgs {
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

/// Parses a recipient. The daemon says whether it is one.
fn recipient(text: &OsStr) -> Result<String, BadArgument> {
    argument::text(text, "recipient", limits::RECIPIENT_BYTES, "key recipient")
}

fn note(text: &OsStr) -> Result<String, BadArgument> {
    argument::text(text, "note", limits::NOTE_BYTES, "key recipient")
}

pub(super) fn recipients(command: RecipientCommand) -> Result<(), CliError> {
    match command {
        RecipientCommand::Add(args) => add(args),
        RecipientCommand::Remove(args) => remove(args),
        RecipientCommand::List(args) => list(&args),
        RecipientCommand::Accept(args) => accept(args.yes),
    }
}

fn list(args: &ListRecipientsArgs) -> Result<(), CliError> {
    let recipients = client()?.call(GetRecipients)?;
    let all = &recipients.recipients;
    let row = |one: &ListedRecipient| {
        [one.recipient.clone(), one.note.clone().unwrap_or_default(), state(one).to_owned()]
    };
    let printed = format::print(
        args.output.format,
        || {
            let rows: Vec<_> = all.iter().map(row).collect();
            format::table(["Recipient", "Note", "State"], &rows)
        },
        || all,
    );
    say_state(&recipients);
    printed
}

fn state(one: &ListedRecipient) -> &'static str {
    match (one.own, one.listed, one.accepted) {
        (true, true, _) => "this machine",
        (true, false, _) => "this machine, not in the vault's list",
        (false, true, true) => "accepted",
        (false, true, false) => "not accepted",
        (false, false, _) => "accepted, not in the vault's list",
    }
}

fn add(args: AddRecipientArgs) -> Result<(), CliError> {
    let AddRecipientArgs { note, recipient } = args;
    let shown = recipient.trim().to_owned();
    let resealed = reseal(AddRecipient { recipient, note })?;
    output::confirm(&format!("Recipient \"{shown}\" added successfully ({})", summary(&resealed)));
    say_rest(&resealed);
    Ok(())
}

fn remove(args: RemoveRecipientArgs) -> Result<(), CliError> {
    let recipient = args.recipient;
    let shown = recipient.trim().to_owned();
    let resealed = reseal(RemoveRecipient { recipient })?;
    output::confirm(&format!(
        "Recipient \"{shown}\" removed successfully ({})",
        summary(&resealed)
    ));
    output::say(ABOUT_THE_REMOVED);
    say_rest(&resealed);
    Ok(())
}

const ABOUT_THE_REMOVED: &str = "\
note: the removed recipient may know the values, and can still decrypt older copies of the vault
help: replace each value that it must not know, then run: fluvio-secret set NAME";

fn accept(yes: bool) -> Result<(), CliError> {
    let recipients = client()?.call(GetRecipients)?;
    let differences = differences(&recipients);
    if differences.is_empty() && recipients.unfinished.is_none() {
        return output::print("You have already accepted the vault's recipients");
    }
    if !differences.is_empty() {
        output::print(&differences)?;
        if !yes {
            question::ask("Encrypt secrets for these recipients from now on?", "accepted")?;
        }
    }
    let listed = recipients.recipients.into_iter().filter(|one| one.listed);
    let listed: Vec<_> = listed.map(|one| one.recipient).collect();
    let resealed = reseal(AcceptRecipients { recipients: listed })?;
    output::confirm(&format!(
        "{} accepted successfully ({})",
        format::count(resealed.recipients, "recipient"),
        summary(&resealed)
    ));
    say_rest(&resealed);
    Ok(())
}

/// What the vault's list has that was not accepted, and the reverse; nothing when they are the same.
fn differences(recipients: &Recipients) -> String {
    if recipients.recipients.iter().all(|one| one.listed == one.accepted) {
        return String::new();
    }
    let mut text =
        format!("{}, compared with the recipients that you accepted:\n", recipients.file);
    for one in &recipients.recipients {
        let sign = match (one.listed, one.accepted) {
            (true, false) => '+',
            (false, _) => '-',
            (true, true) => ' ',
        };
        let note = one.note.as_ref().map(|note| format!("  {note}")).unwrap_or_default();
        text += &format!("{sign} {}{note}\n", one.recipient);
    }
    text
}

#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::{ListedRecipient, Recipients};

    use super::differences;

    fn one(recipient: &str, note: &str, listed: bool, accepted: bool) -> ListedRecipient {
        let note = Some(note.to_owned()).filter(|note| !note.is_empty());
        ListedRecipient { recipient: recipient.to_owned(), note, own: false, listed, accepted }
    }

    #[test]
    fn differences_are_told_with_what_stays() {
        let mut recipients = Recipients {
            recipients: vec![one("age1a", "", true, true), one("age1b", "bob", true, false)],
            file: "/v/.recipients".to_owned(),
            unfinished: None,
        };
        recipients.recipients.push(one("age1c", "", false, true));
        assert_eq!(
            differences(&recipients),
            "/v/.recipients, compared with the recipients that you accepted:\n  age1a\n+ age1b  bob\n- age1c\n"
        );
        recipients.recipients.truncate(1);
        assert_eq!(differences(&recipients), "");
    }
}
