//! `sync.json`: which vaults are replicated, and over which topics.

use std::io;
use std::time::{Duration, Instant};

use fluvio_secret_protocol::{VaultAddress, is_topic_name};
use fluvio_secret_system::lock::FileLock;
use serde::{Deserialize, Serialize};

use super::sync_error::SyncError;
use super::sync_places::SyncPlaces;
use super::whole_file;

const CONFIG_FORMAT: u32 = 1;
/// How long another process may change the file.
const CONFIG_LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// A vault that is replicated.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct ReplicatedVault {
    /// Its id.
    pub(crate) id: String,
    /// Its directory; `None` for the personal one.
    pub(crate) path: Option<String>,
    pub(crate) topic: String,
    /// The number of topics that the vault had, with this one.
    pub(crate) generation: u64,
}

#[derive(Deserialize, Serialize)]
struct ConfigFile {
    format: u32,
    vaults: Vec<ReplicatedVault>,
}

impl ReplicatedVault {
    /// The address for requests.
    pub(crate) fn address(&self) -> Option<VaultAddress> {
        self.path.clone().map(|path| VaultAddress { path, id: self.id.clone() })
    }
}

/// All vaults that are replicated.
pub(crate) fn all(places: &SyncPlaces) -> Result<Vec<ReplicatedVault>, SyncError> {
    let path = &places.config;
    let failed = |source| SyncError::File { path: path.clone(), source };
    let Some(bytes) = whole_file::read(path).map_err(failed)? else { return Ok(Vec::new()) };
    let unread = |why: String| SyncError::Unread { path: path.clone(), why };
    let file: ConfigFile =
        serde_json::from_slice(&bytes).map_err(|error| unread(error.to_string()))?;
    if file.format != CONFIG_FORMAT {
        return Err(unread(format!("its format is {}, not {CONFIG_FORMAT}", file.format)));
    }
    // They are passed to programs.
    match file.vaults.iter().find(|vault| !is_topic_name(&vault.topic)) {
        Some(vault) => Err(unread(format!("{:?} is not the name of a topic", vault.topic))),
        None => Ok(file.vaults),
    }
}

/// The replication of a vault. `None` if it is not replicated.
pub(crate) fn of(places: &SyncPlaces, id: &str) -> Result<Option<ReplicatedVault>, SyncError> {
    Ok(all(places)?.into_iter().find(|vault| vault.id == id))
}

/// The replication of a vault, at the place where the vault is now.
pub(crate) fn find(
    places: &SyncPlaces,
    address: Option<&VaultAddress>,
) -> Result<Option<ReplicatedVault>, SyncError> {
    let is_it = |vault: &ReplicatedVault| match address {
        Some(address) => vault.id == address.id,
        None => vault.path.is_none(),
    };
    let found = all(places)?.into_iter().find(is_it);
    let path = address.map(|address| address.path.clone());
    Ok(found.map(|vault| ReplicatedVault { path, ..vault }))
}

/// Remembers the replication of a vault, durably.
pub(crate) fn remember(places: &SyncPlaces, vault: &ReplicatedVault) -> Result<(), SyncError> {
    change(places, |vaults| {
        vaults.retain(|known| known.id != vault.id);
        vaults.push(vault.clone());
        vaults.sort_by(|one, other| one.path.cmp(&other.path));
    })
}

/// The earlier vaults at the place of this one. They are gone.
pub(crate) fn earlier_at(
    places: &SyncPlaces,
    vault: &ReplicatedVault,
) -> Result<Vec<ReplicatedVault>, SyncError> {
    let is_earlier = |one: &ReplicatedVault| one.path == vault.path && one.id != vault.id;
    Ok(all(places)?.into_iter().filter(is_earlier).collect())
}

/// Remembers the topic to which a vault has moved, unless it is not replicated any more. Returns whether that is new.
pub(crate) fn move_to(
    places: &SyncPlaces,
    id: &str,
    topic: &str,
    generation: u64,
) -> Result<bool, SyncError> {
    let mut is_new = false;
    change(places, |vaults| {
        for vault in vaults.iter_mut().filter(|vault| vault.id == id) {
            is_new |= vault.topic != topic || vault.generation != generation;
            topic.clone_into(&mut vault.topic);
            vault.generation = generation;
        }
    })?;
    Ok(is_new)
}

