//! Whether a process follows the topic of each vault that has one.

use std::path::Path;

use fluvio_secret_system::help::{Help, Helpful};
use fluvio_secret_system::places::Places;
use fluvio_secret_system::project::{PERSONAL, project_of};
use fluvio_secret_system::shell;

use super::finding::{Diagnosis, DoctorCheck};
use super::fix::Fix;
use crate::format::count;
use crate::sync::process::{self, SyncProcess};
use crate::sync::status_file::{ReplicationState, StatusFile};
use crate::sync::sync_config::{self, ReplicatedVault};
use crate::sync::sync_error::SyncError;
use crate::sync::sync_places::SyncPlaces;
use crate::vault_choice;

pub(super) fn check(places: &Places) -> Vec<Diagnosis> {
    let places = SyncPlaces::of(places);
    match sync_config::all(&places) {
        Ok(vaults) => vaults.iter().map(|vault| one(&places, vault)).collect(),
        Err(error) => vec![failed(&error)],
    }
}

fn failed(error: &SyncError) -> Diagnosis {
    let found = DoctorCheck::Sync.error(error.to_string());
    match error.help() {
        Some(help) => found.helped_by(help),
        None => found,
    }
}

fn one(places: &SyncPlaces, vault: &ReplicatedVault) -> Diagnosis {
    match SyncProcess::of(places, &vault.id) {
        Ok(SyncProcess::Stopped) => judge(vault, None),
        Ok(SyncProcess::Running(pid)) => {
            judge(vault, Some(process::status(places, &vault.id, pid).as_ref()))
        }
        Err(error) => failed(&error),
    }
}

/// Without a state, no process runs. A process that has just begun has not written one yet.
fn judge(vault: &ReplicatedVault, running: Option<Option<&StatusFile>>) -> Diagnosis {
    let name = vault_choice::shown(vault.path.as_deref());
    let topic = &vault.topic;
    let Some(file) = running else {
        let named = vault
            .path
            .as_deref()
            .map_or(PERSONAL.to_owned(), |path| shell::path(project_of(Path::new(path))));
        let fix = Fix::new(format!("fluvio-secret sync start --vault {named}"));
        let text =
            format!("{name}: no process follows the topic {topic}, so nothing is replicated");
        return DoctorCheck::Sync.warning(text).fixed_by(fix);
    };
    let Some(status) = file.map(|file| &file.status) else {
        return DoctorCheck::Sync
            .ok(format!("{name}: a process begins to follow the topic {topic}"));
    };
    if let Some(trouble) = status.troubles.first() {
        let (cause, help) = Help::of_report(trouble);
        let found = DoctorCheck::Sync.error(format!("{name}: {cause}"));
        return match help {
            Some(help) => found.helped_by(help),
            None => found,
        };
    }
    let records = count(usize::try_from(status.records).unwrap_or(usize::MAX), "record");
    let left = match status.known_unpublished() {
        None => "and what is left to publish is not known".to_owned(),
        Some(0) => "and all changes are published".to_owned(),
        Some(left) => format!("{} to publish", count(left, "document")),
    };
    let state = match status.state {
        ReplicationState::Following => "follows",
        _ => "reads",
    };
    DoctorCheck::Sync.ok(format!("{name}: {state} the topic {topic}, {records}, {left}"))
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::doctor::finding::Condition;
    use crate::sync::status_file::{ReplicationState, ReplicationStatus, StatusFile};
    use crate::sync::sync_config::ReplicatedVault;

    #[test]
    fn a_topic_that_is_not_followed_has_its_next_step() {
        let (id, topic) = ("1".to_owned(), "t".to_owned());
        let personal = ReplicatedVault { id, path: None, topic, generation: 1 };
        let found = judge(&personal, None);
        assert_eq!(found.condition, Condition::Warning);
        assert_eq!(found.command(), Some("fluvio-secret sync start --vault personal"));
        let path = Some("/p/.fluvio-secret".to_owned());
        let project = ReplicatedVault { path, ..personal.clone() };
        assert_eq!(judge(&project, None).command(), Some("fluvio-secret sync start --vault /p"));
        assert_eq!(judge(&personal, Some(None)).condition, Condition::Ok);
        let mut status = ReplicationStatus::of(&personal);
        (status.state, status.records) = (ReplicationState::Following, 3);
        let mut file = StatusFile { pid: 1, since: 0, status };
        let text = "personal: follows the topic t, 3 records, and all changes are published";
        assert_eq!(judge(&personal, Some(Some(&file))).text, text);
        file.status.unpublished = 2;
        let found = judge(&personal, Some(Some(&file)));
        assert!(found.text.ends_with("3 records, 2 documents to publish"), "{}", found.text);
        file.status.state = ReplicationState::Reading;
        let found = judge(&personal, Some(Some(&file)));
        assert!(found.text.ends_with("left to publish is not known"), "{}", found.text);
        let trouble = "the vault is locked\nhelp: unlock it with: fluvio-secret unlock";
        file.status.troubles = vec![trouble.to_owned()];
        let found = judge(&personal, Some(Some(&file)));
        assert_eq!(
            (found.condition, found.command()),
            (Condition::Error, Some("fluvio-secret unlock"))
        );
        assert!(found.text.ends_with("personal: the vault is locked"), "{}", found.text);
    }
}
