//! The values that a configuration references, decrypted.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicI64, Ordering};

use fluvio_secret_config::{Document, KnownSecret, References, Values};
use fluvio_secret_protocol::check::Checked;
use fluvio_secret_protocol::{Grant, Refusal, Secret, SecretName, limits};
use fluvio_secret_system::help::Helpful;
use fluvio_secret_system::parallel::{cores, in_parallel};
use fluvio_secret_system::path_text;
use fluvio_secret_vault::{Names, SecretReader, Vault, VaultError};

use super::refusals;

/// For fewer secrets than this, starting another thread takes longer than it saves.
const SECRETS_PER_THREAD: usize = 4;

/// How values can reach the connector of a request.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum InjectBy {
    /// The client chooses.
    Any,
    /// Only in a secrets file.
    File,
}

/// What a configuration references.
pub(super) struct Referenced {
    pub(super) references: References,
    pub(super) values: Vec<Secret>,
    /// The fingerprints of the encrypted bytes.
    pub(super) fingerprints: Vec<u64>,
}

/// What the vault has for the references of a configuration, each read once.
pub(super) struct ReadSecrets<'a> {
    vault: &'a Vault,
    reader: SecretReader<'a>,
    /// Without those that make a grant too large.
    read: HashMap<SecretName, Result<(Secret, u64), VaultError>>,
    /// The names of all secrets, read if one is missing, to suggest another. `None` if they cannot be read.
    names: OnceCell<Option<Names>>,
}

impl Referenced {
    /// Decrypts what a configuration references; if the request wants it, only after the check.
    pub(super) fn decrypt(
        vault: &Vault,
        grant: &Grant,
        by: InjectBy,
    ) -> Result<Result<Self, Checked>, Refusal> {
        let identity = path_text::unambiguous(vault.keys().path());
        if let Some(expected) = grant.identity.as_deref().filter(|expected| *expected != identity) {
            return Err(refusals::other_identity(&identity, expected));
        }
        let document = Document::read(&grant.config);
        let secrets = ReadSecrets::of(vault, &document);
        if grant.check {
            let mut checked = document.check(Values::Of(&|name| secrets.known(name)));
            if by == InjectBy::File {
                checked.refuse_by_environment();
            }
            if checked.has_errors() {
                return Ok(Err(checked));
            }
        }
        let references = document.references().map_err(refusals::config)?.clone();
        let values = secrets.into_values(&references.names)?;
        let (values, fingerprints) = values.into_iter().unzip();
        Ok(Ok(Self { references, values, fingerprints }))
    }
}

impl<'a> ReadSecrets<'a> {
    /// Decrypts what a configuration references, on all cores.
    pub(super) fn of(vault: &'a Vault, document: &Document<'_>) -> Self {
        let names = document.references().map_or(&[][..], |references| &references.names);
        let reader = vault.reader();
        let left = AtomicI64::new(i64::try_from(limits::GRANT_BYTES).unwrap_or(i64::MAX));
        let read = |name: &SecretName| {
            if left.load(Ordering::Relaxed) < 0 {
                return Ok::<_, Infallible>(None);
            }
            let read = reader.read(name);
            let bytes = read.as_ref().map_or(0, |(value, _)| value.len());
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            let fits = left.fetch_sub(bytes, Ordering::Relaxed) >= bytes;
            Ok(fits.then(|| (name.clone(), read)))
        };
        let threads = cores().min(names.len() / SECRETS_PER_THREAD);
        let Ok(read) = in_parallel(threads, names.iter().collect(), read);
        Self { vault, reader, read: read.into_iter().flatten().collect(), names: OnceCell::new() }
    }

    /// What is known of a secret.
    pub(super) fn known(&self, name: &SecretName) -> KnownSecret {
        let again;
        let read = match self.read.get(name) {
            Some(read) => read,
            None => {
                again = self.reader.read(name);
                &again
            }
        };
        match read {
            Ok((value, _)) => KnownSecret::Value(value.clone()),
            Err(VaultError::Missing) => {
                let names = self.names.get_or_init(|| self.vault.secrets().names().ok());
                KnownSecret::Missing(names.as_ref().and_then(|names| names.most_like(name)))
            }
            Err(VaultError::Locked { .. }) => KnownSecret::Closed(
                "the vault is locked, so the values were not checked\n\
                 help: unlock it with: fluvio-secret unlock"
                    .to_owned(),
            ),
            Err(VaultError::Damaged { source, .. }) => KnownSecret::Damaged(source.to_string()),
            Err(VaultError::ForOthers { .. }) => KnownSecret::ForOthers,
            Err(error) => {
                KnownSecret::Closed(format!("the values were not checked: {}", error.report()))
            }
        }
    }

    /// The values of these secrets, with the fingerprints of their encrypted bytes.
    ///
    /// # Errors
    ///
    /// The names of all that are missing, or of all that are damaged.
    pub(super) fn into_values(
        mut self,
        names: &[SecretName],
    ) -> Result<Vec<(Secret, u64)>, Refusal> {
        let mut values = Vec::with_capacity(names.len());
        let (mut missing, mut damaged) = (Vec::new(), Vec::new());
        let (mut failed, mut first_damage) = (None, None);
        for name in names {
            match self.read.remove(name) {
                Some(Ok(value)) => values.push(value),
                Some(Err(VaultError::Missing)) => missing.push(name.clone()),
                Some(Err(error @ (VaultError::Damaged { .. } | VaultError::ForOthers { .. }))) => {
                    damaged.push(name.clone());
                    first_damage.get_or_insert(error);
                }
                Some(Err(error)) => {
                    let about = refusals::about(std::slice::from_ref(name));
                    failed.get_or_insert_with(|| about(error));
                }
                None => _ = failed.get_or_insert_with(refusals::large_grant),
            }
        }
        if !missing.is_empty() {
            return Err(refusals::missing(missing, self.vault));
        }
        let damage = first_damage.map(refusals::about(&damaged));
        failed.or(damage).map_or(Ok(values), Err)
    }
}
