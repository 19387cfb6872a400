//! The file of a secret, `NAME.age`, and of an earlier version of it: `N.age`, where a higher N is newer.

use fluvio_secret_protocol::{SecretName, limits};

/// The largest encrypted secret: the longest value, its head, age's header and its tags.
pub(crate) const ENCRYPTED_BYTES: u64 = limits::RECORD_BYTES as u64;

pub(crate) fn file_of(name: &SecretName) -> String {
    format!("{name}.age")
}

/// The secret that a file belongs to; `None` for a file of another kind.
pub fn name_of(file: &str) -> Option<SecretName> {
    file.strip_suffix(".age").and_then(|name| name.parse().ok())
}

pub(crate) fn file_of_version(version: u64) -> String {
    format!("{version}.age")
}

/// The version of a file. Only numbers as they are written here: `+5` would parse as 5.
pub(crate) fn version_of(file: &str) -> Option<u64> {
    let number = file.strip_suffix(".age")?.parse().ok()?;
    (file_of_version(number) == file).then_some(number)
}
