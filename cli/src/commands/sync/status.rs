//! `sync status`: whether a vault is replicated, and how far.

use clap::Args;
use fluvio_secret_protocol::{ListedMember, Members, Role};
use fluvio_secret_system::project::PERSONAL;
use serde::Serialize;

use super::replicated::{again, replicated, sync_places};
use crate::commands::member::word;
use crate::connection::running_client;
use crate::error::CliError;
use crate::format::OutputArgs;
use crate::members::members;
use crate::style::Styled;
use crate::sync::process::{self, SyncProcess};
use crate::sync::status_file::{AcknowledgedRecords, ReplicationState, StatusFile};
use crate::sync::sync_config::ReplicatedVault;
use crate::vault_choice::{self, VaultArgs};
use crate::{date, format, output};

/// Show how far the replication of a vault is
#[derive(Args, Debug)]
#[command(after_help = "\
Each member acknowledges from time to time how many records of the topic it has. The command asks no
cluster: the numbers are those of the process that follows the topic.

Example:
  fluvio-secret sync status
  fluvio-secret sync status -O json")]
pub(crate) struct SyncStatusArgs {
    #[command(flatten)]
    vault: VaultArgs,

    #[command(flatten)]
    output: OutputArgs,
}

/// All that is known of a replication.
struct Replication {
    vault: ReplicatedVault,
    process: SyncProcess,
    file: Option<StatusFile>,
    /// The members, if a daemon runs.
    members: Option<Vec<ListedMember>>,
    /// The admin for whom this machine waits.
    waits_for: Option<String>,
}

pub(super) fn status(args: &SyncStatusArgs) -> Result<(), CliError> {
    let vault = replicated(&args.vault)?;
    let places = sync_places()?;
    let process = SyncProcess::of(&places, &vault.id)?;
    let pid = match process {
        SyncProcess::Running(pid) => pid,
        SyncProcess::Stopped => None,
    };
    let file = process::status(&places, &vault.id, pid);
    let listed = listed(&vault);
    let waits_for = listed.as_ref().and_then(|listed| listed.waits_for.clone());
    let members = listed.map(|listed| listed.members);
    let replication = Replication { vault, process, file, members, waits_for };
    let start = again("fluvio-secret sync start", &args.vault);
    format::print(
        args.output.format,
        || replication.table(&start),
        || ShownReplication::of(&replication),
    )
}

/// The members, from a daemon that runs.
fn listed(vault: &ReplicatedVault) -> Option<Members> {
    let client = running_client().ok()??;
    members(&mut client.about(vault.address())).ok()
}

impl Replication {
    fn is_running(&self) -> bool {
        self.process != SyncProcess::Stopped
    }

    /// The entry of this machine.
    fn own(&self) -> Option<&ListedMember> {
        let own = |requested: bool| {
            self.members.iter().flatten().find(|one| one.own && one.requested == requested)
        };
        own(false).or_else(|| own(true))
    }

    fn table(&self, start: &str) -> Styled {
        let mut rows = Vec::new();
        let mut line = |label: &str, text: String| rows.push([label.to_owned(), text]);
        line("Vault", vault_choice::shown(self.vault.path.as_deref()));
        line("Topic", self.vault.topic.clone());
        line("Process", self.process());
        if !self.is_running() {
            line("", output::as_typed(&format!("help: start it with: {start}")));
        }
        if let Some(own) = self.own().filter(|own| own.requested) {
            let admin =
                self.waits_for.as_ref().map(|admin| format!(" {admin}")).unwrap_or_default();
            line("Waiting", format!("for the admin{admin} to admit this machine"));
            let admit = format!("fluvio-secret member admit {}", own.fingerprint);
            line("", output::as_typed(&format!("help: have the admin run: {admit}")));
        }
        if let Some(StatusFile { status, .. }) = &self.file {
            if self.is_running() {
                line("State", describe(status.state).to_owned());
            }
            for trouble in status.troubles.iter().filter(|_| self.is_running()) {
                line("Trouble", trouble.replace('\n', "; "));
            }
            line("Records", status.records.to_string());
            line("To publish", status.unpublished.to_string());
            // A member has them, too: the acknowledgements of others, and what is encrypted for earlier members.
            if status.unsettled > 0 && self.own().is_none_or(|own| own.requested) {
                let documents = format::count(status.unsettled, "document");
                line("Not for it", format!("{documents} that this machine cannot use"));
            }
            if status.foreign > 0 {
                line("Others", format!("{} records of other vaults or programs", status.foreign));
            }
            if status.unreadable > 0 {
                line("Omitted", format!("{} records by the consumer", status.unreadable));
            }
            if let Some(reason) = &status.last_refusal {
                line("Refused", format!("{}, the last one because {reason}", status.refused));
            }
        }
        for (at, member) in self.shown_members().iter().enumerate() {
            line(if at == 0 { "Members" } else { "" }, member.describe());
        }
        format::lines(&rows)
    }

