//! `sync join`: makes a vault on this machine that is replicated over a topic.

use std::ffi::OsStr;
use std::path::Path;

use clap::Args;
use fluvio_secret_protocol::{ClientError, Code, JoinTopic, Refusal, Role, TopicJoined};
use fluvio_secret_system::printable;
use fluvio_secret_system::project::{self, PERSONAL};
use zeroize::Zeroizing;

use super::replicated::{TopicArgs, forget, prepared_places, say_later, say_waits};
use super::start::{call_failed, make_equal};
use crate::argument::{self, BadArgument};
use crate::commands::member::{RequestArgs, fingerprint};
use crate::commands::secret::remarks::about_the_identity;
use crate::connection::{client, client_about};
use crate::error::CliError;
use crate::members::{members, own, word};
use crate::output;
use crate::sync::announcements::{self, ShownAnnouncement};
use crate::sync::fluvio::FluvioProgram;
use crate::sync::next_step::{DEFAULT_TOPIC, for_admin, to_join};
use crate::sync::process;
use crate::sync::sync_config::{self, ReplicatedVault};
use crate::sync::sync_error::SyncError;
use crate::vault_choice::{VaultArgs, directory_of};

/// Digits of a fingerprint.
const FINGERPRINT_DIGITS: usize = 32;

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
    #[arg(long, value_name = "FINGERPRINT", value_parser = argument::parsed(admin))]
    admin: String,

    #[command(flatten)]
    topic: TopicArgs,

    #[command(flatten)]
    request: RequestArgs,

    #[command(flatten)]
    vault: VaultArgs,
}

