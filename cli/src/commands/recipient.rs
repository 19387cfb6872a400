//! `key recipient`: who can open the secrets.

use std::io::{self, IsTerminal};

use fluvio_secret_protocol::{AddRecipient, ListedRecipient, Recipients};
use serde::Serialize;

use super::client;
use super::rekey::{reseal, say_finished, say_kept, say_left, say_state, summary};
use crate::args::Format;
use crate::error::CliError;
use crate::question::is_yes;
use crate::{format, output};

/// A recipient, for programs.
#[derive(Serialize)]
struct Recipient<'a> {
    recipient: &'a str,
    note: Option<&'a str>,
    own: bool,
    listed: bool,
    accepted: bool,
}

impl<'a> Recipient<'a> {
    fn of(one: &'a ListedRecipient) -> Self {
        let ListedRecipient { recipient, note, own, listed, accepted } = one;
        let (own, listed, accepted) = (*own, *listed, *accepted);
        Self { recipient, note: note.as_deref(), own, listed, accepted }
    }
}

pub(crate) fn list_recipients(form: Format) -> Result<(), CliError> {
    let recipients = client()?.recipients()?;
    let all = &recipients.recipients;
    let row = |one: &ListedRecipient| {
        [one.recipient.clone(), one.note.clone().unwrap_or_default(), state(one).to_owned()]
    };
    let printed = format::print(
        form,
        || {
            let rows: Vec<_> = all.iter().map(row).collect();
            format::table(["Recipient", "Note", "State"], &rows)
        },
        || all.iter().map(Recipient::of).collect::<Vec<_>>(),
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

pub(crate) fn add_recipient(recipient: String, note: Option<String>) -> Result<(), CliError> {
    let told = recipient.trim().to_owned();
    let add = AddRecipient { recipient, note };
    let resealed = reseal(|client, progress| client.add_recipient(add, progress))?;
    output::confirm(&format!("Recipient \"{told}\" added successfully ({})", summary(&resealed)));
    say_kept(&resealed);
    say_finished(&resealed);
    say_left(&resealed);
    Ok(())
}

pub(crate) fn remove_recipient(recipient: String) -> Result<(), CliError> {
    let told = recipient.trim().to_owned();
    let resealed = reseal(|client, progress| client.remove_recipient(recipient, progress))?;
    output::confirm(&format!("Recipient \"{told}\" removed successfully ({})", summary(&resealed)));
    output::say(ABOUT_THE_REMOVED);
    say_kept(&resealed);
    say_finished(&resealed);
    say_left(&resealed);
    Ok(())
}

const ABOUT_THE_REMOVED: &str = "\
note: what the removed one could open until now it may have kept, and copies of the vault from before, as
      in git or in a backup, it still opens. Whatever it should not know any more has to be changed where
      it is used, and set anew with: fluvio secret set NAME";

pub(crate) fn accept_recipients(yes: bool) -> Result<(), CliError> {
    let recipients = client()?.recipients()?;
    let differences = differences(&recipients);
    if differences.is_empty() && recipients.unfinished.is_none() {
        return output::print(
            "The vault's recipients are those that were accepted on this machine",
        );
    }
    if !differences.is_empty() {
        output::print(&differences)?;
        if !yes && !io::stdin().is_terminal() {
            return Err(CliError::Unasked);
        }
        if !yes && !is_yes("Seal secrets to these recipients from now on?")? {
            return Err(CliError::Declined("accepted"));
        }
    }
    let listed = recipients.recipients.into_iter().filter(|one| one.listed);
    let listed: Vec<_> = listed.map(|one| one.recipient).collect();
    let resealed = reseal(|client, progress| client.accept_recipients(listed, progress))?;
    output::confirm(&format!(
        "{} accepted successfully ({})",
        format::count(resealed.recipients, "recipient"),
        summary(&resealed)
    ));
    say_kept(&resealed);
    say_finished(&resealed);
    say_left(&resealed);
    Ok(())
}

/// What the vault's list has that was not accepted, and the reverse; nothing when they are the same.
fn differences(recipients: &Recipients) -> String {
    if recipients.recipients.iter().all(|one| one.listed == one.accepted) {
        return String::new();
    }
    let mut text = format!("{}, against what was accepted on this machine:\n", recipients.file);
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
            "/v/.recipients, against what was accepted on this machine:\n  age1a\n+ age1b  bob\n- age1c\n"
        );
        recipients.recipients.truncate(1);
        assert_eq!(differences(&recipients), "");
    }
}
