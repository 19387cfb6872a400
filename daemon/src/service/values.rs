//! The values that a configuration references, decrypted.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};

use fluvio_secret_config::{Document, KnownSecret, KnownSecrets, References, Setter, Values};
use fluvio_secret_protocol::check::Checked;
use fluvio_secret_protocol::{Grant, Refusal, Secret, SecretName, limits};
use fluvio_secret_system::help::Helpful;
use fluvio_secret_system::helpers::READ_HELPERS;
use fluvio_secret_system::parallel::cores;
use fluvio_secret_system::path_text;
use fluvio_secret_vault::{Names, OpenedSecret, SecretReader, VaultError, wiping_stack_once};

use super::{Service, missing, refusals};

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
    /// In the order of the names.
    pub(super) secrets: Vec<ReadSecret>,
}

/// A secret that was read.
pub(super) struct ReadSecret {
    pub(super) value: Secret,
    /// The fingerprint of the encrypted bytes.
    pub(super) fingerprint: u64,
    /// Whether this machine has seen a later change of it.
    pub(super) is_older: bool,
    /// Whether the vault does not have it, and the personal one does.
    pub(super) is_personal: bool,
}

/// What the vault has for the references of a configuration, each read once.
pub(super) struct ReadSecrets<'a> {
    service: &'a Service,
    personal: Option<&'a Service>,
    /// Without those that make a grant too large.
    read: HashMap<SecretName, Result<ReadSecret, VaultError>>,
    /// The names of all secrets, read if one is missing, to suggest another. `None` if they cannot be read.
    names: OnceCell<Option<Names>>,
    /// The machines on which one can be set, found once: the vault may have many lists of members.
    setter: OnceCell<Setter>,
    /// What helps if one is not encrypted for this machine's key.
    admission: OnceCell<String>,
}

/// The reader of a vault, and that of the personal one if it has what the vault lacks.
struct Readers<'a> {
    own: SecretReader<'a>,
    personal: Option<SecretReader<'a>>,
}

impl<'a> Readers<'a> {
    fn of(service: &'a Service, personal: Option<&'a Service>) -> Self {
        let personal = personal.map(|personal| SecretReader::of(&personal.vault));
        Self { own: SecretReader::of(&service.vault), personal }
    }

    fn read(&self, name: &SecretName) -> Result<ReadSecret, VaultError> {
        let (read, is_personal) = match (self.own.read(name), &self.personal) {
            (Err(VaultError::Missing), Some(personal)) => (personal.read(name), true),
            (read, _) => (read, false),
        };
        read.map(|OpenedSecret { value, fingerprint, is_older }| ReadSecret {
            value,
            fingerprint,
            is_older,
            is_personal,
        })
    }
}

/// Reads a secret, if the values that were read before leave room for it. `left` is the number of bytes.
fn read_within(
    left: &AtomicI64,
    readers: &Readers<'_>,
    name: SecretName,
) -> Option<(SecretName, Result<ReadSecret, VaultError>)> {
    if left.load(Ordering::Relaxed) < 0 {
        return None;
    }
    let read = readers.read(&name);
    let bytes = read.as_ref().map_or(0, |read| read.value.len());
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    let fits = left.fetch_sub(bytes, Ordering::Relaxed) >= bytes;
    fits.then_some((name, read))
}

impl Referenced {
    /// Decrypts what a configuration references; if the request wants it, only after the check.
    pub(super) fn decrypt(
        service: &Service,
        grant: &Grant,
        by: InjectBy,
    ) -> Result<Result<Self, Checked>, Refusal> {
        let vault = &service.vault;
        let identity = path_text::unambiguous(vault.keys().path());
        if let Some(expected) = grant.identity.as_deref().filter(|expected| *expected != identity) {
            return Err(refusals::other_identity(&identity, expected));
        }
        let document = Document::read(&grant.config);
        let personal = service.fallback();
        let secrets = ReadSecrets::of(service, personal.as_deref(), &document);
        if grant.check {
            let mut checked = document.check(Values::Of(&secrets));
            if by == InjectBy::File {
                checked.refuse_by_environment();
            }
            if checked.has_errors() {
                return Ok(Err(checked));
            }
        }
        let references = document.references().map_err(refusals::config)?.clone();
        let secrets = secrets.into_values(&references.names)?;
        Ok(Ok(Self { references, secrets }))
    }

    /// Which secrets are of the personal vault, for the user of the connector.
    pub(super) fn note(&self) -> Option<String> {
        let names = self.personal_names();
        let names: Vec<_> = names.iter().map(SecretName::as_str).collect();
        (!names.is_empty()).then(|| format!("from your personal vault: {}", names.join(", ")))
    }

