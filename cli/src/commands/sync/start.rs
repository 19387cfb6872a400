//! `sync start`: replicates a vault, and follows its topic from then on.

use clap::Args;
use fluvio_secret_protocol::{ClientError, Code, Members, VaultAddress};

use super::replicated::{TopicArgs, id_of, prepared_places, say_later, say_not_member, say_waits};
use crate::connection::client_about;
use crate::error::CliError;
use crate::members::{Standing, members, own};
use crate::output;
use crate::sync::announcements::{self, are_of_others};
use crate::sync::engine::Engine;
use crate::sync::event::TopicFailure;
use crate::sync::fluvio::FluvioProgram;
use crate::sync::next_step::{DEFAULT_TOPIC, SYNC_START, to_join};
use crate::sync::process;
use crate::sync::replicator::{Replicator, SyncGoal};
use crate::sync::sync_config::{self, ReplicatedVault};
use crate::sync::sync_error::SyncError;
use crate::sync::sync_log::SyncLog;
use crate::sync::sync_places::SyncPlaces;
use crate::vault_choice::{self, VaultArgs};

/// Publish a vault over a topic and follow it
#[derive(Args, Debug)]
#[command(after_help = "\
On the machine of an admin, the command creates the topic unless it is there. It publishes all that
the vault has and the topic lacks, and takes what others have published. Then a process in the
background follows the topic, until `sync stop`. After the machine was restarted, run the command
again, or enable the unit fluvio-secret-sync.service of systemd. The process then starts even if the
vault is locked or the cluster is away.

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

/// What is needed to begin.
struct SyncStart {
    places: SyncPlaces,
    fluvio: FluvioProgram,
    /// The command itself, with the vault.
    command: String,
}

pub(super) fn start(args: &StartSyncArgs) -> Result<(), CliError> {
    let address = args.vault.here()?;
    vault_choice::note(address.as_ref());
    let (places, fluvio) = (prepared_places()?, FluvioProgram::find()?);
    refuse_unregistered(address.as_ref())?;
    let id = id_of(address.as_ref())?;
    let named = args.topic.topic.clone();
    let path = address.map(|address| address.path);
    let start = SyncStart { places, fluvio, command: args.vault.append_to(SYNC_START) };
    match sync_config::of(&start.places, &id)? {
        Some(known) if named.as_ref().is_some_and(|topic| *topic != known.topic) => {
            let leave = args.vault.append_to("fluvio-secret sync leave");
            Err(SyncError::OtherTopic { topic: known.topic, leave }.into())
        }
        Some(known) => start.again(&ReplicatedVault { path, ..known }),
        None => {
            let topic = named.unwrap_or_else(|| DEFAULT_TOPIC.to_owned());
            start.first(&ReplicatedVault { id, path, topic, generation: 1 })
        }
    }
}

/// Fails if the vault is not registered: until it is, a process would wait in vain.
fn refuse_unregistered(address: Option<&VaultAddress>) -> Result<(), CliError> {
    let Some(address) = address else { return Ok(()) };
    // Without a daemon, a process waits for it.
    let Ok(mut client) = client_about(Some(address.clone())) else { return Ok(()) };
    match members(&mut client) {
        Err(ClientError::Refused(refusal)) if refusal.code == Code::Vault => {
            Err(ClientError::Refused(refusal).into())
        }
        _ => Ok(()),
    }
}

impl SyncStart {
    /// Begins to replicate a vault.
    fn first(&self, vault: &ReplicatedVault) -> Result<(), CliError> {
        let topics = self.topics()?;
        let ReplicatedVault { id, topic, path, .. } = vault;
        if self.listed(vault)?.0 == Standing::Stranger {
            let (topic, path) = (topic.clone(), path.clone());
            return Err(SyncError::NotMember { topic, path }.into());
        }
        // A machine that has not joined yet has a new vault, which must not be published there.
        if topics.contains(topic) && are_of_others(&announcements::read(&self.fluvio, topic)?, id) {
            return Err(SyncError::OtherVault { topic: topic.clone(), path: path.clone() }.into());
        }
        let is_created = self.create(vault, &topics)?;
        sync_config::remember(&self.places, vault)?;
        let equal = make_equal(&self.places, &self.fluvio, vault.clone());
        if equal.is_err() {
            // What did not begin is not to be shown as stopped.
            sync_config::forget(&self.places, &vault.id)?;
        }
        self.follow(equal?, is_created)
    }

