//! `sync status`: whether a vault is replicated, and how far.

use clap::Args;
use fluvio_secret_protocol::{ClientError, ListedMember, Members, Refusal};
use fluvio_secret_system::project::PERSONAL;
use serde::Serialize;

use super::replicated::{admin_named, members_if_running, replicated, sync_places};
use super::shown_member::{ShownMember, progress};
use crate::error::CliError;
use crate::format::OutputArgs;
use crate::members::{NOT_A_MEMBER, Standing, own, word};
use crate::style::Styled;
use crate::sync::next_step::{SYNC_START, for_admin, to_join_again};
use crate::sync::process::{self, SyncProcess};
use crate::sync::status_file::{
    AcknowledgedRecords, ReplicationState, ReplicationStatus, StatusFile,
};
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
    listed: Option<Members>,
    /// Why the daemon does not list them.
    refusal: Option<Refusal>,
}

pub(super) fn status(args: &SyncStatusArgs) -> Result<(), CliError> {
    let vault = replicated(&args.vault)?;
    let places = sync_places()?;
    let process = SyncProcess::of(&places, &vault.id)?;
    let file = process::status(&places, &vault.id, process.pid());
    let (listed, refusal) = match members_if_running(vault.address()) {
        Some(Ok(listed)) => (Some(listed), None),
        // Such as that the vault is not registered.
        Some(Err(ClientError::Refused(refusal))) => (None, Some(refusal)),
        Some(Err(_)) | None => (None, None),
    };
    let replication = Replication { vault, process, file, listed, refusal };
    let start = args.vault.append_to(SYNC_START);
    format::print(
        args.output.format,
        || replication.table(&start),
        || ShownReplication::of(&replication),
    )
}

impl Replication {
    fn is_running(&self) -> bool {
        self.process != SyncProcess::Stopped
    }

    fn own(&self) -> Option<&ListedMember> {
        self.listed.as_ref().and_then(|listed| own(&listed.members))
    }

    /// What this machine may do, if a daemon runs.
    fn standing(&self) -> Option<Standing> {
        self.listed.as_ref().map(Standing::of)
    }

    fn waits_for(&self) -> Option<&str> {
        self.listed.as_ref()?.waits_for.as_deref()
    }

    fn table(&self, start: &str) -> Styled {
        let mut rows = Vec::new();
        let mut line = |label: &str, text: String| rows.push([label.to_owned(), text]);
        line("Vault", vault_choice::shown(self.vault.path.as_deref()));
        line("Topic", self.vault.topic.clone());
        line("Process", self.process());
        for (label, text) in self.next_steps(start) {
            line(label, text);
        }
        if let Some(StatusFile { status, .. }) = &self.file {
            if self.is_running() {
                line("State", describe(status.state).to_owned());
            }
            for trouble in status.troubles.iter().filter(|_| self.is_running()) {
                for (at, part) in trouble.lines().enumerate() {
                    line(if at == 0 { "Trouble" } else { "" }, output::as_typed(part));
                }
            }
            line("Records", status.records.to_string());
            let unpublished = self.unpublished();
            line("To publish", unpublished.map_or("not known".to_owned(), |left| left.to_string()));
            // A member has them, too: the acknowledgements of others, and what is encrypted for earlier members.
            if status.unsettled > 0 && self.standing().is_none_or(|standing| !standing.is_member())
            {
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
        let members = self.shown_members();
        for (at, member) in members.iter().enumerate() {
            let name = member.name(&members);
            let own = if member.own { " (this machine)" } else { "" };
            line(if at == 0 { "Members" } else { "" }, format!("{name}{own}: {}", member.progress));
        }
        format::lines(&rows)
    }

    /// What keeps this machine from having all secrets, with the next steps.
    fn next_steps(&self, start: &str) -> Vec<(&'static str, String)> {
        let help = |step: &str| ("", output::as_typed(&format!("help: {step}")));
        let mut lines = Vec::new();
        if let Some(Refusal { text, next, .. }) = &self.refusal {
            lines.extend([("Trouble", output::as_typed(text)), help(next)]);
        } else if !self.is_running() {
            lines.push(help(&format!("start it with: {start}")));
        }
        match self.standing() {
            Some(Standing::Applicant(own)) => {
                let admin = admin_named(self.waits_for());
                let admit = format!("fluvio-secret member admit {own}");
                let admit = for_admin(self.vault.path.as_deref(), admit);
                let waiting = format!("for {admin} to admit this machine");
                lines.extend([("Waiting", waiting), help(&admit.to_string())]);
            }
            Some(Standing::Stranger) => {
                let again = to_join_again(self.vault.path.as_deref(), &self.vault.topic);
                lines.extend([("Trouble", NOT_A_MEMBER.to_owned()), help(&again.to_string())]);
            }
            _ => {}
        }
        lines
    }

    /// The number of documents that the topic lacks, if the process knows it.
    fn unpublished(&self) -> Option<usize> {
        self.file.as_ref().filter(|_| self.is_running())?.status.known_unpublished()
    }

    /// How far this machine is, as its own process knows. Up to date is 0 records behind.
    fn own_progress(&self) -> (Option<u64>, String) {
        let Some(file) = self.file.as_ref().filter(|_| self.is_running()) else {
            let text =
                if self.is_running() { "has just started" } else { "its process is stopped" };
            return (None, text.to_owned());
        };
        let ReplicationStatus { state, unpublished, troubles, .. } = &file.status;
        match (state, unpublished) {
            (ReplicationState::Following, 0) if troubles.is_empty() => {
                (Some(0), "up to date".to_owned())
            }
            (ReplicationState::Following, left) if *left > 0 => {
                (None, format!("has {} to publish", format::count(*left, "document")))
            }
            (state, _) => (None, describe(*state).to_owned()),
        }
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
            let own = member.is_some_and(|member| member.own);
            let (behind, progress) = match own {
                true => self.own_progress(),
                false if member.is_some_and(|member| !member.signs) => {
                    (None, "a key without a machine".to_owned())
                }
                false => progress(known, changes),
            };
            ShownMember {
                fingerprint: fingerprint.to_owned(),
                note: member.and_then(|member| member.note.clone()),
                role: member.map(|member| word(member.role)),
                own,
                records: known.map(|known| known.records),
                behind,
                progress,
                acknowledged: known.and_then(|AcknowledgedRecords { at, .. }| date::rfc3339(*at)),
            }
        };
        match &self.listed {
            Some(listed) => {
                let is_admin = Standing::of(listed) == Standing::Admin;
                let is_shown = |one: &&ListedMember| !one.requested && (is_admin || one.own);
                listed
                    .members
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
            pid: process.pid(),
            since: file.and_then(|file| date::rfc3339(file.since)),
            state: file.map(|file| file.status.state),
            troubles: file.map_or(&[], |file| &file.status.troubles),
            records: status.map(|status| status.records),
            to_publish: replication.unpublished(),
            unusable: status.map(|status| status.unsettled),
            foreign: status.map(|status| status.foreign),
            omitted: status.map(|status| status.unreadable),
            refused: status.map(|status| status.refused),
            last_refusal: status.and_then(|status| status.last_refusal.as_deref()),
            fingerprint: own.map(|own| &*own.fingerprint),
            waits_for: replication.waits_for(),
            admitted: replication.standing().map(|standing| standing.is_member()),
            members: replication.shown_members(),
        }
    }
}

#[cfg(test)]
mod tests;
