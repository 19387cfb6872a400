//! A change of the identity that an earlier version of the program began. It had the new key in a file
//! of its own until everything was encrypted for it.

use std::path::Path;

use crate::durable_directory::DurableDirectory;
use crate::keys::identity_file::IDENTITY_FILE_BYTES;
use crate::rekey::error::RekeyError;

const EARLIER_FILE: &str = "identity.next.txt";

pub(crate) struct EarlierChange {
    config: DurableDirectory,
}

impl EarlierChange {
    pub(crate) fn beside(identity: &Path) -> Self {
        Self { config: DurableDirectory::of(identity) }
    }

    /// Fails until the new key is in the identity file: some secrets may need it.
    pub(crate) fn refuse_if_begun(&self) -> Result<(), RekeyError> {
        match self.config.has(EARLIER_FILE) {
            Ok(false) => Ok(()),
            Ok(true) | Err(_) => {
                Err(RekeyError::EarlierChange { path: self.config.path_of(EARLIER_FILE) })
            }
        }
    }

    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        self.config.read(EARLIER_FILE, IDENTITY_FILE_BYTES).is_ok_and(|found| found == bytes)
    }

    /// Removes the file, because its key is in the identity file. A failure is logged.
    pub(crate) fn end(&self) {
        if let Err(error) = self.config.remove(EARLIER_FILE).and_then(|()| self.config.sync()) {
            tracing::warn!(
                "cannot remove {}: {error}",
                self.config.path_of(EARLIER_FILE).display()
            );
        }
    }
}
