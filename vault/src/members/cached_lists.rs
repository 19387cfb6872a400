//! The lists of a vault as they were read last: each request needs them, and they change a few times a year.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fluvio_secret_system::file_id::FileId;

use crate::members::list::MemberList;
use crate::members::read_members::ReadMembers;

/// How long the states of files must be the same before their content is kept. Until then, a second change could leave the
/// same dates: the clock of a file system may be coarse. The dates themselves may be of another clock.
pub(super) const MIN_AGE: Duration = Duration::from_secs(4);

/// The states of the files that were read: the accepted list, the directory of all lists in the vault, and the file of the
/// accepted one there.
pub(super) type ListFiles = [FileId; 3];

/// The lists, if they are as usual and their files have not changed for a while.
#[derive(Debug, Default)]
pub(super) struct CachedLists(Mutex<Option<CachedRead>>);

#[derive(Clone, Debug)]
struct CachedRead {
    files: ListFiles,
    /// When these states were seen first.
    since: Instant,
    /// What was read at least [`MIN_AGE`] after that.
    read: Option<Arc<ReadMembers>>,
}

impl CachedLists {
    /// What they say, if the files are still the same. `files_of` finds those of the accepted list.
    pub(super) fn get(
        &self,
        files_of: impl FnOnce(&MemberList) -> Option<ListFiles>,
    ) -> Option<Arc<ReadMembers>> {
        // The files are checked without the lock: their disk may hang.
        let CachedRead { files, read, .. } = self.last().clone()?;
        let read = read?;
        let now = read.accepted.as_ref().and_then(files_of);
        (now == Some(files)).then_some(read)
    }

    /// Keeps what they say, if it is as usual. The files had these states before they were read, at the latest at `found`.
    pub(super) fn keep(&self, files: Option<ListFiles>, found: Instant, read: &Arc<ReadMembers>) {
        let mut last = self.last();
        let Some(files) = files.filter(|_| read.is_usual()) else {
            *last = None;
            return;
        };
        let known = last.as_ref().filter(|known| known.files == files);
        let since = known.map_or(found, |known| known.since);
        let is_old = found.saturating_duration_since(since) >= MIN_AGE;
        *last = Some(CachedRead { files, since, read: is_old.then(|| read.clone()) });
    }

    fn last(&self) -> MutexGuard<'_, Option<CachedRead>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
