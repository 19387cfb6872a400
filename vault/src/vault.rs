//! The vault: one sealed file for each secret, written durably, with a history.
//!
//! * [`seal`]: bytes sealed to a key; the age library's one home
//! * [`record`]: what is sealed
//! * [`store`]: files written whole and durably
//! * [`change`]: everything that changes the vault
//! * [`git`]: what git has to know of a vault
//! * [`history`]: what was overwritten or deleted
//! * [`id`]: what tells a vault from every other vault
//! * [`identity`]: the file of the key
//! * [`held`]: what is held of the key, and for how long
//! * [`memory`]: memory that holds a key
//! * [`names`]: the names of all secrets in little memory
//! * [`next`]: the identity that takes the place of the present one
//! * [`place`]: the vault's directory, told from another one at its path
//! * [`recipients`]: whom the secrets are sealed to
//! * [`remembered`]: what the config directory knows of the vault
//! * [`rekey`], [`reseal`]: another identity or other recipients, and everything sealed anew
//! * [`kind`]: keys of other kinds
//! * [`fingerprint`](mod@fingerprint): what tells a secret's sealed file from a later one
//!
//! docs/VAULT.md describes the files. Callers take care that one thread at a time changes it; any
//! number may read meanwhile, because files are replaced whole.

mod change;
mod fingerprint;
mod git;
mod held;
mod history;
mod id;
mod identity;
mod kind;
mod memory;
mod names;
mod next;
mod place;
mod recipients;
mod record;
mod rekey;
mod remembered;
mod reseal;
mod seal;
mod store;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use fluvio_secret_protocol::{Found, Secret, SecretName, Version, Versions, limits};
use fluvio_secret_system::lock::Lock;
use fluvio_secret_system::places::{PlaceError, private_directory};
use zeroize::Zeroizing;

pub use self::fingerprint::{Fingerprints, Given};
use self::held::HeldKey;
pub use self::held::{BootInstant, KeyError, KeyState};
pub use self::history::DEPTH as HISTORY_DEPTH;
use self::history::History;
use self::id::IdError;
pub use self::id::VaultId;
pub use self::identity::IdentityError;
use self::identity::IdentityFile;
pub use self::names::Names;
use self::place::Place;
use self::recipients::Lists;
pub use self::recipients::RecipientsError;
use self::record::BadRecord;
pub use self::record::Record;
pub use self::rekey::{Rekey, RekeyError};
use self::remembered::Remembered;
pub use self::remembered::{Stranger, accept};
pub use self::reseal::Step;
pub use self::seal::Identity;
use self::seal::{Recipient, Unopened};
use self::store::{Folder, ReadError};
use fluvio_secret_system::io_error::io_error_text;

/// No sealed secret is larger: the longest value, its head, age's header and its tags.
const SEALED_BYTES: u64 = limits::VALUE_BYTES as u64 + (64 << 10);

/// A vault that is this process's own.
pub struct Vault {
    id: VaultId,
    folder: Folder,
    history: History,
    key: HeldKey,
    next: HeldKey,
    lists: Lists,
    /// Held by who puts another identity, or another passphrase, in the place of the present one.
    changing: Mutex<()>,
    /// How often it was locked, and how often somebody asked for that.
    locks: AtomicU64,
    lock_requests: AtomicU64,
    /// Whether the identity was made and nothing has been set with it yet.
    is_identity_new: AtomicBool,
    place: Arc<Place>,
    remembered: Remembered,
    _lock: Lock,
}

