//! Whether a process follows the topic of each vault that has one.

use std::path::Path;

use fluvio_secret_protocol::ListedVault;
use fluvio_secret_system::help::{Help, Helpful};
use fluvio_secret_system::places::Places;

use super::finding::{Diagnosis, DoctorCheck};
use super::fix::Fix;
use crate::format::count;
use crate::sync::next_step::SYNC_START;
use crate::sync::process::{self, SyncProcess};
use crate::sync::status_file::{ReplicationState, StatusFile};
use crate::sync::sync_config::{self, ReplicatedVault};
use crate::sync::sync_error::SyncError;
use crate::sync::sync_places::SyncPlaces;
use crate::vault_choice::{self, VaultArgs};

/// `registered` are the vaults that the daemon serves, if one runs.
pub(super) fn check(places: &Places, registered: Option<&[ListedVault]>) -> Vec<Diagnosis> {
    let places = SyncPlaces::of(places);
    let is_registered = |vault: &ReplicatedVault| {
        registered.is_none_or(|all| all.iter().any(|one| one.id == vault.id))
    };
    match sync_config::all(&places) {
        Ok(vaults) => {
            vaults.iter().map(|vault| one(&places, vault, is_registered(vault))).collect()
        }
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

fn one(places: &SyncPlaces, vault: &ReplicatedVault, is_registered: bool) -> Diagnosis {
    match SyncProcess::of(places, &vault.id) {
        Ok(SyncProcess::Stopped) => judge(vault, is_registered, None),
        Ok(SyncProcess::Running(pid)) => {
            let file = process::status(places, &vault.id, pid);
            judge(vault, is_registered, Some(file.as_ref()))
        }
        Err(error) => failed(&error),
    }
}

/// Without a state, no process runs. A process that has just begun has not written one yet.
fn judge(
    vault: &ReplicatedVault,
    is_registered: bool,
    running: Option<Option<&StatusFile>>,
) -> Diagnosis {
    let name = vault_choice::shown(vault.path.as_deref());
    let topic = &vault.topic;
    let Some(file) = running else {
        if let (Some(path), false) = (&vault.path, is_registered) {
            let text = format!("{name}: it is not registered, so nothing is replicated");
            let found =
                DoctorCheck::Sync.warning(text).advising("look at it, and then register it with");
            return found.fixed_by(Fix::new("fluvio-secret vault trust").path(Path::new(path)));
        }
        let start = VaultArgs::naming_directory(vault.path.as_deref()).append_to(SYNC_START);
        let text =
            format!("{name}: no process follows the topic {topic}, so nothing is replicated");
        return DoctorCheck::Sync.warning(text).fixed_by(Fix::new(start));
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
        let found = judge(&personal, true, None);
        assert_eq!(found.condition, Condition::Warning);
        assert_eq!(found.command(), Some("fluvio-secret sync start --vault personal"));
        let path = Some("/p/.fluvio-secret".to_owned());
        let project = ReplicatedVault { path, ..personal.clone() };
        assert_eq!(
            judge(&project, true, None).command(),
            Some("fluvio-secret sync start --vault /p")
        );
        let found = judge(&project, false, None);
        assert_eq!(found.command(), Some("fluvio-secret vault trust /p/.fluvio-secret"));
        assert_eq!(judge(&personal, true, Some(None)).condition, Condition::Ok);
        let mut status = ReplicationStatus::of(&personal);
        (status.state, status.records) = (ReplicationState::Following, 3);
        let mut file = StatusFile { pid: 1, since: 0, status };
        let text = "personal: follows the topic t, 3 records, and all changes are published";
        assert_eq!(judge(&personal, true, Some(Some(&file))).text, text);
        file.status.unpublished = 2;
        let found = judge(&personal, true, Some(Some(&file)));
        assert!(found.text.ends_with("3 records, 2 documents to publish"), "{}", found.text);
        file.status.state = ReplicationState::Reading;
        let found = judge(&personal, true, Some(Some(&file)));
        assert!(found.text.ends_with("left to publish is not known"), "{}", found.text);
        let trouble = "the vault is locked\nhelp: unlock it with: fluvio-secret unlock";
        file.status.troubles = vec![trouble.to_owned()];
        let found = judge(&personal, true, Some(Some(&file)));
        assert_eq!(
            (found.condition, found.command()),
            (Condition::Error, Some("fluvio-secret unlock"))
        );
        assert!(found.text.ends_with("personal: the vault is locked"), "{}", found.text);
    }
}
