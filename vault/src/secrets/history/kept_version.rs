//! A version that a change has put into the history.

use fluvio_secret_protocol::SecretName;

/// A version in the history that a change has put there, or found there.
#[derive(Debug)]
pub(crate) struct KeptVersion {
    pub(super) name: SecretName,
    pub(super) file: String,
    /// The oldest versions, which leave the history once the change is made.
    pub(super) surplus: Vec<u64>,
    pub(super) is_durable: bool,
}

impl KeptVersion {
    /// Whether it survives a power cut already.
    pub(crate) fn is_durable(&self) -> bool {
        self.is_durable
    }
}
