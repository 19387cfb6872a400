//! What the commands share that re-encrypt all secrets: the progress, and what is printed.

use fluvio_secret_protocol::{
    Call, ClientError, GetKey, GetStatus, ListedRecipient, Recipients, Reencrypted, Reencrypting,
    Secret, Unfinished,
};

use crate::connection::client;
use crate::error::CliError;
use crate::format::count;
use crate::output;
use crate::passphrase::{self, PassphraseArgs};
use crate::progress::Progress;

/// Has the daemon do it, and shows on a terminal how far it is.
pub(super) fn reseal<C>(request: C) -> Result<Reencrypted, CliError>
where
    C: Call<Answer = Reencrypted>,
{
    let mut client = client()?;
    let mut progress = Progress::begin();
    let resealed = client.call_with_progress(request, |Reencrypting { done, all }| {
        progress.show(done, all);
    });
    drop(progress);
    resealed.map_err(|error| match error {
        ClientError::Broken(source) => CliError::Resealing(source),
        error => error.into(),
    })
}

/// The passphrase that a new identity file gets: that of the current one, if it has one.
pub(super) fn kept_passphrase(args: &PassphraseArgs) -> Result<Option<Secret>, CliError> {
    let mut client = client()?;
    let has_one = client.call(GetKey)?.passphrase == Some(true);
    // While locked the daemon says what is first to be done.
    if !has_one || client.call(GetStatus)?.locked {
        return Ok(None);
    }
    passphrase::read(args).map(Some)
}

pub(super) fn summary(resealed: &Reencrypted) -> String {
    format!(
        "{} and {} re-encrypted for {}",
        count(resealed.secrets, "secret"),
        count(resealed.versions, "earlier version"),
        count(resealed.recipients, "recipient")
    )
}

pub(super) fn say_rest(resealed: &Reencrypted) {
    say_kept(resealed);
    say_finished(resealed);
    say_left(resealed);
}

fn say_left(resealed: &Reencrypted) {
    if !resealed.left.is_empty() {
        let names: Vec<_> = resealed.left.iter().map(|name| format!("`{name}`")).collect();
        output::say(&format!(
            "warning: some versions could not be decrypted and stay as they are, of {}",
            names.join(", ")
        ));
    }
}

fn say_kept(resealed: &Reencrypted) {
    if let Some(kept) = &resealed.kept {
        output::say(&format!(
            "note: {kept} keeps the old key as retired, to decrypt older copies of the vault\nhelp: remove it with: fluvio-secret key retire"
        ));
    }
}

/// Says what was begun before, and is finished now, too.
fn say_finished(resealed: &Reencrypted) {
    match resealed.finished {
        Some(Unfinished::Identity) => {
            output::say("note: an earlier change of the identity is now finished");
        }
        Some(Unfinished::Recipients) => {
            output::say("note: an earlier change of the recipients is now finished");
        }
        None => {}
    }
}

/// Says what is to be done about the recipients, if anything is.
pub(super) fn say_state(recipients: &Recipients) {
    let is_new = |one: &ListedRecipient| one.listed != one.accepted;
    match recipients.unfinished {
        Some(Unfinished::Identity) => output::say(
            "note: a change of the identity is not finished\nhelp: finish it with: fluvio-secret key rotate",
        ),
        Some(Unfinished::Recipients) => output::say(
            "note: not all secrets are encrypted for these recipients yet\nhelp: finish it with: fluvio-secret key recipient accept",
        ),
        None if recipients.recipients.iter().any(is_new) => output::say(
            "note: you have not accepted these recipients\nhelp: review and accept them with: fluvio-secret key recipient accept",
        ),
        None => {}
    }
}
