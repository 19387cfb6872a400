//! Which files are encrypted again next.

use std::collections::BTreeSet;
use std::vec::IntoIter;

use fluvio_secret_protocol::SecretName;
use fluvio_secret_system::file_id::FileId;

use crate::error::VaultError;
use crate::rekey::scope::ReencryptScope;
use crate::rekey::written_stamps::WrittenStamps;
use crate::secrets::names::{Names, NamesIntoIter};
use crate::secrets::store::SecretFiles;
use crate::secrets::version_file::VersionFile;
use crate::secrets::version_place::VersionPlace;

/// The most files that are written before they are synced, and the most bytes.
const BATCH_FILES: usize = 64;
const BATCH_BYTES: u64 = 4 << 20;
/// The most places that are looked at before other changes have their turn.
const BATCH_PLACES: usize = 1024;

/// Secrets and their versions that may have to be encrypted again.
pub(super) struct ReencryptQueue<'a> {
    secrets: &'a SecretFiles,
    what: ReencryptScope,
    names: NamesIntoIter,
    /// A secret whose other versions did not fit into the batch.
    begun: Option<BegunSecret>,
}

/// A secret may have a thousand versions.
struct BegunSecret {
    name: SecretName,
    /// The file of its current version. Each change of the secret replaces or removes it.
    file_id: Option<FileId>,
    versions: IntoIter<VersionPlace>,
}

/// Versions that may have to be encrypted again.
#[derive(Default)]
pub(super) struct DueBatch {
    pub(super) versions: Vec<DueVersion>,
    /// The number of secrets of which these are the last versions.
    pub(super) names: usize,
    bytes: u64,
    /// The number of places that were looked at.
    looked_at: usize,
}

pub(super) struct DueVersion {
    pub(super) name: SecretName,
    pub(super) file: VersionFile,
    /// The file that is read. Another one may be there later.
    pub(super) file_id: FileId,
}

impl<'a> ReencryptQueue<'a> {
    pub(super) fn of(secrets: &'a SecretFiles, what: ReencryptScope, names: Names) -> Self {
        Self { secrets, what, names: names.into_names(), begun: None }
    }

    /// The next versions, which may be none; `None` at the end. To be called while no secret is changed. The files in
    /// `written` are encrypted for the current key already. A secret that was changed before all of its versions were
    /// done is added to `again`.
    pub(super) fn next_batch(
        &mut self,
        written: &WrittenStamps,
        again: &mut BTreeSet<SecretName>,
    ) -> Result<Option<DueBatch>, VaultError> {
        let mut batch = DueBatch::default();
        while !batch.is_full() {
            let mut begun = match self.begun.take() {
                // A change has given its current version to the history, after this was looked at.
                Some(begun) if self.current_id(&begun.name)? != begun.file_id => {
                    again.insert(begun.name);
                    continue;
                }
                Some(begun) => begun,
                None => {
                    let Some(name) = self.names.next() else { break };
                    // This settles the history, which changes the dates of the current version's file.
                    let versions = self.secrets.places(&name)?.into_iter();
                    let file_id = self.current_id(&name)?;
                    BegunSecret { name, file_id, versions }
                }
            };
            while !batch.is_full()
                && let Some(place) = begun.versions.next()
            {
                batch.looked_at += 1;
                if let Some(due) = self.due_version(&begun, place, written)? {
                    batch.bytes += due.file_id.size();
                    batch.versions.push(due);
                }
            }
            if begun.versions.len() == 0 {
                batch.names += 1;
            } else {
                self.begun = Some(begun);
            }
        }
        Ok((batch.looked_at > 0).then_some(batch))
    }

    fn due_version(
        &self,
        BegunSecret { name, file_id, .. }: &BegunSecret,
        place: VersionPlace,
        written: &WrittenStamps,
    ) -> Result<Option<DueVersion>, VaultError> {
        let Some(file) = self.secrets.locate(name, place)? else { return Ok(None) };
        let file_id = match place {
            VersionPlace::Current => *file_id,
            _ => file.id()?,
        };
        let is_due = |id: &FileId| !self.what.keeps_current() || !written.contains(id.stamp());
        let file_id = file_id.filter(is_due);
        Ok(file_id.map(|file_id| DueVersion { name: name.clone(), file, file_id }))
    }

    fn current_id(&self, name: &SecretName) -> Result<Option<FileId>, VaultError> {
        self.secrets.current(name).id()
    }
}

impl DueBatch {
    fn is_full(&self) -> bool {
        self.versions.len() >= BATCH_FILES
            || self.bytes >= BATCH_BYTES
            || self.looked_at >= BATCH_PLACES
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use fluvio_secret_system::file_id::FileId;

    use super::{BATCH_PLACES, ReencryptQueue};
    use crate::rekey::scope::ReencryptScope;
    use crate::rekey::written_stamps::WrittenStamps;
    use crate::tests::{Home, set};

    #[test]
    fn other_changes_have_their_turn_while_many_files_need_nothing_and_the_rest_follows() {
        let home = Home::new();
        let vault = home.open().expect("a vault");
        ["A", "Z"].iter().for_each(|secret| _ = set(&vault, secret, b"one"));
        set(&vault, "A", b"two");
        let history = home.history_path().join("A");
        for version in 2..BATCH_PLACES + 10 {
            fs::hard_link(history.join("1.age"), history.join(format!("{version}.age")))
                .expect("a version");
        }
        let mut written = WrittenStamps::default();
        let stamp = |path| FileId::from(&fs::metadata(path).expect("a file")).stamp();
        written.extend([home.file("A"), history.join("1.age")].map(stamp));
        let names = vault.secrets().names().expect("names");
        let mut queue = ReencryptQueue::of(vault.secrets(), ReencryptScope::NotByCurrent, names);
        let (mut batches, mut again) = (Vec::new(), BTreeSet::new());
        while let Some(batch) = queue.next_batch(&written, &mut again).expect("looked") {
            batches.push(batch.versions.iter().map(|due| due.name.to_string()).collect::<Vec<_>>());
        }
        assert_eq!(batches, [vec![], vec!["Z".to_owned()]]);
    }
}
