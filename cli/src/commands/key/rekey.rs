//! What the commands share that re-encrypt all secrets: the progress, and what is printed.

use std::path::Path;

use fluvio_secret_protocol::{
    Call, ClientError, GetKey, GetStatus, Members, Reencrypted, Reencrypting, Secret, Unfinished,
    VaultAddress,
};
use fluvio_secret_system::printable;

use crate::connection::{client, client_about};
use crate::error::CliError;
use crate::format::count;
use crate::git::is_in_repository;
use crate::output;
use crate::passphrase::{self, PassphraseArgs};
use crate::progress::Progress;

/// Has the daemon do it in every vault, and shows on a terminal how far it is.
pub(in crate::commands) fn reseal<C>(request: C) -> Result<Reencrypted, CliError>
where
    C: Call<Answer = Reencrypted>,
{
    reseal_in(None, request)
}

/// The same in one vault.
pub(in crate::commands) fn reseal_in<C>(
    vault: Option<VaultAddress>,
    request: C,
) -> Result<Reencrypted, CliError>
where
    C: Call<Answer = Reencrypted>,
{
    let mut client = client_about(vault)?;
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
pub(in crate::commands) fn kept_passphrase(
    args: &PassphraseArgs,
) -> Result<Option<Secret>, CliError> {
    let mut client = client()?;
    let has_one = client.call(GetKey)?.passphrase == Some(true);
    // While locked the daemon says what is first to be done.
    if !has_one || client.call(GetStatus)?.locked {
        return Ok(None);
    }
    passphrase::read(args).map(Some)
}

pub(in crate::commands) fn summary(resealed: &Reencrypted) -> String {
    let (secrets, versions) =
        (count(resealed.secrets, "secret"), count(resealed.versions, "earlier version"));
    let done = format!("{secrets} and {versions} re-encrypted");
    match resealed.changed.len() {
        0 => format!("{done} for {}", count(resealed.members, "member")),
        // Each vault has other members.
        others => format!("{done}, including those of {}", count(others, "project vault")),
    }
}

pub(in crate::commands) fn say_rest(resealed: &Reencrypted) {
    say_kept(resealed);
    say_finished(resealed);
    say_left(resealed);
    say_others(resealed);
}

/// Says which vaults are to be committed, and which still need the old key.
fn say_others(resealed: &Reencrypted) {
    let shared = resealed.changed.iter().filter(|vault| is_in_repository(Path::new(vault)));
    for vault in shared.map(|vault| printable::line(vault)) {
        output::say(&format!(
            "help: commit and push the vault {vault}, so the other members get the change"
        ));
    }
    for waiting in resealed.waiting.iter().map(|waiting| printable::line(waiting)) {
        output::say(&format!(
            "warning: a vault is still encrypted for the old key: {waiting}\n\
             help: when that is done, run: fluvio-secret key retire"
        ));
    }
    for other in resealed.others.iter().map(|other| printable::line(other)) {
        output::say(&format!(
            "warning: a vault is still encrypted for the old key: {other}\n\
             help: when that is done, run: fluvio-secret key rotate"
        ));
    }
    if resealed.more_others > 0 {
        let more = count(resealed.more_others, "other vault");
        output::say(&format!("warning: {more} may also be encrypted for the old key"));
    }
}

fn say_left(resealed: &Reencrypted) {
    if !resealed.left.is_empty() {
        let names: Vec<_> = resealed.left.iter().map(|name| format!("`{name}`")).collect();
        output::say(&format!(
            "warning: some versions could not be decrypted or verified, and stay as they are, of {}",
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
        Some(Unfinished::Members) => {
            output::say("note: an earlier change of the members is now finished");
        }
        None => {}
    }
}

/// Says what is to be done about the members, if anything is.
pub(in crate::commands) fn say_state(members: &Members) {
    match members.unfinished {
        Some(Unfinished::Identity) => output::say(
            "note: a change of the identity is not finished\nhelp: finish it with: fluvio-secret key rotate",
        ),
        Some(Unfinished::Members) => output::say(
            "note: not all secrets are encrypted for these members yet\nhelp: finish it with: fluvio-secret member admit",
        ),
        None if members.forked => output::say(
            "note: two admins have changed the members at the same time\nhelp: bring both together with: fluvio-secret member merge",
        ),
        None => {}
    }
}
