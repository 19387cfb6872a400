//! The files that a change has written.

use std::collections::HashSet;

/// The most files that are remembered, in two megabytes.
const MOST_STAMPS: usize = 128 << 10;

/// The states of files that a change has written, each as the hash of a [`FileId`](fluvio_secret_system::file_id::FileId). They
/// are encrypted for the current key, and need not be decrypted to find that out. Of very many, some are forgotten.
#[derive(Debug, Default)]
pub(crate) struct WrittenStamps(HashSet<u64>);

impl WrittenStamps {
    pub(crate) fn contains(&self, stamp: u64) -> bool {
        self.0.contains(&stamp)
    }
}

impl Extend<u64> for WrittenStamps {
    fn extend<I: IntoIterator<Item = u64>>(&mut self, stamps: I) {
        let room = MOST_STAMPS - self.0.len();
        self.0.extend(stamps.into_iter().take(room));
    }
}
