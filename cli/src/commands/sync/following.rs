//! `sync run`, and what starts and stops it: `now`, `stop`, `leave`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::Args;
use fluvio_secret_protocol::{Members, Role};
use fluvio_secret_system::harden::Hardened;
use fluvio_secret_system::project::PERSONAL;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal, setsid};

use super::replicated::{forget, prepared_places, replicated, say_waits, sync_places};
use super::start::make_equal;
use crate::connection::{client, client_about};
use crate::error::CliError;
use crate::members::{Standing, members, own};
use crate::sync::engine::Engine;
use crate::sync::fluvio::FluvioProgram;
use crate::sync::next_step::{DEFAULT_TOPIC, for_admin, start_over};
use crate::sync::process::{self, SyncProcess};
use crate::sync::replicator::SyncGoal;
use crate::sync::sync_config::{self, ReplicatedVault};
use crate::sync::sync_error::SyncError;
use crate::sync::sync_log::SyncLog;
use crate::sync::sync_places::SyncPlaces;
use crate::vault_choice::{VaultArgs, shown};
use crate::{format, output};

/// Publish and take everything once
#[derive(Args, Debug)]
#[command(after_help = "\
The command reads the whole topic itself, and waits until the topic has all that the vault has. It
does so whether or not the process in the background runs.

Example:
  fluvio-secret sync now")]
pub(crate) struct SyncNowArgs {
    #[command(flatten)]
    vault: VaultArgs,
}

/// Stop following the topic of a vault
#[derive(Args, Debug)]
#[command(after_help = "\
The process in the background stops, and does not start again until `sync start` or `sync run`.
Until then, changes are not published, and none arrive. Nothing is lost.

Example:
  fluvio-secret sync stop")]
pub(crate) struct StopSyncArgs {
    /// Stop for all vaults
    #[arg(long, conflicts_with = "vault")]
    all: bool,

    #[command(flatten)]
    vault: VaultArgs,
}

/// Stop following the topic, and forget it
#[derive(Args, Debug)]
#[command(after_help = "\
The vault keeps its secrets, and the topic its records. This machine stays a member until an admin
removes it, so the others still encrypt for it.

Example:
  fluvio-secret sync leave")]
pub(crate) struct LeaveTopicArgs {
    #[command(flatten)]
    vault: VaultArgs,
}

/// Follow the topic of a vault in the foreground
#[derive(Args, Debug)]
#[command(after_help = "\
This is the process that `sync start` starts in the background. Run it yourself to watch what it
does, or under a service manager. It reports each trouble once, tries again, and reports its end.
While the vault is locked, it waits. It never has a value or a key.

Example:
  fluvio-secret sync run
  fluvio-secret sync run --vault ~/src/weather")]
pub(crate) struct RunSyncArgs {
    #[command(flatten)]
    vault: VaultArgs,

    /// Leave the session of the starter, and report in the log
    #[arg(long, hide = true)]
    detached: bool,
}

/// What a child becomes that is to end with its parent.
#[derive(Args, Debug)]
pub(crate) struct EndWithParentArgs {
    /// The process that starts it.
    parent: i32,

    /// The program, and its arguments.
    #[arg(num_args = 1.., last = true)]
    command: Vec<OsString>,
}

pub(super) fn now(args: &SyncNowArgs) -> Result<(), CliError> {
    let vault = replicated(&args.vault)?;
    let (places, fluvio) = (prepared_places()?, FluvioProgram::find()?);
    let (replicator, vault) = make_equal(&places, &fluvio, vault)?;
    let records = replicator.status().records;
    let records = format::count(usize::try_from(records).unwrap_or(usize::MAX), "record");
    let listed = members(&mut client_about(vault.address())?)?;
    match Standing::of(&listed) {
        Standing::Stranger => {
            let ReplicatedVault { topic, path, .. } = vault;
            return Err(SyncError::NotMember { topic, path }.into());
        }
        Standing::Applicant(own) => {
            say_waits(vault.path.as_deref(), listed.waits_for.as_deref(), &own);
            return Ok(());
        }
        Standing::Admin | Standing::Writer | Standing::Reader => {}
    }
    output::confirm(&format!("Vault and topic \"{}\" are equal ({records})", vault.topic));
    Ok(())
}

pub(super) fn stop(args: &StopSyncArgs) -> Result<(), CliError> {
    let places = sync_places()?;
    let vaults = match args.all {
        true => sync_config::all(&places)?,
        false => vec![replicated(&args.vault)?],
    };
    let mut was_running = false;
    for vault in vaults {
        was_running |= process::stop(&places, &vault.id)?;
    }
    output::confirm(match was_running {
        true => "Replication stopped",
        false => "Replication is not running",
    });
    Ok(())
}