    /// The names of the secrets that are of the personal vault.
    pub(super) fn personal_names(&self) -> Vec<SecretName> {
        let named = self.references.names.iter().zip(&self.secrets);
        named.filter(|(_, secret)| secret.is_personal).map(|(name, _)| name.clone()).collect()
    }
}

impl<'a> ReadSecrets<'a> {
    /// Decrypts what a configuration references, on all cores.
    pub(super) fn of(
        service: &'a Service,
        personal: Option<&'a Service>,
        document: &Document<'_>,
    ) -> Self {
        let names = document.references().map_or(&[][..], |references| &references.names);
        let left = AtomicI64::new(i64::try_from(limits::GRANT_BYTES).unwrap_or(i64::MAX));
        let others = cores().min(names.len() / SECRETS_PER_THREAD).saturating_sub(1);
        let (own, fallback) = (service.handle(), personal.map(Service::handle));
        let read = READ_HELPERS.share(others, names.to_vec(), move |names| {
            let readers = Readers::of(&own, fallback.as_deref());
            wiping_stack_once(|| names.work(|name| read_within(&left, &readers, name)));
        });
        let read = read.into_iter().flatten().collect();
        let (names, setter, admission) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { service, personal, read, names, setter, admission }
    }

    fn admission(&self) -> String {
        self.admission.get_or_init(|| self.service.admission()).clone()
    }

    /// What is known of a secret that the vault does not have.
    fn absent(&self, name: &SecretName) -> KnownSecret {
        if self.service.is_only_personal(name) {
            return KnownSecret::OnlyPersonal;
        }
        if self.service.vault.waits_for_admission() {
            return KnownSecret::NotAdmitted(self.admission());
        }
        if missing::is_deleted(name, &self.service.vault) {
            return KnownSecret::Deleted;
        }
        let names = self.names.get_or_init(|| self.service.vault.secrets().names().ok());
        KnownSecret::Missing(names.as_ref().and_then(|names| names.most_like(name)))
    }

    /// These secrets.
    ///
    /// # Errors
    ///
    /// The names of all that are missing, or of all that are damaged.
    pub(super) fn into_values(mut self, names: &[SecretName]) -> Result<Vec<ReadSecret>, Refusal> {
        let mut values = Vec::with_capacity(names.len());
        let (mut absent, mut damaged) = (Vec::new(), Vec::new());
        let (mut failed, mut first_damage) = (None, None);
        for name in names {
            match self.read.remove(name) {
                Some(Ok(value)) => values.push(value),
                Some(Err(VaultError::Missing)) => absent.push(name.clone()),
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
        if !absent.is_empty() {
            return Err(missing::missing(absent, self.service));
        }
        let damage = first_damage.map(|error| damage(&error, &damaged, self.service));
        failed.or(damage).map_or(Ok(values), Err)
    }
}

impl KnownSecrets for ReadSecrets<'_> {
    fn known(&self, name: &SecretName) -> KnownSecret {
        let again;
        let read = match self.read.get(name) {
            Some(read) => read,
            None => {
                again = Readers::of(self.service, self.personal).read(name);
                &again
            }
        };
        match read {
            Ok(read) if read.is_personal => KnownSecret::Personal(read.value.clone()),
            Ok(read) if read.is_older => KnownSecret::Older(read.value.clone()),
            Ok(read) => KnownSecret::Value(read.value.clone()),
            Err(VaultError::Missing) => self.absent(name),
            Err(VaultError::Locked { .. }) => KnownSecret::Closed(
                "the vault is locked, so the values were not checked\n\
                 help: unlock it with: fluvio-secret unlock"
                    .to_owned(),
            ),
            Err(VaultError::Damaged { source, .. }) if source.is_refused() => {
                let next = source.help().map(|help| help.to_string());
                KnownSecret::NotAccepted(source.to_string(), next)
            }
            Err(VaultError::Damaged { source, .. }) => KnownSecret::Damaged(source.to_string()),
            Err(VaultError::ForOthers { .. }) => KnownSecret::ForOthers(self.admission()),
            Err(error) => {
                KnownSecret::Closed(format!("the values were not checked: {}", error.report()))
            }
        }
    }

    fn setter(&self) -> Setter {
        self.setter.get_or_init(|| self.service.setter()).clone()
    }
}

/// Refuses with the damage of secrets.
fn damage(error: &VaultError, names: &[SecretName], service: &Service) -> Refusal {
    let refusal = refusals::with_names(error, names);
    match error {
        VaultError::ForOthers { .. } => Refusal { next: service.admission(), ..refusal },
        _ => refusal,
    }
}
