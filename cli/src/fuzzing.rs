//! A door into this crate for a target in `fuzz/`, and for nothing else.
//!
//! Compiled with the feature `fuzzing` alone, which no shipped build has: `tests/layering.rs` looks.
//! Nothing here is promised to anyone.

use fluvio_secret_protocol::{Secret, SecretName};

use crate::secrets_file::{FileFormat, parse};

/// The secrets of a secrets file, or of a `.env`, unless it is refused, and every text that is said
/// about it.
#[must_use]
pub fn secrets_file(
    bytes: &[u8],
    is_dotenv: bool,
) -> (Option<Vec<(SecretName, Secret)>>, Vec<String>) {
    read(bytes, if is_dotenv { FileFormat::Dotenv } else { FileFormat::Secrets })
}

/// The same of a file of JSON or YAML.
#[must_use]
pub fn flat_map(bytes: &[u8], is_yaml: bool) -> (Option<Vec<(SecretName, Secret)>>, Vec<String>) {
    read(bytes, if is_yaml { FileFormat::Yaml } else { FileFormat::Json })
}

fn read(bytes: &[u8], format: FileFormat) -> (Option<Vec<(SecretName, Secret)>>, Vec<String>) {
    match parse(bytes, Some(format)) {
        Ok(file) => {
            let said = file.notes().chain(file.described_changes()).collect();
            (Some(file.secrets), said)
        }
        Err(why) => (None, vec![why.to_string(), why.help().unwrap_or_default().to_owned()]),
    }
}
