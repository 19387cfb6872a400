//! `sync`: replicates a vault over a topic of Fluvio.

mod compact;
mod following;
mod join;
pub(crate) mod remark;
mod start;
mod status;

use std::ffi::OsStr;
use std::path::Path;

use clap::{Args, Subcommand};
use fluvio_secret_protocol::{ListVaults, VaultAddress, limits};

pub(crate) use self::following::{EndWithParentArgs, end_with_parent};
use crate::argument::{self, BadArgument};
use crate::connection::{client, places};
use crate::error::CliError;
use crate::sync::sync_config::{self, ReplicatedVault};
use crate::sync::sync_error::SyncError;
use crate::sync::sync_places::SyncPlaces;
use crate::vault_choice::{self, VaultArgs};

/// The topic of a vault, unless you name another one.
const DEFAULT_TOPIC: &str = "fluvio-secrets";
/// Bytes of a topic's name that leave room for a number behind it.
const TOPIC_NAME_BYTES: usize = limits::TOPIC_BYTES - 8;

/// Replicate a vault over a Fluvio topic
#[derive(Debug, Subcommand)]
#[command(
    after_help = "\
A secret that you set on one machine is on all of them within a second, and `watch` and `run --watch`
restart the connectors that use it. The topic is in the Fluvio cluster that you use already. It has
encrypted records only. Fluvio's own program `fluvio` reads and writes it, with your profile.

Example:
  fluvio-secret sync start",
    disable_help_subcommand = true
)]
pub(crate) enum SyncCommand {
    Start(start::StartSyncArgs),
    Join(join::JoinTopicArgs),
    Status(status::SyncStatusArgs),
    Now(following::SyncNowArgs),
    Stop(following::StopSyncArgs),
    Leave(following::LeaveTopicArgs),
    Run(following::RunSyncArgs),
    Compact(compact::CompactTopicArgs),
}

/// The topic of a vault.
#[derive(Args, Debug)]
struct TopicArgs {
    /// Name of the topic [default: fluvio-secrets]
    #[arg(long, value_name = "TOPIC", value_parser = argument::parsed(topic))]
    topic: Option<String>,
}

pub(super) fn sync(command: SyncCommand) -> Result<(), CliError> {
    match command {
        SyncCommand::Start(args) => start::start(&args),
        SyncCommand::Join(args) => join::join(args),
        SyncCommand::Status(args) => status::status(&args),
        SyncCommand::Now(args) => following::now(&args),
        SyncCommand::Stop(args) => following::stop(&args),
        SyncCommand::Leave(args) => following::leave(&args),
        SyncCommand::Run(args) => following::run(&args),
        SyncCommand::Compact(args) => compact::compact(&args),
    }
}

/// Parses the name of a topic, as Fluvio takes it.
fn topic(text: &OsStr) -> Result<String, BadArgument> {
    let topic = argument::text(text, "name of the topic", TOPIC_NAME_BYTES, "sync")?;
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_name = !topic.is_empty() && topic.chars().all(is_allowed);
    match is_name && !topic.starts_with('-') && !topic.ends_with('-') {
        true => Ok(topic),
        false => {
            let why = "the name of a topic has lowercase letters, digits and - in it".to_owned();
            Err(BadArgument::new(why, "sync"))
        }
    }
}

fn sync_places() -> Result<SyncPlaces, CliError> {
    let places = places()?;
    places.prepare().map_err(|error| CliError::Client(error.into()))?;
    Ok(SyncPlaces::of(&places))
}

/// The vault that the command is about, which is replicated. Asks no daemon.
fn replicated(vault: &VaultArgs) -> Result<ReplicatedVault, CliError> {
    let address = vault.here()?;
    vault_choice::note(address.as_ref());
    find(&sync_places()?, address.as_ref())?.ok_or_else(|| SyncError::NotReplicated.into())
}

/// The replication of a vault, at the place where the vault is now.
fn find(
    places: &SyncPlaces,
    address: Option<&VaultAddress>,
) -> Result<Option<ReplicatedVault>, SyncError> {
    let is_it = |vault: &ReplicatedVault| match address {
        Some(address) => vault.id == address.id,
        None => vault.path.is_none(),
    };
    let found = sync_config::all(places)?.into_iter().find(is_it);
    let path = address.map(|address| address.path.clone());
    Ok(found.map(|vault| ReplicatedVault { path, ..vault }))
}

/// The id of a vault. Starts a daemon, which makes the personal vault if it was never used.
fn id_of(address: Option<&VaultAddress>) -> Result<String, CliError> {
    if let Some(address) = address {
        return Ok(address.id.clone());
    }
    let vaults = client()?.collect(ListVaults)?;
    let personal = vaults.into_iter().find(|vault| vault.personal);
    Ok(personal.map(|vault| vault.id).unwrap_or_default())
}

/// What follows a command that is about a vault: the option that names it, if the command named it.
fn option(vault: &VaultArgs) -> String {
    use fluvio_secret_system::shell;
    match vault.value() {
        Some(value) => format!(" --vault {}", shell::path(Path::new(value))),
        None => String::new(),
    }
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