    fn process(&self) -> String {
        match (self.process, &self.file) {
            (SyncProcess::Stopped, _) => "stopped".to_owned(),
            (SyncProcess::Running(Some(pid)), Some(file)) => {
                format!("running since {}, pid {pid}", date::local(file.since))
            }
            (SyncProcess::Running(Some(pid)), None) => format!("running, pid {pid}"),
            (SyncProcess::Running(None), _) => "running in another container".to_owned(),
        }
    }

    /// The members, with what each has acknowledged. Only an admin can read that of others.
    fn shown_members(&self) -> Vec<ShownMember> {
        let status = self.file.as_ref().map(|file| &file.status);
        let acknowledged = status.map(|status| status.members.clone()).unwrap_or_default();
        let changes = status.map_or(0, |status| status.changes);
        let shown = |fingerprint: &str, member: Option<&ListedMember>| {
            let known = acknowledged.get(fingerprint);
            ShownMember {
                fingerprint: fingerprint.to_owned(),
                note: member.and_then(|member| member.note.clone()),
                role: member.map(|member| word(member.role)),
                own: member.is_some_and(|member| member.own),
                records: known.map(|known| known.records),
                behind: known.map(|known| changes.saturating_sub(known.records)),
                at: known.map(|known| known.at),
                acknowledged: known.and_then(|AcknowledgedRecords { at, .. }| date::rfc3339(*at)),
            }
        };
        match &self.members {
            Some(members) => {
                let is_admin = members.iter().any(|one| one.own && one.role == Role::Admin);
                let is_shown = |one: &&ListedMember| !one.requested && (is_admin || one.own);
                members
                    .iter()
                    .filter(is_shown)
                    .map(|member| shown(&member.fingerprint, Some(member)))
                    .collect()
            }
            None => acknowledged.keys().map(|fingerprint| shown(fingerprint, None)).collect(),
        }
    }
}

fn describe(state: ReplicationState) -> &'static str {
    match state {
        ReplicationState::Waiting => "waits, and then tries again",
        ReplicationState::Locked => "waits until you unlock the vault",
        ReplicationState::Reading => "reads the topic",
        ReplicationState::Following => "follows the topic",
    }
}

#[derive(Serialize)]
struct ShownReplication<'a> {
    vault: &'a str,
    id: &'a str,
    topic: &'a str,
    generation: u64,
    running: bool,
    pid: Option<u32>,
    since: Option<String>,
    state: Option<ReplicationState>,
    troubles: &'a [String],
    records: Option<u64>,
    to_publish: Option<usize>,
    unusable: Option<usize>,
    foreign: Option<u64>,
    omitted: Option<u64>,
    refused: Option<u64>,
    last_refusal: Option<&'a str>,
    fingerprint: Option<&'a str>,
    waits_for: Option<&'a str>,
    admitted: Option<bool>,
    members: Vec<ShownMember>,
}

#[derive(Serialize)]
struct ShownMember {
    fingerprint: String,
    note: Option<String>,
    role: Option<&'static str>,
    own: bool,
    records: Option<u64>,
    behind: Option<u64>,
    #[serde(skip)]
    at: Option<i64>,
    acknowledged: Option<String>,
}

impl<'a> ShownReplication<'a> {
    fn of(replication: &'a Replication) -> Self {
        let Replication { vault, process, file, .. } = replication;
        let running = replication.is_running();
        let status = file.as_ref().map(|file| &file.status);
        let file = file.as_ref().filter(|_| running);
        let own = replication.own();
        Self {
            vault: vault.path.as_deref().unwrap_or(PERSONAL),
            id: &vault.id,
            topic: &vault.topic,
            generation: vault.generation,
            running,
            pid: match process {
                SyncProcess::Running(pid) => *pid,
                SyncProcess::Stopped => None,
            },
            since: file.and_then(|file| date::rfc3339(file.since)),
            state: file.map(|file| file.status.state),
            troubles: file.map_or(&[], |file| &file.status.troubles),
            records: status.map(|status| status.records),
            to_publish: status.map(|status| status.unpublished),
            unusable: status.map(|status| status.unsettled),
            foreign: status.map(|status| status.foreign),
            omitted: status.map(|status| status.unreadable),
            refused: status.map(|status| status.refused),
            last_refusal: status.and_then(|status| status.last_refusal.as_deref()),
            fingerprint: own.map(|own| &*own.fingerprint),
            waits_for: replication.waits_for.as_deref(),
            admitted: own.map(|own| !own.requested),
            members: replication.shown_members(),
        }
    }
}

impl ShownMember {
    fn describe(&self) -> String {
        let note = self.note.as_deref().filter(|note| !note.is_empty());
        let who = note.unwrap_or(&self.fingerprint);
        let own = if self.own { " (this machine)" } else { "" };
        let far = match (self.behind, self.at) {
            (Some(0), Some(at)) => format!("up to date at {}", date::local(at)),
            (Some(behind), Some(at)) => {
                let behind = format::count(usize::try_from(behind).unwrap_or(usize::MAX), "record");
                format!("{behind} behind at {}", date::local(at))
            }
            _ => "has acknowledged nothing".to_owned(),
        };
        format!("{who}{own}: {far}")
    }
}
