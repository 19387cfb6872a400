//! The files that a change has written.

/// The most files that are remembered: a megabyte.
const MOST_STAMPS: usize = 128 << 10;

/// The states of files that a change has written, each as the hash of a [`FileId`](fluvio_secret_system::file_id::FileId). They
/// are encrypted for the current key, and need not be decrypted to find that out. Of very many, some are forgotten.
#[derive(Debug, Default)]
pub(crate) struct WrittenStamps(Vec<u64>);

impl WrittenStamps {
    /// To be called between the last one that is added and the first search.
    pub(crate) fn sort(&mut self) {
        self.0.sort_unstable();
    }

    pub(crate) fn contains(&self, stamp: u64) -> bool {
        self.0.binary_search(&stamp).is_ok()
    }
}

impl Extend<u64> for WrittenStamps {
    fn extend<I: IntoIterator<Item = u64>>(&mut self, stamps: I) {
        let room = MOST_STAMPS - self.0.len();
        self.0.extend(stamps.into_iter().take(room));
    }
}

impl IntoIterator for WrittenStamps {
    type Item = u64;
    type IntoIter = std::vec::IntoIter<u64>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