    /// Replicates a vault again, as after a boot. The process starts even if it has to wait.
    fn again(&self, vault: &ReplicatedVault) -> Result<(), CliError> {
        sync_config::remember(&self.places, vault)?;
        let published = || {
            let is_created = self.create(vault, &self.topics()?)?;
            Ok((make_equal(&self.places, &self.fluvio, vault.clone())?, is_created))
        };
        match published() {
            Ok((equal, is_created)) => self.follow(equal, is_created),
            Err(error) => {
                process::start(&self.places, &self.fluvio, vault)?;
                output::confirm(&format!("Process for the topic \"{}\" started", vault.topic));
                say_later("note: the process waits, and then tries again", &error);
                Ok(())
            }
        }
    }

    fn follow(
        &self,
        (replicator, vault): (Replicator, ReplicatedVault),
        is_created: bool,
    ) -> Result<(), CliError> {
        process::start(&self.places, &self.fluvio, &vault)?;
        let (topic, path) = (&vault.topic, vault.path.as_deref());
        let (standing, listed) = self.listed(&vault)?;
        output::confirm(&match (&standing, is_created) {
            (Standing::Applicant(_), _) => {
                format!("Request to join published on the topic \"{topic}\" successfully")
            }
            (Standing::Stranger, _) => format!("Process for the topic \"{topic}\" started"),
            (_, true) => format!("Topic \"{topic}\" created, and the vault published successfully"),
            _ => format!("Vault replicated over the topic \"{topic}\" successfully"),
        });
        if replicator.has_foreign() {
            output::say("note: the topic also has records of other vaults or programs");
        }
        match (&standing, own(&listed.members)) {
            (Standing::Applicant(own), _) => say_waits(path, listed.waits_for.as_deref(), own),
            (Standing::Stranger, _) => say_not_member(&vault),
            (Standing::Admin, Some(own)) => {
                output::say(&format!("help: {}", to_join(path, &own.fingerprint, topic)));
            }
            // The first secret makes the list of members.
            (Standing::Admin, None) => output::say(&format!(
                "note: the vault has no secrets yet, and no members\n\
                 help: set a secret, and then see how another machine joins with: {}",
                self.command
            )),
            (Standing::Writer | Standing::Reader, _) => {}
        }
        Ok(())
    }

    /// What this machine may do with the vault, and the members.
    fn listed(&self, vault: &ReplicatedVault) -> Result<(Standing, Members), CliError> {
        let listed = members(&mut client_about(vault.address())?)?;
        Ok((Standing::of(&listed), listed))
    }

    fn topics(&self) -> Result<Vec<String>, SyncError> {
        self.fluvio.topics().map_err(|failure| call_failed("list the topics", failure))
    }

    /// Creates the topic if it is missing. Returns whether it did.
    fn create(&self, vault: &ReplicatedVault, topics: &[String]) -> Result<bool, CliError> {
        let topic = &vault.topic;
        if topics.contains(topic) {
            return Ok(false);
        }
        // Before the first list of members, this machine is to make it.
        if self.listed(vault)?.0 != Standing::Admin {
            let (topic, path) = (topic.clone(), vault.path.clone());
            return Err(SyncError::NoTopic { topic, path }.into());
        }
        let what = format!("create the topic {topic}");
        self.fluvio.create_topic(topic).map_err(|failure| call_failed(&what, failure))?;
        Ok(true)
    }
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
