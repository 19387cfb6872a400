//! How far the process that follows a topic is: a file that `sync status` and `doctor` read.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::sync_config::ReplicatedVault;
use super::whole_file;

/// What a member has acknowledged.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct AcknowledgedRecords {
    /// The number of records of the topic.
    pub(crate) records: u64,
    /// When that was, in seconds since 1970.
    pub(crate) at: i64,
}

/// What the process does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReplicationState {
    /// It waits, and then tries again.
    Waiting,
    /// It waits until the vault is unlocked.
    Locked,
    /// It reads the topic from its beginning.
    Reading,
    /// It follows the topic.
    Following,
}

/// How far it is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct ReplicationStatus {
    pub(crate) topic: String,
    pub(crate) generation: u64,
    pub(crate) state: ReplicationState,
    /// What does not work, for people.
    pub(crate) troubles: Vec<String>,
    /// The number of records of the topic that were read.
    pub(crate) records: u64,
    /// The same without the acknowledgements at the end. A member that has acknowledged this number has everything.
    pub(crate) changes: u64,
    /// Whether the topic was read to its end.
    pub(crate) was_read: bool,
    /// The number of documents that the topic lacks.
    pub(crate) unpublished: usize,
    /// The number of documents that this machine cannot use, or not yet.
    pub(crate) unsettled: usize,
    /// The number of records of other vaults and programs.
    pub(crate) foreign: u64,
    /// The number of records that the consumer omits.
    pub(crate) unreadable: u64,
    /// The number of documents that were refused since the process was started.
    pub(crate) refused: u64,
    pub(crate) last_refusal: Option<String>,
    /// What members have acknowledged, by their fingerprints.
    pub(crate) members: BTreeMap<String, AcknowledgedRecords>,
}

/// The file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct StatusFile {
    pub(crate) pid: u32,
    /// When the process was started, in seconds since 1970.
    pub(crate) since: i64,
    #[serde(flatten)]
    pub(crate) status: ReplicationStatus,
}

impl ReplicationStatus {
    pub(crate) fn of(vault: &ReplicatedVault) -> Self {
        Self {
            topic: vault.topic.clone(),
            generation: vault.generation,
            state: ReplicationState::Waiting,
            troubles: Vec::new(),
            records: 0,
            changes: 0,
            was_read: false,
            unpublished: 0,
            unsettled: 0,
            foreign: 0,
            unreadable: 0,
            refused: 0,
            last_refusal: None,
            members: BTreeMap::new(),
        }
    }

    /// The number of documents that the topic lacks, if that is known.
    pub(crate) fn known_unpublished(&self) -> Option<usize> {
        let is_known = match self.state {
            ReplicationState::Following => true,
            // It publishes what changes, if it has read the topic before.
            ReplicationState::Locked => self.was_read,
            ReplicationState::Waiting | ReplicationState::Reading => false,
        };
        is_known.then_some(self.unpublished)
    }
}

impl StatusFile {
    /// The last state that was written. `None` if there is no file, or one of another version.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&whole_file::read(path).ok()??).ok()
    }

    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        whole_file::replace(path, &serde_json::to_vec(self)?, false)
    }
}

#[cfg(test)]
mod tests {
    use super::{AcknowledgedRecords, ReplicationState, ReplicationStatus, StatusFile};
    use crate::sync::sync_config::ReplicatedVault;

    #[test]
    fn a_status_is_read_as_it_was_written() {
        let made = tempfile::tempdir().expect("a directory");
        let path = made.path().join("status");
        assert_eq!(StatusFile::read(&path), None);
        let (id, topic) = ("1".to_owned(), "t".to_owned());
        let vault = ReplicatedVault { id, path: None, topic, generation: 2 };
        let mut status = ReplicationStatus::of(&vault);
        status.state = ReplicationState::Following;
        status.members.insert("f".to_owned(), AcknowledgedRecords { records: 3, at: 4 });
        let file = StatusFile { pid: 7, since: 8, status };
        file.write(&path).expect("a file");
        assert_eq!(StatusFile::read(&path), Some(file));
        std::fs::write(&path, "{").expect("a file");
        assert_eq!(StatusFile::read(&path), None);
    }
}
