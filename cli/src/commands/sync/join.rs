//! `sync join`: makes a vault on this machine that is replicated over a topic.

use std::path::Path;

use clap::Args;
use fluvio_secret_protocol::{ClientError, Code, JoinTopic, Refusal, Role, TopicJoined};
use fluvio_secret_system::printable;
use fluvio_secret_system::project::PERSONAL;
use zeroize::Zeroizing;

use super::replicated::{DEFAULT_TOPIC, TopicArgs, sync_places};
use super::start::{call_failed, make_equal};
use crate::argument;
use crate::commands::member::{RequestArgs, fingerprint};
use crate::commands::secret::remarks::about_the_identity;
use crate::connection::client;
use crate::error::CliError;
use crate::output;
use crate::sync::announcements::{self, ShownAnnouncement};
use crate::sync::fluvio::FluvioProgram;
use crate::sync::process;
use crate::sync::sync_config::{self, ReplicatedVault};
use crate::sync::sync_error::SyncError;
use crate::sync::topic_name;
use crate::vault_choice::{VaultArgs, directory_of};

/// Ask over a topic to be admitted to a vault
#[derive(Args, Debug)]
#[command(after_help = "\
FINGERPRINT is that of an admin, as `member list` shows it there. Only what that admin has signed is
accepted. The command publishes a request, which grants nothing. After an admin has run
`member admit`, the secrets arrive by themselves.

The vault becomes your personal one, which must never have been used. With --vault DIR, it becomes
that of the project in DIR.

Example:
  fluvio-secret sync join --admin 0f1e2d3c4b5a69788796a5b4c3d2e1f0
  fluvio-secret sync join --admin 0f1e2d3c4b5a69788796a5b4c3d2e1f0 --role reader")]
pub(crate) struct JoinTopicArgs {
    /// Fingerprint of the admin whom you trust
    #[arg(long, value_name = "FINGERPRINT", value_parser = argument::parsed(fingerprint))]
    admin: String,

    #[command(flatten)]
    topic: TopicArgs,

    #[command(flatten)]
    request: RequestArgs,

    #[command(flatten)]
    vault: VaultArgs,
}

pub(super) fn join(args: JoinTopicArgs) -> Result<(), CliError> {
    let (places, fluvio) = (sync_places()?, FluvioProgram::find()?);
    let path = path(&args.vault)?;
    let first = args.topic.topic.unwrap_or_else(|| DEFAULT_TOPIC.to_owned());
    let topic = newest(&fluvio, &first)?;
    let shown = announcements::read(&fluvio, &topic)?;
    let role = args.request.role().unwrap_or(Role::Writer);
    let request = |announcement: &ShownAnnouncement| JoinTopic {
        announcement: Zeroizing::new(announcement.bytes.clone()),
        admin: args.admin.clone(),
        path: path.clone(),
        role,
        note: args.request.note().cloned(),
    };
    let (announcement, joined) = accepted(&shown, request)?.ok_or_else(|| {
        SyncError::NotAnnounced { admin: args.admin.clone(), topic: topic.clone() }
    })?;
    let ShownAnnouncement { topic, generation, .. } = announcement;
    let path = path.map(|_| joined.path.clone());
    let (id, topic, generation) = (joined.id.clone(), topic.clone(), *generation);
    let vault = ReplicatedVault { id, path, topic, generation };
    sync_config::remember(&places, &vault)?;
    // The vault is joined now, whatever happens to the topic.
    let published = make_equal(&places, &fluvio, vault.clone());
    let vault = published.as_ref().map_or(vault, |(_, vault)| vault.clone());
    process::start(&places, &fluvio, &vault)?;
    report(&joined, &vault.topic);
    if let Err(error) = published {
        let text = error.text();
        let cause = text.strip_prefix("error: ").unwrap_or(&text);
        output::say(&format!("warning: the request is published when that is possible: {cause}"));
    }
    Ok(())
}

/// The directory of the vault to make. `None` for the personal one.
fn path(vault: &VaultArgs) -> Result<Option<String>, CliError> {
    let path = match vault.value() {
        Some(word) if word == PERSONAL => None,
        Some(directory) => Some(directory_of(Path::new(directory))?),
        None => vault.here()?.map(|vault| vault.path.into()),
    };
    let text = |path: std::path::PathBuf| match path.to_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(CliError::NotUtf8 { path }),
    };
    path.map(text).transpose()
}

/// The newest topic of this name.
fn newest(fluvio: &FluvioProgram, first: &str) -> Result<String, SyncError> {
    let topics = fluvio.topics().map_err(|failure| call_failed("list the topics", failure))?;
    if let Some((topic, _)) = topic_name::newest_after(first, 1, &topics) {
        return Ok(topic);
    }
    match topics.iter().any(|topic| topic == first) {
        true => Ok(first.to_owned()),
        false => Err(SyncError::NoTopic { topic: first.to_owned() }),
    }
}

/// The announcement that the daemon accepts. Those of other admins are refused.
fn accepted(
    shown: &[ShownAnnouncement],
    request: impl Fn(&ShownAnnouncement) -> JoinTopic,
) -> Result<Option<(&ShownAnnouncement, TopicJoined)>, CliError> {
    for announcement in shown {
        match client()?.call(request(announcement)) {
            Ok(joined) => return Ok(Some((announcement, joined))),
            Err(ClientError::Refused(Refusal { code: Code::Members | Code::Key, .. })) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

fn report(joined: &TopicJoined, topic: &str) {
    let TopicJoined { path, fingerprint, is_member, new_identity, .. } = joined;
    let path = printable::line(path);
    output::confirm(&format!("Vault \"{path}\" joined successfully over the topic \"{topic}\""));
    if let Some(identity) = new_identity {
        output::say(&about_the_identity(identity));
    }
    if !is_member {
        output::say(&format!(
            "note: this machine waits to be admitted, and then gets the secrets by itself\n\
             help: have an admin run: fluvio-secret member admit {fingerprint}"
        ));
    }
}
