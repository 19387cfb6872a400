//! What the commands of `sync` have in common: the vault, its topic, and the files.

use std::ffi::OsStr;
use std::fs;

use clap::Args;
use fluvio_secret_protocol::{
    ClientError, ListVaults, ListedVault, Members, VaultAddress, is_topic_name, limits,
};
use fluvio_secret_system::help::Help;

use crate::argument::{self, BadArgument};
use crate::connection::{client, places, running_client};
use crate::error::CliError;
use crate::members::{NOT_A_MEMBER, Standing, members};
use crate::output;
use crate::sync::next_step::{SYNC_START, for_admin, to_join_again};
use crate::sync::process;
use crate::sync::sync_config::{self, ReplicatedVault};
use crate::sync::sync_error::SyncError;
use crate::sync::sync_places::SyncPlaces;
use crate::vault_choice::{self, VaultArgs};

/// Bytes of a topic's name that leave room for a number behind it.
const TOPIC_NAME_BYTES: usize = limits::TOPIC_BYTES - 8;

/// The topic of a vault.
#[derive(Args, Debug)]
pub(super) struct TopicArgs {
    /// Name of the topic [default: fluvio-secrets]
    #[arg(long, value_name = "TOPIC", value_parser = argument::parsed(topic))]
    pub(super) topic: Option<String>,
}

/// Parses the name of a topic, as Fluvio takes it.
fn topic(text: &OsStr) -> Result<String, BadArgument> {
    let topic = argument::text(text, "name of the topic", TOPIC_NAME_BYTES, "sync")?;
    match is_topic_name(&topic) {
        true => Ok(topic),
        false => {
            let why = "the name of a topic has lowercase letters, digits and - in it".to_owned();
            Err(BadArgument::new(why, "sync"))
        }
    }
}

/// The files of the replication, for a command that only looks. Makes nothing.
pub(super) fn sync_places() -> Result<SyncPlaces, CliError> {
    let places = places()?;
    places.check().map_err(|error| CliError::Client(error.into()))?;
    Ok(SyncPlaces::of(&places))
}

/// The files of the replication, for a command that writes. Makes the missing directories.
pub(super) fn prepared_places() -> Result<SyncPlaces, CliError> {
    let places = places()?;
    places.prepare().map_err(|error| CliError::Client(error.into()))?;
    Ok(SyncPlaces::of(&places))
}

/// The vault that the command is about, which is replicated. Starts no daemon.
pub(super) fn replicated(vault: &VaultArgs) -> Result<ReplicatedVault, CliError> {
    let address = vault.here()?;
    vault_choice::note(address.as_ref());
    if let Some(found) = sync_config::find(&sync_places()?, address.as_ref())? {
        return Ok(found);
    }
    let path = address.as_ref().map(|address| address.path.clone());
    // Without a daemon it is not known, and the command reports it.
    let is_admin = match members_if_running(address) {
        Some(Ok(members)) => Standing::of(&members) == Standing::Admin,
        _ => true,
    };
    let help = match is_admin {
        true => Help::command("replicate it with", vault.append_to(SYNC_START)),
        false => for_admin(path.as_deref(), SYNC_START),
    };
    Err(SyncError::NotReplicated { help }.into())
}

/// The members, from a daemon that runs. `None` if none does.
pub(super) fn members_if_running(
    address: Option<VaultAddress>,
) -> Option<Result<Members, ClientError>> {
    let client = running_client().ok()??;
    Some(members(&mut client.about(address)))
}

/// The id of a vault. Starts a daemon, which makes the personal vault if it was never used.
pub(super) fn id_of(address: Option<&VaultAddress>) -> Result<String, CliError> {
    if let Some(address) = address {
        return Ok(address.id.clone());
    }
    let vaults = client()?.collect(ListVaults)?;
    let personal = vaults.into_iter().find(|vault| vault.personal);
    Ok(personal.map(|vault| vault.id).unwrap_or_default())
}

/// Stops the process of a vault, and forgets its topic.
pub(super) fn forget(places: &SyncPlaces, vault: &ReplicatedVault) -> Result<(), SyncError> {
    process::stop(places, &vault.id)?;
    sync_config::forget(places, &vault.id)?;
    // Without the entry in the configuration, it means nothing.
    let _ = fs::remove_file(places.status(&vault.id));
    Ok(())
}

/// The replication of the project's vault in this directory, which may have moved since it began. A replication of another
/// registered clone is not that of this one. `None` also if it cannot be read, because the vault is forgotten all the same.
pub(crate) fn replication_of(path: &str, registered: &[ListedVault]) -> Option<ReplicatedVault> {
    let projects = || registered.iter().filter(|vault| !vault.personal);
    let id = projects().find(|vault| vault.path == path).map(|vault| &vault.id);
    let is_of_clone = |one: &ReplicatedVault| {
        projects().any(|vault| vault.path != path && Some(&vault.path) == one.path.as_ref())
    };
    let is_it = |one: &ReplicatedVault| {
        one.path.as_deref() == Some(path) || Some(&one.id) == id && !is_of_clone(one)
    };
    sync_config::all(&sync_places().ok()?).ok()?.into_iter().find(is_it)
}

/// Ends the replication of a project's vault that was forgotten; if `for_good`, its topic is forgotten, too. Returns what
/// to say of it.
pub(crate) fn end_with_vault(vault: &ReplicatedVault, for_good: bool) -> Result<String, CliError> {
    let (places, topic) = (sync_places()?, &vault.topic);
    if for_good {
        forget(&places, vault)?;
        return Ok(format!("note: it does not follow the topic {topic} any more"));
    }
    process::stop(&places, &vault.id)?;
    let start = VaultArgs::naming_directory(vault.path.as_deref()).append_to(SYNC_START);
    Ok(format!(
        "note: its replication over the topic {topic} stopped\n\
         help: when it is registered again, start that with: {start}"
    ))
}

/// Says that this machine gets no secrets before an admin has admitted it.
pub(super) fn say_waits(path: Option<&str>, admin: Option<&str>, fingerprint: &str) {
    let admin = admin_named(admin);
    let admit = for_admin(path, format!("fluvio-secret member admit {fingerprint}"));
    output::say(&format!(
        "note: this machine waits for {admin} to admit it, and then gets the secrets\n\
         help: {admit}"
    ));
}

/// Says that this machine gets nothing of the vault, and how to ask.
pub(super) fn say_not_member(vault: &ReplicatedVault) {
    let again = to_join_again(vault.path.as_deref(), &vault.topic);
    output::say(&format!("note: {NOT_A_MEMBER}\nhelp: {again}"));
}

/// The admin whom a machine trusts, or any of those whom it knows.
pub(super) fn admin_named(admin: Option<&str>) -> String {
    admin.map_or_else(|| "an admin".to_owned(), |admin| format!("the admin {admin}"))
}

/// An error that does not end the command, with another label.
pub(super) fn say_later(label: &str, error: &CliError) {
    let text = error.text();
    output::say(&format!("{label}: {}", text.strip_prefix("error: ").unwrap_or(&text)));
}

#[cfg(test)]
mod tests {
    use super::topic;

    #[test]
    fn a_topic_has_a_name_that_fluvio_takes() {
        for good in ["fluvio-secrets", "a", "weather-2", "0", &"x".repeat(55)] {
            assert_eq!(topic(good.as_ref()).expect("a name"), good);
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a_b", "a b", "\u{fc}", &"x".repeat(56)] {
            assert!(topic(bad.as_ref()).is_err(), "{bad}");
        }
    }
}