/// Forgets the replication of a vault, durably.
pub(crate) fn forget(places: &SyncPlaces, id: &str) -> Result<(), SyncError> {
    change(places, |vaults| vaults.retain(|vault| vault.id != id))
}

fn change(
    places: &SyncPlaces,
    change: impl FnOnce(&mut Vec<ReplicatedVault>),
) -> Result<(), SyncError> {
    let failed = |source| SyncError::File { path: places.config.clone(), source };
    let locked = FileLock::take(&places.config_lock, Instant::now() + CONFIG_LOCK_TIMEOUT);
    let Some(_lock) = locked.map_err(failed)? else {
        return Err(failed(io::Error::new(io::ErrorKind::TimedOut, "another process changes it")));
    };
    let mut vaults = all(places)?;
    change(&mut vaults);
    let file = ConfigFile { format: CONFIG_FORMAT, vaults };
    let text = serde_json::to_string_pretty(&file).map_err(|error| failed(error.into()))?;
    whole_file::replace(&places.config, format!("{text}\n").as_bytes(), true).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use fluvio_secret_system::places::Places;

    use super::{ReplicatedVault, all, earlier_at, forget, move_to, of, remember};
    use crate::sync::sync_places::SyncPlaces;

    fn made() -> (tempfile::TempDir, SyncPlaces) {
        let made = tempfile::tempdir().expect("a directory");
        let places = Places::under(made.path()).expect("places");
        places.prepare().expect("directories");
        (made, SyncPlaces::of(&places))
    }

    fn vault(id: &str, path: Option<&str>) -> ReplicatedVault {
        let (id, path) = (id.to_owned(), path.map(str::to_owned));
        ReplicatedVault { id, path, topic: "t".to_owned(), generation: 1 }
    }

    #[test]
    fn vaults_are_remembered_moved_and_forgotten() {
        let (_made, places) = made();
        assert_eq!(all(&places).expect("no file"), []);
        let (personal, project) = (vault("1", None), vault("2", Some("/p")));
        for vault in [&project, &personal, &project] {
            remember(&places, vault).expect("a file");
        }
        assert_eq!(all(&places).expect("two"), [personal.clone(), project.clone()]);
        assert_eq!(personal.address(), None);
        assert_eq!(project.address().map(|address| address.path).as_deref(), Some("/p"));
        assert!(move_to(&places, "2", "t-2", 2).expect("a file"));
        assert!(!move_to(&places, "2", "t-2", 2).expect("a file"), "it is there already");
        let moved = of(&places, "2").expect("a file").expect("a vault");
        assert_eq!((&*moved.topic, moved.generation), ("t-2", 2));
        forget(&places, "2").expect("a file");
        // As by a process that did not notice.
        assert!(!move_to(&places, "2", "t-3", 3).expect("a file"));
        assert_eq!(all(&places).expect("one"), [personal]);
    }

    #[test]
    fn an_earlier_vault_at_the_same_place_is_found() {
        let (_made, places) = made();
        for vault in [vault("1", None), vault("2", Some("/p"))] {
            remember(&places, &vault).expect("a file");
        }
        let earlier = |vault| earlier_at(&places, &vault).expect("a file");
        assert_eq!(earlier(vault("3", None)), [vault("1", None)]);
        assert_eq!(earlier(vault("1", None)), []);
        assert_eq!(earlier(vault("1", Some("/q"))), []);
    }

    #[test]
    fn a_file_that_is_not_understood_is_not_replaced() {
        let (_made, places) = made();
        let other_topic = r#"{"format": 1, "vaults": [{"id": "1", "path": null, "topic": "-x", "generation": 1}]}"#;
        for text in ["{", "{\"format\": 2, \"vaults\": []}", other_topic] {
            fs::write(&places.config, text).expect("a file");
            let error = remember(&places, &vault("1", None)).expect_err("an error");
            assert!(error.to_string().contains("sync.json"), "{error}");
            assert_eq!(fs::read_to_string(&places.config).expect("a file"), text);
        }
    }
}