/// Why a vault was not opened.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum OpenError {
    #[error(transparent)]
    Id(#[from] IdError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("the vault {path} cannot be used: {}", io_error_text(.source), path = .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("another daemon owns the vault {path}; end it first", path = .path.display())]
    Owned { path: PathBuf },
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Stranger(#[from] Stranger),
}

/// Why a secret was not read or changed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum VaultError {
    #[error("{file} cannot be opened ({why})", file = .file.display())]
    Damaged { file: PathBuf, why: String },
    #[error("{file} cannot be opened ({why})", file = .file.display())]
    DamagedVersion { file: PathBuf, why: String },
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("the identity {path} does not exist, and the vault needs it", path = .path.display())]
    IdentityLost { path: PathBuf },
    #[error("the passphrase of the identity {path} is not known", path = .path.display())]
    Key { path: PathBuf, error: KeyError },
    #[error("the vault is locked: its identity {path} has a passphrase", path = .path.display())]
    Locked { path: PathBuf },
    #[error("no such secret")]
    Missing,
    #[error("the directory of the vault {path} was moved, replaced or unmounted", path = .path.display())]
    Moved { path: PathBuf },
    #[error(transparent)]
    Recipients(#[from] RecipientsError),
    #[error(transparent)]
    Rekey(#[from] RekeyError),
    #[error("{path}: {}", io_error_text(.source), path = .path.display())]
    Storage { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Stranger(#[from] Stranger),
}

impl Vault {
    /// Makes the vault or takes the one that is there, and locks it; waits until `deadline` for an
    /// owner that ends. `histories` is the directory of the histories of all vaults.
    pub fn open(
        path: &Path,
        identity: &Path,
        histories: &Path,
        deadline: Instant,
    ) -> Result<Self, OpenError> {
        let key = HeldKey::of(IdentityFile::at(identity.to_owned()))?;
        let next = next::beside(identity)?;
        let failed = |source| OpenError::Io { path: path.to_owned(), source };
        let remembered = Remembered::beside(identity);
        remembered.check(path)?;
        private_directory(path)?;
        let place = Arc::new(Place::find(path).map_err(failed)?);
        let path = place.path();
        let lock = Lock::take(&path.join(".lock"), deadline).map_err(failed)?;
        let lock = lock.ok_or_else(|| OpenError::Owned { path: path.to_owned() })?;
        let folder = Folder::at(path.to_owned());
        let id = id::of_vault(&folder)?;
        git::prepare(&folder);
        let history = History::of_vault(folder.clone(), id, histories);
        key.file().remove_temporary()?;
        let is_identity_new = AtomicBool::new(false);
        let lists = Lists::of(path, identity);
        let changing = Mutex::default();
        let vault = Self {
            id,
            folder,
            history,
            key,
            next,
            lists,
            changing,
            locks: AtomicU64::new(0),
            lock_requests: AtomicU64::new(0),
            is_identity_new,
            place,
            remembered,
            _lock: lock,
        };
        vault.remember_if_used();
        if let Err(error) = vault.remove_copy_of_present() {
            tracing::warn!("a copy of the identity is left: {error}");
        }
        vault.tell_of_unfinished();
        Ok(vault)
    }

    /// The same, keeping so many earlier versions of each secret.
    pub fn keeping(mut self, versions: usize) -> Self {
        self.history.keep_at_most(versions);
        self
    }

    /// What tells it from every other vault.
    pub fn id(&self) -> VaultId {
        self.id
    }

    /// The vault's folder.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// Fails if the directory at the vault's path is not the one that was locked.
    pub fn refuse_if_moved(&self) -> Result<(), VaultError> {
        match self.place.is_here() {
            true => Ok(()),
            false => Err(VaultError::Moved { path: self.path().to_owned() }),
        }
    }

    /// Remembers a vault that is in use. A machine that cannot write that down can still read it.
    fn remember_if_used(&self) {
        let is_used = remembered::is_empty(&self.folder).map(|is_empty| !is_empty);
        if is_used.unwrap_or(true)
            && let Err(error) = self.remembered.remember(&self.folder, self.id)
        {
            tracing::warn!("{error}");
        }
    }

    /// The identity's file.
    pub fn identity(&self) -> &Path {
        self.key.file().path()
    }

    /// The key that opens it.
    pub fn key(&self) -> &HeldKey {
        &self.key
    }

    /// What tells when a secret changes.
    pub fn fingerprints(&self) -> Fingerprints {
        Fingerprints::at(self.place.clone())
    }

    /// Removes what killed writers left. Reads the whole folder, so a start does not wait for it; the
    /// thread that changes the vault does this before it changes anything.
    pub fn sweep(&self) -> io::Result<()> {
        if let Err(error) = self.history.sweep() {
            let path = self.history.path();
            tracing::warn!("the history in {} cannot be used: {error}", path.display());
        }
        self.folder.remove_temporary()
    }

    /// Opens a secret.
    pub fn read(&self, name: &SecretName) -> Result<Secret, VaultError> {
        self.opened(name).map(|(_, value)| value)
    }

    /// Opens a secret, with the fingerprint of the sealed bytes that it was in.
    pub fn read_with_fingerprint(&self, name: &SecretName) -> Result<(Secret, u64), VaultError> {
        self.opened(name).map(|(sealed, value)| (value, fingerprint::fingerprint(&sealed)))
    }

    /// A value, and the sealed bytes that it was in.
    fn opened(&self, name: &SecretName) -> Result<(Vec<u8>, Secret), VaultError> {
        let mut sealed = self.sealed(name)?;
        loop {
            match self.open_sealed(name, &sealed) {
                Err(error @ VaultError::Damaged { .. }) => {
                    // It may have been sealed anew, to an identity that was not there before.
                    let now = self.sealed(name)?;
                    if now == sealed {
                        return Err(error);
                    }
                    sealed = now;
                }
                opened => return opened.map(|value| (sealed, value)),
            }
        }
    }

    fn sealed(&self, name: &SecretName) -> Result<Vec<u8>, VaultError> {
        match self.folder.read(&file_of(name), SEALED_BYTES) {
            Ok(sealed) => Ok(sealed),
            Err(ReadError::Missing) => Err(VaultError::Missing),
            Err(ReadError::Io(source)) => Err(self.storage(name, source)),
            Err(error) => Err(self.damaged(name, error.to_string())),
        }
    }

    fn open_sealed(&self, name: &SecretName, sealed: &[u8]) -> Result<Secret, VaultError> {
        let record = self.open_record(name, sealed)?;
        Ok(record.map_err(|why| self.damaged(name, why))?.value)
    }

    /// Opens what should be the sealed record of a secret, or says why it is not.
    fn open_record(
        &self,
        name: &SecretName,
        sealed: &[u8],
    ) -> Result<Result<Record, String>, VaultError> {
        match self.with_identities(|identities| open_record(identities, sealed, name)) {
            // Of two identities one may be locked that this does not need.
            Err(locked @ VaultError::Locked { .. }) => {
                let open = |identity: &Identity| open_record(&[identity], sealed, name).ok();
                self.with_unlocked(open)?.map(Ok).ok_or(locked)
            }
            opened => opened,
        }
    }

    fn damaged(&self, name: &SecretName, why: String) -> VaultError {
        VaultError::Damaged { file: self.folder.path_of(&file_of(name)), why }
    }

    /// The versions of a secret: when the present one was set, and the earlier ones, newest first.
    pub fn versions(&self, name: &SecretName) -> Result<Versions, VaultError> {
        let present = self.set_at(name)?;
        let earlier = self.history.versions(&self.folder, name, &file_of(name));
        let earlier = earlier.map_err(|source| self.history_storage(name, source))?;
        let listed = earlier.into_iter().take(limits::HISTORY_VERSIONS);
        let listed = listed.map(|(version, date)| Version { version, set_at: seconds(date) });
        Ok(Versions { present, earlier: listed.collect() })
    }

    /// What the vault has under a name, compared with a value.
    pub fn compare(&self, name: &SecretName, value: &Secret) -> Result<Found, VaultError> {
        match self.read(name) {
            Ok(present) if present.expose() == value.expose() => Ok(Found::Same),
            // A damaged one is replaced as another is.
            Ok(_) | Err(VaultError::Damaged { .. }) => Ok(Found::Other),
            Err(VaultError::Missing) => Ok(Found::Nothing),
            Err(error) => Err(error),
        }
    }

    /// The fingerprint of what the vault has under a name, when this value is known to be in it.
    pub fn fingerprint_of_same(&self, name: &SecretName, value: &Secret) -> Option<u64> {
        let (sealed, present) = self.opened(name).ok()?;
        (present.expose() == value.expose()).then(|| fingerprint::fingerprint(&sealed))
    }

    /// Whether the value of a secret is the one that was given. A value that was sealed again is
    /// compared with its earlier version, if the history still has that and the vault is not locked.
    pub fn is_present(&self, (name, given): &Given) -> bool {
        let Some(given) = *given else { return false };
        let Ok(sealed) = self.sealed(name) else { return false };
        if fingerprint::fingerprint(&sealed) == given {
            return true;
        }
        let versions = self.history.versions(&self.folder, name, &file_of(name));
        let mut earlier = versions.unwrap_or_default().into_iter();
        let earlier = earlier.find_map(|(version, _)| {
            let sealed = self.history.read(name, version).ok()?;
            (fingerprint::fingerprint(&sealed) == given).then_some(sealed)
        });
        let Some(earlier) = earlier else { return false };
        let opened = |sealed: &[u8]| self.open_sealed(name, sealed).ok();
        let (Some(present), Some(earlier)) = (opened(&sealed), opened(&earlier)) else {
            return false;
        };
        present.expose() == earlier.expose()
    }

    /// Whether a secret has earlier versions.
    pub fn has_history(&self, name: &SecretName) -> Result<bool, VaultError> {
        self.history.has(name).map_err(|source| self.history_storage(name, source))
    }

    /// Whether a secret is there, whatever its state.
    pub fn has(&self, name: &SecretName) -> Result<bool, VaultError> {
        self.folder.has(&file_of(name)).map_err(|source| self.storage(name, source))
    }

    /// The names of all secrets, in alphabetical order.
    pub fn names(&self) -> Result<Names, VaultError> {
        self.each_name()?.collect()
    }

    /// How many secrets there are.
    pub fn count(&self) -> Result<usize, VaultError> {
        self.each_name()?.try_fold(0, |count, name| name.map(|_| count + 1))
    }

    /// The names of all secrets, as the folder has them.
    fn each_name(
        &self,
    ) -> Result<impl Iterator<Item = Result<SecretName, VaultError>>, VaultError> {
        let failed = |source| VaultError::Storage { path: self.path().to_owned(), source };
        let files = self.folder.names().map_err(failed)?;
        Ok(files
            .filter_map(move |file| file.map_err(failed).map(|file| name_of(&file)).transpose()))
    }

    /// When a secret was set, in seconds since 1970; `None` when it is gone meanwhile.
    pub fn set_at(&self, name: &SecretName) -> Result<Option<i64>, VaultError> {
        let date = self.folder.date(&file_of(name));
        Ok(date.map_err(|source| self.storage(name, source))?.map(seconds))
    }

    /// Whom to seal to. The first use of all makes the identity, which is one of them.
    fn recipients(&self) -> Result<Vec<Recipient>, VaultError> {
        // Before anything is sealed that an empty directory could be mistaken for.
        self.remembered.remember(&self.folder, self.id)?;
        let mut own = match self.key.recipient()? {
            Ok(own) => vec![own],
            Err(KeyState::None) => vec![self.new_identity()?],
            // What seals needs no key, as long as it is known which.
            Err(_) => Vec::new(),
        };
        match self.next.with(Identity::recipient)? {
            Ok(next) if !own.is_empty() => own.push(next),
            // The accepted list may name this one alone.
            Err(KeyState::Locked) => own.clear(),
            _ => {}
        }
        let agreed = self.lists.agreed(&own)?;
        Ok(agreed.into_iter().map(|entry| entry.recipient).collect())
    }

    /// The identity's public part, as far as it is known.
    pub fn recipient(&self) -> Result<Option<String>, VaultError> {
        let own = match self.key.with(seal::Identity::recipient)? {
            Ok(own) => Some(own),
            Err(KeyState::None) => None,
            Err(_) => self.lists.own()?,
        };
        Ok(own.map(|own| own.to_string()))
    }

    /// Whether there is no identity, although something here needs one.
    pub fn has_lost_identity(&self) -> Result<bool, VaultError> {
        match self.key.with(|_| ())? {
            Err(KeyState::None) => self.has_anything(),
            _ => Ok(false),
        }
    }

    /// Whether an identity was used here: there is a secret, an earlier version of one, or a list of
    /// recipients, which names it.
    fn has_anything(&self) -> Result<bool, VaultError> {
        let failed = |source| VaultError::Storage { path: self.path().to_owned(), source };
        let is_listed = self.folder.has(recipients::IN_VAULT).map_err(failed)?;
        if is_listed || self.count()? > 0 {
            return Ok(true);
        }
        let failed = |source| VaultError::Storage { path: self.history.path(), source };
        Ok(!self.history.is_empty().map_err(failed)?)
    }

    /// Remembers the identity's public part, for when the identity is behind its passphrase.
    pub fn remember(&self, own: &Recipient) -> Result<(), VaultError> {
        match self.lists.read()?.accepted {
            Some(_) => Ok(()),
            None => Ok(self.lists.begin(own)?),
        }
    }

    fn new_identity(&self) -> Result<Recipient, VaultError> {
        // A vault that has had secrets had an identity: a new one would not open them, and is not among the
        // recipients.
        if self.has_anything()? {
            return Err(self.identity_lost());
        }
        let own = self.key.make()?;
        self.is_identity_new.store(true, Ordering::Relaxed);
        // A list that is there is of an identity that has opened nothing.
        self.lists.begin(&own)?;
        Ok(own)
    }

    fn locked(&self) -> VaultError {
        // Which passphrase is wanted.
        let key = match (self.key.state(), self.next.state()) {
            (KeyState::Open | KeyState::Unlocked(_), KeyState::Locked) => &self.next,
            _ => &self.key,
        };
        VaultError::Locked { path: key.file().path().to_owned() }
    }

    fn identity_lost(&self) -> VaultError {
        VaultError::IdentityLost { path: self.identity().to_owned() }
    }

    fn storage(&self, name: &SecretName, source: io::Error) -> VaultError {
        VaultError::Storage { path: self.folder.path_of(&file_of(name)), source }
    }

    /// An error about the earlier versions of a secret.
    fn history_storage(&self, name: &SecretName, source: io::Error) -> VaultError {
        // Of a folder in place of the secret's file the history is not to blame.
        let path = match source.kind() {
            io::ErrorKind::IsADirectory => self.folder.path_of(&file_of(name)),
            _ => self.history.path_of(name),
        };
        VaultError::Storage { path, source }
    }
}

/// Opens what should be the sealed record of a secret, or says why it is not.
fn open_record(
    identities: &[&Identity],
    sealed: &[u8],
    name: &SecretName,
) -> Result<Record, String> {
    let plain = open_by_any(identities, sealed).map_err(|error| error.to_string())?;
    let record = Record::decode(&plain).map_err(|error: BadRecord| error.to_string())?;
    if record.name != *name {
        return Err(format!("it holds the secret `{}`", record.name));
    }
    Ok(record)
}

/// Opens sealed bytes by the first identity that can.
fn open_by_any(identities: &[&Identity], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
    let mut outcome = Err(Unopened::OtherIdentity);
    for identity in identities {
        outcome = identity.open(sealed);
        if outcome != Err(Unopened::OtherIdentity) {
            break;
        }
    }
    outcome
}

/// A file's date, which may be any: before 1970, or in no calendar.
fn seconds(date: SystemTime) -> i64 {
    let whole = |span: Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    match date.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => whole(after),
        Err(before) => -whole(before.duration()),
    }
}

fn file_of(name: &SecretName) -> String {
    format!("{name}.age")
}

/// The secret whose sealed file is called so, if it is one.
pub fn name_of(file: &str) -> Option<SecretName> {
    file.strip_suffix(".age").and_then(|name| name.parse().ok())
}

#[cfg(test)]
mod tests;
