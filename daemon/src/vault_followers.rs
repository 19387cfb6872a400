//! Clients that learn of all changes of a vault, for replication: names that may have changed, never a value.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use fluvio_secret_protocol::{SecretName, VaultChanges, limits};
use fluvio_secret_system::file_id::FileId;
use fluvio_secret_vault::DOCUMENT_DIRECTORIES;

use crate::answers::{Answers, Response};

/// How often a change is reported again. The dates of a directory may be as coarse as two seconds, so a change soon
/// after another one may leave them as they are.
const REPEATED_REPORTS: u32 = 2;

#[derive(Default)]
pub(crate) struct VaultFollowers {
    clients: Vec<Arc<dyn Answers>>,
    polled: PolledDirectories,
}

/// The directories of a vault, as they were when they were polled last.
#[derive(Default)]
struct PolledDirectories {
    ids: Vec<Option<FileId>>,
    reports_left: u32,
}

impl VaultFollowers {
    /// Reports to a client from now on. It gets an answer at once: what it reads after that misses no change.
    pub(crate) fn add(&mut self, client: Arc<dyn Answers>) {
        client.send(Response::new(VaultChanges { names: Vec::new(), any: false }));
        self.clients.push(client);
    }

    pub(crate) fn count(&self) -> usize {
        self.clients.len()
    }

    pub(crate) fn forget_gone(&mut self) {
        self.clients.retain(|client| !client.is_gone());
    }

    /// Reports that these secrets may have changed.
    pub(crate) fn report_names(&self, names: &[SecretName]) {
        for names in names.chunks(limits::PAGE_NAMES) {
            self.send(&VaultChanges { names: names.to_vec(), any: false });
        }
    }

    /// Reports that anything may have changed.
    pub(crate) fn report_any(&self) {
        self.send(&VaultChanges { names: Vec::new(), any: true });
    }

    /// Reports it if files of the vault in this directory were added, removed or replaced.
    pub(crate) fn poll(&mut self, vault: &Path) {
        if self.count() > 0 && self.polled.may_have_changed(vault) {
            self.report_any();
        }
    }

    fn send(&self, changes: &VaultChanges) {
        self.clients.iter().for_each(|client| client.send(Response::new(changes.clone())));
    }
}

impl PolledDirectories {
    fn may_have_changed(&mut self, vault: &Path) -> bool {
        let directories = DOCUMENT_DIRECTORIES.iter().map(|name| vault.join(name));
        let directories = [vault.to_owned()].into_iter().chain(directories);
        let id = |path| fs::symlink_metadata(path).ok().map(|found| FileId::from(&found));
        let ids: Vec<_> = directories.map(id).collect();
        if ids != self.ids {
            *self = Self { ids, reports_left: REPEATED_REPORTS };
            return true;
        }
        let is_left = self.reports_left > 0;
        self.reports_left = self.reports_left.saturating_sub(1);
        is_left
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::UNIX_EPOCH;

    use super::{PolledDirectories, REPEATED_REPORTS};

    #[test]
    fn a_change_of_any_directory_is_noticed_and_reported_a_few_times() {
        let vault = tempfile::tempdir().expect("a directory");
        let at = |name: &str| vault.path().join(name);
        let mut polled = PolledDirectories::default();
        let mut is_quiet = || {
            let changes = (0..=REPEATED_REPORTS).filter(|_| polled.may_have_changed(vault.path()));
            let changes = changes.count();
            assert!(!polled.may_have_changed(vault.path()), "it ends");
            changes == 0
        };
        assert!(!is_quiet(), "the first time");
        assert!(is_quiet());
        let changes: [&dyn Fn(); 4] = [
            &|| fs::write(at("A.age"), "").expect("written"),
            &|| fs::create_dir(at(".deleted")).expect("a directory"),
            &|| fs::write(at(".deleted/A.age"), "").expect("written"),
            &|| fs::remove_file(at(".deleted/A.age")).expect("removed"),
        ];
        // The clock of a file system may be coarse.
        let date = || {
            fs::write(at("clock"), "").expect("written");
            fs::metadata(at("clock")).and_then(|found| found.modified()).expect("a date")
        };
        assert!(date() > UNIX_EPOCH && !is_quiet());
        for change in changes {
            let before = date();
            while date() == before {}
            change();
            assert!(!is_quiet());
            assert!(is_quiet());
        }
    }
}
