//! The file of a secret.

use fluvio_secret_protocol::{SecretName, limits};

/// The largest encrypted secret: the longest value, its head, age's header and its tags.
pub(crate) const ENCRYPTED_BYTES: u64 = limits::VALUE_BYTES as u64 + (64 << 10);

/// The file of a secret.
pub(crate) fn file_of(name: &SecretName) -> String {
    format!("{name}.age")
}

/// The secret that a file belongs to; `None` for a file of another kind.
pub fn name_of(file: &str) -> Option<SecretName> {
    file.strip_suffix(".age").and_then(|name| name.parse().ok())
}