pub(super) fn join(args: JoinTopicArgs) -> Result<(), CliError> {
    let (places, fluvio) = (prepared_places()?, FluvioProgram::find()?);
    let path = path(&args.vault)?;
    let topic = args.topic.topic.unwrap_or_else(|| DEFAULT_TOPIC.to_owned());
    refuse_missing(&fluvio, &topic, path.as_ref())?;
    let shown = announcements::read(&fluvio, &topic)?;
    if path.is_none() {
        refuse_project(&shown, &args.admin, &topic)?;
    }
    let role = args.request.role();
    let request = |announcement: &ShownAnnouncement| JoinTopic {
        announcement: Zeroizing::new(announcement.bytes.clone()),
        admin: args.admin.clone(),
        path: path.clone(),
        role,
        note: args.request.note().cloned(),
    };
    let (announcement, joined) = accepted(&shown, request)?.ok_or_else(|| {
        let (admin, topic) = (args.admin.clone(), topic.clone());
        SyncError::NotAnnounced { admin, topic, path: path.clone() }
    })?;
    let ShownAnnouncement { topic, generation, .. } = announcement;
    let path = path.map(|_| joined.path.clone());
    let (id, topic, generation) = (joined.id.clone(), topic.clone(), *generation);
    let vault = ReplicatedVault { id, path, topic, generation };
    for earlier in sync_config::earlier_at(&places, &vault)? {
        forget(&places, &earlier)?;
    }
    sync_config::remember(&places, &vault)?;
    // The vault is joined now, whatever happens to the topic.
    let published = make_equal(&places, &fluvio, vault.clone());
    let vault = published.as_ref().map_or(vault, |(_, vault)| vault.clone());
    process::start(&places, &fluvio, &vault)?;
    report(&joined, &vault, &args.admin, role);
    if let Err(error) = published {
        say_later("warning: the request is published when that is possible", &error);
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

/// Fails if there is no topic of this name.
fn refuse_missing(
    fluvio: &FluvioProgram,
    topic: &str,
    path: Option<&String>,
) -> Result<(), SyncError> {
    let topics = fluvio.topics().map_err(|failure| call_failed("list the topics", failure))?;
    match topics.iter().any(|one| one == topic) {
        true => Ok(()),
        false => Err(SyncError::NoTopic { topic: topic.to_owned(), path: path.cloned() }),
    }
}

/// Fails in a project whose vault is on the topic: it would become the personal one.
fn refuse_project(shown: &[ShownAnnouncement], admin: &str, topic: &str) -> Result<(), CliError> {
    let here = Path::new(".").canonicalize().map_err(CliError::System)?;
    let found = here.ancestors().find_map(|project| Some((project, project::at(project).ok()?)));
    let Some((directory, vault)) = found else { return Ok(()) };
    if shown.iter().all(|one| one.vault != vault.id) {
        return Ok(());
    }
    let project = directory.to_owned();
    let command = to_join(Some(&vault.path), admin, topic).command.unwrap_or_default();
    Err(SyncError::OfProject { project, command }.into())
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

fn report(joined: &TopicJoined, vault: &ReplicatedVault, admin: &str, asked: Option<Role>) {
    let topic = &vault.topic;
    let TopicJoined { path, fingerprint, is_member, new_identity, .. } = joined;
    let path = printable::line(path);
    output::confirm(&format!("Vault \"{path}\" joined successfully over the topic \"{topic}\""));
    if let Some(identity) = new_identity {
        output::say(&about_the_identity(identity));
    }
    let path = vault.path.as_deref();
    match (role_of(vault), is_member) {
        (Some(role), true) => output::say(&role_note(role, asked)),
        // It has asked for another one.
        (Some(role), false) => {
            let admit = for_admin(path, format!("fluvio-secret member admit {fingerprint}"));
            let role = word(role);
            output::say(&format!(
                "note: this machine stays a member with the role {role} until an admin admits it again\n\
                 help: {admit}"
            ));
        }
        (None, true) => {}
        (None, false) => say_waits(path, Some(admin), fingerprint),
    }
}

/// Which role this machine has already.
fn role_of(vault: &ReplicatedVault) -> Option<Role> {
    let listed = client_about(vault.address()).and_then(|mut client| Ok(members(&mut client)?));
    // It is a hint, and no reason to fail.
    own(&listed.ok()?.members).filter(|own| !own.requested).map(|own| own.role)
}

fn role_note(role: Role, asked: Option<Role>) -> String {
    let note = format!("note: this machine is a member already, with the role {}", word(role));
    match asked.filter(|asked| *asked != role) {
        Some(asked) => {
            let request = "fluvio-secret member request";
            let asked = word(asked);
            format!("{note}\nhelp: ask for the other role with: {request} --role {asked}")
        }
        None => note,
    }
}

/// Parses the fingerprint of an admin.
fn admin(text: &OsStr) -> Result<String, BadArgument> {
    let admin = fingerprint(text)?.to_ascii_lowercase();
    match admin.len() == FINGERPRINT_DIGITS && admin.chars().all(|c| c.is_ascii_hexdigit()) {
        true => Ok(admin),
        false => {
            let why = format!("a fingerprint has {FINGERPRINT_DIGITS} digits, each 0-9 or a-f");
            Err(BadArgument::new(why, "sync"))
        }
    }
}

#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::Role;

    use super::{admin, role_note};

    #[test]
    fn an_admin_is_named_by_a_whole_fingerprint() {
        let good = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
        for text in [good, &good.to_uppercase()] {
            assert_eq!(admin(text.as_ref()).expect("a fingerprint"), good);
        }
        for bad in ["abc", "", &good[1..], &format!("{good}0"), &good.replace('0', "g")] {
            assert!(admin(bad.as_ref()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_member_learns_how_to_ask_for_another_role() {
        let note = role_note(Role::Writer, Some(Role::Reader));
        assert!(note.contains("with the role writer\n"), "{note}");
        assert!(note.ends_with("member request --role reader"), "{note}");
        for asked in [None, Some(Role::Writer)] {
            assert!(!role_note(Role::Writer, asked).contains("help"));
        }
    }
}
