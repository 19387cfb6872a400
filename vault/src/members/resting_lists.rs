//! The lists of a vault as they were read last: they are needed for each request, and change a few times a year.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fluvio_secret_system::file_id::FileId;

use crate::members::list::MemberList;
use crate::members::read_members::ReadMembers;

/// A file that was changed this long ago gets other dates by the next change, also on a file system with a coarse clock.
const REST: Duration = Duration::from_secs(4);

/// The states of the files that were read: the accepted list, the directory of all lists in the vault, and the file of the
/// accepted one there.
pub(super) type ListFiles = [FileId; 3];

/// What the lists said, if they were as almost always: the accepted one alone, and no file changed for a while.
#[derive(Debug, Default)]
pub(super) struct RestingLists(Mutex<Option<(ListFiles, Arc<ReadMembers>)>>);

impl RestingLists {
    /// What they say, if the files are still the same. `files_of` finds those of the accepted list.
    pub(super) fn get(
        &self,
        files_of: impl FnOnce(&MemberList) -> Option<ListFiles>,
    ) -> Option<Arc<ReadMembers>> {
        // The files are looked at without the lock: their disk may hang.
        let (files, read) = self.last().clone()?;
        let now = read.accepted.as_ref().and_then(files_of);
        (now == Some(files)).then_some(read)
    }

    /// Remembers what they say. `files` are their states before they were read.
    pub(super) fn remember(&self, files: Option<ListFiles>, read: &Arc<ReadMembers>) {
        let files = files.filter(|files| files.iter().all(|file| file.is_older_than(REST)));
        *self.last() = files.filter(|_| read.is_usual()).map(|files| (files, read.clone()));
    }

    fn last(&self) -> MutexGuard<'_, Option<(ListFiles, Arc<ReadMembers>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
