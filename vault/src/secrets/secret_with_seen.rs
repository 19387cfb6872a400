//! Secrets, with what this machine knows of their files.

use fluvio_secret_protocol::SecretName;

use crate::secrets::history::seen_revisions::SeenSecret;
use crate::vault::Vault;

/// A secret, and what this machine knew of its files a moment ago.
#[derive(Debug)]
pub struct SecretWithSeen {
    pub(crate) name: SecretName,
    pub(crate) seen: SeenSecret,
}

impl SecretWithSeen {
    /// These secrets, in their order. They are known faster if those of a [group](SecretName::group) follow each other.
    pub fn all(vault: &Vault, names: Vec<SecretName>) -> Vec<Self> {
        let seen = vault.secrets().seen().of_all(&names);
        names.into_iter().zip(seen).map(|(name, seen)| Self { name, seen }).collect()
    }

    /// Its name.
    pub fn into_name(self) -> SecretName {
        self.name
    }
}
