//! Where the secrets of an import come from.

use std::env;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use fluvio_secret_protocol::{Secret, SecretName, limits};
use fluvio_secret_system::printable;

use super::remarks::provided;
use crate::error::{AnyCause, CliError};
use crate::provider::Provider;
use crate::secrets_file::{self, FileFormat, SecretsFile};

#[derive(Debug)]
pub(super) enum ImportSource {
    /// A program, and the secret that it prints.
    Command(SecretName, Provider),
    /// Variables of the environment.
    Environment(Vec<SecretName>),
    /// A file, or `-` for standard input.
    File(PathBuf),
}

impl ImportSource {
    /// Reads the secrets, all of them or none.
    pub(super) fn read(&self, format: Option<FileFormat>) -> Result<SecretsFile, CliError> {
        match self {
            Self::Command(name, provider) => {
                Ok(SecretsFile::of(vec![(name.clone(), provided(provider)?)]))
            }
            Self::Environment(names) => self.variables(names),
            Self::File(path) => secrets_file::read(path, format).map_err(|why| {
                let help = why.help();
                self.refused(why, help)
            }),
        }
    }

    /// An error that refuses all of it.
    pub(super) fn refused(&self, why: impl Into<AnyCause>, help: Option<&'static str>) -> CliError {
        let from = match self {
            Self::File(path) if path.as_os_str() == "-" => "standard input".to_owned(),
            Self::File(_) => self.shown(),
            Self::Command(..) | Self::Environment(_) => format!("from {}", self.shown()),
        };
        CliError::Import { from, why: why.into(), help }
    }

    /// How to replace a secret that has another value. What follows a command is passed to that.
    pub(super) fn overwriting(&self) -> &'static str {
        match self {
            Self::Command(..) => "to replace it, add before --command: --overwrite",
            Self::Environment(_) | Self::File(_) => "to replace it, add: --overwrite",
        }
    }

    /// What the secrets are imported from, for a sentence.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Command(_, provider) => provider.name(),
            Self::Environment(_) => "the environment".to_owned(),
            Self::File(path) => printable::path(path),
        }
    }

    /// The head of the column that compares it with the vault.
    pub(super) fn head(&self) -> &'static str {
        match self {
            Self::Command(..) => "InOutput",
            Self::Environment(_) => "InEnvironment",
            Self::File(_) => "InFile",
        }
    }

    /// The path of a file that can be removed after the import.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) if path.as_os_str() != "-" => Some(path),
            _ => None,
        }
    }

    fn variables(&self, names: &[SecretName]) -> Result<SecretsFile, CliError> {
        let (mut secrets, mut missing) = (Vec::new(), Vec::new());
        for name in names {
            match env::var_os(name.as_str()) {
                Some(value) if value.len() > limits::VALUE_BYTES => return Err(CliError::Large),
                Some(value) if !value.is_empty() => {
                    secrets.push((name.clone(), Secret::from(value.into_vec())));
                }
                // A CI system sets a variable without a value for a secret that it does not have.
                _ => missing.push(format!("`{name}`")),
            }
        }
        match missing.is_empty() {
            true => Ok(SecretsFile::of(secrets)),
            false => {
                let why = format!("it has no value for {}", missing.join(", "));
                Err(self.refused(why, Some("export the variable, or leave its name out")))
            }
        }
    }
}
