//! `sync compact`: moves a vault to a new topic, so that what was removed from it is in no topic any more.

use clap::Args;
use fluvio_secret_protocol::{SyncDocument, SyncDocumentKey};

use super::replicated::{prepared_places, replicated};
use super::start::call_failed;
use crate::error::CliError;
use crate::output;
use crate::question;
use crate::sync::engine::Engine;
use crate::sync::fluvio::FluvioProgram;
use crate::sync::replicator::{Replicator, SyncGoal};
use crate::sync::sync_config::{self, ReplicatedVault};
use crate::sync::sync_error::SyncError;
use crate::sync::sync_log::SyncLog;
use crate::sync::sync_places::SyncPlaces;
use crate::sync::topic_name;
use crate::sync::vault_link::VaultLink;
use crate::vault_choice::VaultArgs;

/// Move a vault to a new topic without earlier records
#[derive(Args, Debug)]
#[command(after_help = "\
A record cannot be removed from a topic. So after you have purged a secret, rotated a key or removed
a member, the earlier records are still there, encrypted for the earlier keys. The command publishes
what the vault has on a new topic, announces it, and deletes the old one. The other machines follow.
Only an admin can do this.

Example:
  fluvio-secret sync compact
  fluvio-secret sync compact --yes")]
pub(crate) struct CompactTopicArgs {
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,

    /// Keep the old topic
    #[arg(long)]
    keep: bool,

    #[command(flatten)]
    vault: VaultArgs,
}

struct Compaction {
    places: SyncPlaces,
    fluvio: FluvioProgram,
    link: VaultLink,
}

pub(super) fn compact(args: &CompactTopicArgs) -> Result<(), CliError> {
    let vault = replicated(&args.vault)?;
    let (places, fluvio) = (prepared_places()?, FluvioProgram::find()?);
    if !args.yes {
        let question = match args.keep {
            true => format!("Move the vault from the topic {} to a new one?", vault.topic),
            false => {
                format!("Move the vault to a new topic, and delete the topic {}?", vault.topic)
            }
        };
        question::ask(&question, "changed")?;
    }
    let link = VaultLink::new(vault.address());
    Compaction { places, fluvio, link }.run(vault, args.keep)
}

impl Compaction {
    fn run(mut self, old: ReplicatedVault, keep: bool) -> Result<(), CliError> {
        // What others have published comes first, or the new topic would lack it.
        let old = self.make_equal(old, SyncGoal::Equal)?.vault().clone();
        let new = topic_name::next(&old);
        // It may be of a stranger, or of a compaction that was stopped, and then has what was removed since.
        if self.has_topic(&new.topic)? {
            return Err(SyncError::Exists { topic: new.topic }.into());
        }
        // Before anything is created: only an admin may announce a topic.
        let announcement = self.announcement(&new)?;
        let what = format!("create the topic {}", new.topic);
        self.fluvio.create_topic(&new.topic).map_err(|failure| call_failed(&what, failure))?;
        self.make_equal(new.clone(), SyncGoal::EqualHere)?;
        self.fluvio
            .produce_once(&old.topic, &old.id, &announcement.bytes)
            .map_err(|failure| call_failed("announce the new topic", failure))?;
        let read = self.make_equal(old.clone(), SyncGoal::EqualHere)?;
        if !read.has_document(&announcement.id) {
            let cause = "the announcement does not arrive".to_owned();
            return Err(SyncError::Call { what: "announce the new topic".to_owned(), cause }.into());
        }
        sync_config::move_to(&self.places, &new.id, &new.topic, new.generation)?;
        // What others have published on the old topic in the meantime.
        self.make_equal(new.clone(), SyncGoal::EqualHere)?;
        output::confirm(&format!("Vault moved to the topic \"{}\" successfully", new.topic));
        self.delete(&old, keep, read.has_foreign(), &announcement)
    }

    fn make_equal(&self, vault: ReplicatedVault, goal: SyncGoal) -> Result<Replicator, CliError> {
        let (places, fluvio) = (self.places.clone(), self.fluvio.clone());
        Engine::new(places, fluvio, vault, goal, SyncLog::Terminal).make_equal()
    }

    fn has_topic(&self, topic: &str) -> Result<bool, SyncError> {
        let topics = self.fluvio.topics();
        let topics = topics.map_err(|failure| call_failed("list the topics", failure))?;
        Ok(topics.iter().any(|one| one == topic))
    }

    fn announcement(&mut self, new: &ReplicatedVault) -> Result<SyncDocument, CliError> {
        match self.link.announce(&new.topic, new.generation) {
            Ok(Some(announcement)) => Ok(announcement),
            Ok(None) => Err(SyncError::NotAdmin.into()),
            Err(failure) => Err(SyncError::from(failure).into()),
        }
    }

    /// Deletes the old topic. A machine that was away finds another one of its name, with the lists of members and the
    /// announcement.
    fn delete(
        &mut self,
        old: &ReplicatedVault,
        keep: bool,
        has_foreign: bool,
        announcement: &SyncDocument,
    ) -> Result<(), CliError> {
        let topic = &old.topic;
        if keep || has_foreign {
            if has_foreign {
                output::say("note: the old topic has records of other vaults or programs");
            }
            output::say(&format!(
                "note: the old topic still has the earlier records\n\
                 help: when no machine needs it any more, run: fluvio topic delete {topic}"
            ));
            return Ok(());
        }
        let what = format!("delete the topic {topic}");
        self.fluvio.delete_topic(topic).map_err(|failure| call_failed(&what, failure))?;
        output::confirm(&format!("Topic \"{topic}\" deleted successfully"));
        self.leave_announcement(old, announcement)
    }

    fn leave_announcement(
        &mut self,
        old: &ReplicatedVault,
        announcement: &SyncDocument,
    ) -> Result<(), CliError> {
        let what = "announce the new topic to machines that are away";
        let failed = |failure| call_failed(what, failure);
        self.fluvio.create_topic(&old.topic).map_err(failed)?;
        let mut documents = Vec::new();
        for listed in self.link.list(&[]).map_err(SyncError::from)? {
            if matches!(listed.key, SyncDocumentKey::Members { .. }) {
                documents.extend(self.link.get(&listed.key).map_err(SyncError::from)?);
            }
        }
        for document in documents.iter().chain([announcement]) {
            let sent = self.fluvio.produce_once(&old.topic, &old.id, &document.bytes);
            sent.map_err(failed)?;
        }
        Ok(())
    }
}
