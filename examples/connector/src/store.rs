//! Fluvio's two stores: a file of `NAME=value` lines, or the environment.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

/// Where secrets are looked up.
pub(crate) enum SecretStore {
    /// Variables called like the secrets.
    Environment,
    /// A file, opened and read again for each secret.
    File(PathBuf),
}

impl SecretStore {
    pub(crate) fn new(secrets: Option<PathBuf>) -> Self {
        secrets.map_or(Self::Environment, Self::File)
    }

    /// The value of a secret: of the first line that has its name, both sides trimmed.
    pub(crate) fn read(&self, name: &str) -> Result<String, String> {
        let not_found = || format!("value not found for secret name {name}");
        match self {
            Self::Environment => std::env::var(name).map_err(|_| not_found()),
            Self::File(path) => {
                let file = File::open(path).map_err(|error| error.to_string())?;
                for line in BufReader::new(file).lines() {
                    let line = line.map_err(|error| error.to_string())?;
                    if let Some((key, value)) = line.split_once('=')
                        && key.trim() == name.trim()
                    {
                        return Ok(value.trim().to_owned());
                    }
                }
                Err(not_found())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SecretStore;

    #[test]
    fn the_first_line_of_a_name_wins_and_is_trimmed() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "no pair\n A = x=y \nA=2\n#B=3\n").expect("written");
        let store = SecretStore::new(Some(file.path().to_owned()));
        assert_eq!(store.read("A").as_deref(), Ok("x=y"));
        assert_eq!(store.read("#B").as_deref(), Ok("3"));
        assert!(store.read("B").is_err());
    }
}
