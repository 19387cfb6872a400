//! `sync start`: replicates a vault, and follows its topic from then on.

use clap::Args;
use fluvio_secret_protocol::{Role, VaultAddress};

use super::replicated::{DEFAULT_TOPIC, TopicArgs, id_of, sync_places};
use crate::connection::client_about;
use crate::error::CliError;
use crate::members::members;
use crate::output;
use crate::sync::engine::Engine;
use crate::sync::event::TopicFailure;
use crate::sync::fluvio::FluvioProgram;
use crate::sync::process;
use crate::sync::replicator::{Replicator, SyncGoal};
use crate::sync::sync_config::{self, ReplicatedVault};
use crate::sync::sync_error::SyncError;
use crate::sync::sync_log::SyncLog;
use crate::sync::sync_places::SyncPlaces;
use crate::sync::topic_name;
use crate::vault_choice::{self, VaultArgs};

/// Publish a vault over a topic and follow it
#[derive(Args, Debug)]
#[command(after_help = "\
On the machine of an admin, the command creates the topic unless it is there. It publishes all that
the vault has and the topic lacks, and takes what others have published. Then a process in the
background follows the topic, until `sync stop`. After the machine was restarted, run the command
again, or enable the unit fluvio-secret-sync.service of systemd.

A member that has the vault by another way, such as git, runs it also. Another machine runs
`sync join`. Use a topic of its own for each vault.

Example:
  fluvio-secret sync start
  fluvio-secret sync start --topic weather-secrets")]
pub(crate) struct StartSyncArgs {
    #[command(flatten)]
    topic: TopicArgs,

    #[command(flatten)]
    vault: VaultArgs,
}

/// Who this machine is in a vault.
struct OwnMember {
    fingerprint: String,
    is_admin: bool,
}

pub(super) fn start(args: &StartSyncArgs) -> Result<(), CliError> {
    let address = args.vault.here()?;
    vault_choice::note(address.as_ref());
    let (places, fluvio) = (sync_places()?, FluvioProgram::find()?);
    let id = id_of(address.as_ref())?;
    let own = own_member(address.clone())?;
    let named = args.topic.topic.clone();
    let path = address.map(|address| address.path);
    let vault = match sync_config::of(&places, &id)? {
        Some(known) if named.as_ref().is_some_and(|topic| *topic != known.topic) => {
            return Err(SyncError::OtherTopic { topic: known.topic }.into());
        }
        Some(known) => ReplicatedVault { path, ..known },
        None => {
            let topic = named.unwrap_or_else(|| DEFAULT_TOPIC.to_owned());
            ReplicatedVault { id, path, topic, generation: 1 }
        }
    };
    let is_created = create(&fluvio, &vault, own.as_ref())?;
    sync_config::remember(&places, &vault)?;
    let (replicator, vault) = make_equal(&places, &fluvio, vault)?;
    process::start(&places, &fluvio, &vault)?;
    let topic = &vault.topic;
    output::confirm(&match is_created {
        true => format!("Topic \"{topic}\" created, and the vault published successfully"),
        false => format!("Vault replicated over the topic \"{topic}\" successfully"),
    });
    if replicator.has_foreign() {
        output::say("note: the topic also has records of other vaults or programs");
    }
    if let Some(OwnMember { fingerprint, is_admin: true }) = own {
        // A machine that joins finds the newest topic by the name of the first one.
        let first = topic_name::nth(topic, vault.generation, 1);
        let option = if first == DEFAULT_TOPIC { "" } else { &format!(" --topic {first}") };
        output::say(&format!(
            "help: another machine joins with: fluvio-secret sync join --admin {fingerprint}{option}"
        ));
    }
    Ok(())
}

/// Creates the topic if it is missing and no later one is there. Returns whether it did.
fn create(
    fluvio: &FluvioProgram,
    vault: &ReplicatedVault,
    own: Option<&OwnMember>,
) -> Result<bool, SyncError> {
    let ReplicatedVault { topic, generation, .. } = vault;
    let topics = fluvio.topics().map_err(|failure| call_failed("list the topics", failure))?;
    if topics.contains(topic) || topic_name::newest_after(topic, *generation, &topics).is_some() {
        return Ok(false);
    }
    // Without an own entry, the list of members is still to be made, by this machine.
    if own.is_some_and(|own| !own.is_admin) {
        return Err(SyncError::NoTopic { topic: topic.clone() });
    }
    let what = format!("create the topic {topic}");
    fluvio.create_topic(topic).map_err(|failure| call_failed(&what, failure))?;
    Ok(true)
}

pub(super) fn call_failed(what: &str, failure: TopicFailure) -> SyncError {
    SyncError::Call { what: what.to_owned(), cause: failure.cause }
}

/// Publishes and takes everything. Returns the vault as it is then: it may have moved to another topic.
pub(super) fn make_equal(
    places: &SyncPlaces,
    fluvio: &FluvioProgram,
    vault: ReplicatedVault,
) -> Result<(Replicator, ReplicatedVault), CliError> {
    let (places, fluvio) = (places.clone(), fluvio.clone());
    let engine = Engine::new(places, fluvio, vault, SyncGoal::Equal, SyncLog::Terminal);
    let replicator = engine.make_equal()?;
    let vault = replicator.vault().clone();
    Ok((replicator, vault))
}

/// This machine in the list of members. `None` if it is not in it, nor has asked to be.
fn own_member(address: Option<VaultAddress>) -> Result<Option<OwnMember>, CliError> {
    let listed = members(&mut client_about(address)?)?;
    let own = listed.members.into_iter().find(|member| member.own);
    Ok(own.map(|member| OwnMember {
        is_admin: member.role == Role::Admin && !member.requested,
        fingerprint: member.fingerprint,
    }))
}