pub(super) fn leave(args: &LeaveTopicArgs) -> Result<(), CliError> {
    let vault = replicated(&args.vault)?;
    let places = prepared_places()?;
    let unpublished = unpublished(&places, &vault)?;
    forget(&places, &vault)?;
    output::confirm(&format!("Topic \"{}\" left successfully", vault.topic));
    let start = args.vault.append_to(&start_over(&vault.topic));
    match unpublished {
        Some(left) => output::say(&format!(
            "warning: the topic lacks {} of this machine\n\
             help: to publish first, follow the topic again, and run `sync now` before you leave: {start}",
            format::count(left, "document")
        )),
        // Without it, another topic would be the next one.
        None if vault.topic != DEFAULT_TOPIC => {
            output::say(&format!("help: to follow it again, run: {start}"));
        }
        None => {}
    }
    // Whether this machine is a member is a hint, and no reason to start a daemon or to fail.
    let listed = client_about(vault.address()).and_then(|mut client| Ok(members(&mut client)?));
    if let Some(text) = listed.ok().and_then(|listed| what_stays(&listed, vault.path.as_deref())) {
        output::say(&text);
    }
    Ok(())
}

/// The number of documents that the topic lacks, as far as the process knows. `None` if it lacks nothing.
fn unpublished(places: &SyncPlaces, vault: &ReplicatedVault) -> Result<Option<usize>, SyncError> {
    let SyncProcess::Running(pid) = SyncProcess::of(places, &vault.id)? else { return Ok(None) };
    // While the cluster is away, it is the number from before.
    let left = process::status(places, &vault.id, pid).map(|file| file.status.unpublished);
    Ok(left.filter(|left| *left > 0))
}

/// What the others still have of this machine. `None` if there are no others.
fn what_stays(listed: &Members, path: Option<&str>) -> Option<String> {
    let own = own(&listed.members)?;
    if own.requested {
        return Some("note: the request stays on the topic, so an admin may still admit it".into());
    }
    let mut others = listed.members.iter().filter(|one| !one.own && !one.requested).peekable();
    others.peek()?;
    if own.role == Role::Admin && others.all(|one| one.role != Role::Admin) {
        let note = "note: this machine stays the only admin, so no other machine can remove it";
        return Some(note.to_owned());
    }
    let remove = for_admin(path, format!("fluvio-secret member remove {}", own.fingerprint));
    Some(format!("note: this machine stays a member\nhelp: to remove it, {remove}"))
}

pub(super) fn run(args: &RunSyncArgs) -> Result<(), CliError> {
    if args.detached {
        // A session of our own gets no hang-up or Ctrl-C of a terminal.
        setsid().map_err(|error| CliError::System(error.into()))?;
    }
    let vault = replicated(&args.vault)?;
    let (places, fluvio) = (prepared_places()?, FluvioProgram::find()?);
    let _lock = process::lock(&places, &vault.id)?;
    let name = vault.path.as_deref().map_or(PERSONAL.to_owned(), |path| shown(Some(path)));
    let topic = &vault.topic;
    let (log, begin) = match args.detached {
        // Each of its lines has the vault.
        true => {
            let path = places.log.clone();
            (SyncLog::File { path, vault: name }, format!("note: follows the topic {topic}"))
        }
        false => {
            (SyncLog::Terminal, format!("note: follows the topic {topic} for the vault {name}"))
        }
    };
    // The daemon may start here, and not each time that you have stopped it.
    if let Err(error) = client() {
        log.say(&format!("warning: {}", error.text().trim_start_matches("error: ")));
    }
    log.say(&begin);
    Engine::new(places, fluvio, vault, SyncGoal::Follow, log).follow()
}

/// Becomes the program, which the kernel ends with its parent (`PR_SET_PDEATHSIG` in prctl(2)).
pub(crate) fn end_with_parent(args: EndWithParentArgs, hardened: Hardened) -> Result<(), CliError> {
    let EndWithParentArgs { parent, command } = args;
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| CliError::System(error.into()))?;
    // The parent may have exited before the call.
    if getppid() != Pid::from_raw(parent) {
        return Err(CliError::Some);
    }
    hardened.release().map_err(CliError::System)?;
    let mut words = command.into_iter();
    let path = words.next().unwrap_or_default();
    let source = Command::new(&path).args(words).exec();
    Err(SyncError::Program { path: path.into(), source }.into())
}

#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::{ListedMember, Role};

    use super::what_stays;
    use crate::members::tests::first_list;

    fn said(members: &[(Role, bool, bool)]) -> String {
        let one = |&(role, own, requested): &(Role, bool, bool)| ListedMember {
            fingerprint: "0f".to_owned(),
            recipient: "age1".to_owned(),
            note: None,
            role,
            own,
            requested,
            signs: true,
        };
        let listed = first_list(members.iter().map(one).collect());
        what_stays(&listed, Some("/p")).unwrap_or_default()
    }

    #[test]
    fn what_others_keep_of_a_machine_that_leaves_is_said() {
        let (own, other) = ((Role::Admin, true, false), (Role::Reader, false, false));
        assert_eq!(said(&[own]), "");
        assert!(said(&[own, other]).contains("the only admin"));
        for others in [[own, (Role::Admin, false, false)], [(Role::Writer, true, false), other]] {
            let text = said(&others);
            assert!(text.ends_with("in the project: fluvio-secret member remove 0f"), "{text}");
        }
        assert!(said(&[(Role::Reader, true, true)]).contains("the request stays"));
    }
}
