//! A door into this crate for a target in `fuzz/`, and for nothing else.
//!
//! Compiled with the feature `fuzzing` alone, which no shipped build has: `tests/layering.rs` looks.
//! Nothing here is promised to anyone.

use fluvio_secret_protocol::{Secret, SecretName};

use crate::secrets_file::parse;

/// The secrets of a secrets file, unless it is refused, and every text that is said about it.
#[must_use]
pub fn secrets_file(bytes: &[u8]) -> (Option<Vec<(SecretName, Secret)>>, Vec<String>) {
    match parse(bytes) {
        Ok(file) => {
            let notes = file.notes().collect();
            (Some(file.secrets), notes)
        }
        Err(why) => (None, vec![why.to_string()]),
    }
}
