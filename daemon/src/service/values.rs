//! The values that a configuration references, decrypted.

use std::cell::RefCell;
use std::collections::HashMap;

use fluvio_secret_config::{Document, KnownSecret, References, Values};
use fluvio_secret_protocol::check::Checked;
use fluvio_secret_protocol::{Grant, Refusal, Secret, SecretName, limits};
use fluvio_secret_system::help::Helpful;
use fluvio_secret_vault::{Vault, VaultError};

use super::refusals;

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

/// Secrets that were decrypted for a request, each once, with their fingerprints.
pub(super) type Decrypted = HashMap<SecretName, (Secret, u64)>;

impl Referenced {
    /// Decrypts what a configuration references; if the request wants it, only after the check.
    pub(super) fn decrypt(
        vault: &Vault,
        grant: &Grant,
        by: InjectBy,
    ) -> Result<Result<Self, Checked>, Refusal> {
        let document = Document::read(&grant.config);
        let decrypted = RefCell::default();
        if grant.check {
            let known = |name: &SecretName| known(vault, name, Some(&decrypted));
            let mut checked = document.check(Values::Of(&known));
            if by == InjectBy::File {
                checked.refuse_by_environment();
            }
            if checked.has_errors() {
                return Ok(Err(checked));
            }
        }
        let references = document.references().map_err(refusals::config)?.clone();
        let values = read_all(vault, &references.names, &mut decrypted.into_inner())?;
        let (values, fingerprints) = values.into_iter().unzip();
        Ok(Ok(Self { references, values, fingerprints }))
    }
}

/// What is known of a secret. Its value is kept if the caller needs it again.
pub(super) fn known(
    vault: &Vault,
    name: &SecretName,
    decrypted: Option<&RefCell<Decrypted>>,
) -> KnownSecret {
    match vault.read_with_fingerprint(name) {
        Ok((value, fingerprint)) => {
            if let Some(mut decrypted) = decrypted.map(RefCell::borrow_mut) {
                // A larger grant is refused, so its values need not be kept.
                let kept: usize = decrypted.values().map(|(value, _)| value.len()).sum();
                if kept + value.len() <= limits::GRANT_BYTES {
                    decrypted.insert(name.clone(), (value.clone(), fingerprint));
                }
            }
            KnownSecret::Value(value)
        }
        Err(VaultError::Missing) => KnownSecret::Missing,
        Err(VaultError::Locked { .. }) if !vault.secrets().has(name).unwrap_or(true) => {
            KnownSecret::Missing
        }
        Err(VaultError::Locked { .. }) => KnownSecret::Closed(
            "the vault is locked, so values were not checked; unlock it with: fluvio-secret unlock"
                .to_owned(),
        ),
        Err(VaultError::Damaged { source, .. }) => KnownSecret::Damaged(source.to_string()),
        Err(error @ VaultError::ForOthers { .. }) => KnownSecret::Damaged(error.to_string()),
        Err(error) => {
            KnownSecret::Closed(format!("the values were not checked: {}", error.report()))
        }
    }
}

/// Decrypts these secrets, or refuses with the names of all that are missing, or all that are damaged.
/// Stops at the secret that makes a grant too large.
pub(super) fn read_all(
    vault: &Vault,
    names: &[SecretName],
    decrypted: &mut Decrypted,
) -> Result<Vec<(Secret, u64)>, Refusal> {
    let mut missing = Vec::new();
    for name in names {
        if !vault.secrets().has(name).map_err(refusals::about(std::slice::from_ref(name)))? {
            missing.push(name.clone());
        }
    }
    if !missing.is_empty() {
        return Err(refusals::missing(missing));
    }
    let mut values = Vec::with_capacity(names.len());
    let mut damaged = Vec::new();
    let mut first = None;
    let mut left = limits::GRANT_BYTES;
    for name in names {
        match decrypted.remove(name).map_or_else(|| vault.read_with_fingerprint(name), Ok) {
            Ok((value, fingerprint)) => {
                left = left.checked_sub(value.len()).ok_or_else(refusals::large_grant)?;
                values.push((value, fingerprint));
            }
            Err(error @ (VaultError::Damaged { .. } | VaultError::ForOthers { .. })) => {
                damaged.push(name.clone());
                first.get_or_insert(error);
            }
            Err(error) => return Err(refusals::about(std::slice::from_ref(name))(error)),
        }
    }
    first.map_or(Ok(values), |error| Err(refusals::about(&damaged)(error)))
}
