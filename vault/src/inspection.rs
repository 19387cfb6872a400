//! What a directory is that may be registered as a vault.

use std::path::{Path, PathBuf};

use fluvio_secret_protocol::ListedMember;

use crate::durable_directory::DurableDirectory;
use crate::id::{self, VaultId};
use crate::keys::identity::Recipient;
use crate::members::content_hash::ContentHash;
use crate::members::list::{MemberList, SignedList};
use crate::members::read_members::{contradict, newest_by_itself};
use crate::members::signing_key_file::SigningKeyFile;
use crate::members::store::MemberStore;
use crate::registry_error::RegistryError;
use crate::secrets::file_name::name_of;
use crate::stranger::Stranger;

/// What a directory is that may be registered as a vault. Nothing of it is decrypted.
#[derive(Debug)]
pub struct Inspection {
    /// The directory, without links.
    pub path: PathBuf,
    /// Its id.
    pub id: VaultId,
    /// The number of its secrets.
    pub secrets: usize,
    store: MemberStore,
    /// The newest list, which an admin in it has signed.
    list: Option<MemberList>,
    /// Whether other lists contradict it, and this machine has accepted none.
    pub is_contradicted: bool,
}

impl Inspection {
    /// `known` is where this machine keeps what it knows of the vault with an id, and `signing` its signing key.
    pub(crate) fn of(
        path: &Path,
        known: impl Fn(VaultId) -> DurableDirectory,
        signing: SigningKeyFile,
    ) -> Result<Self, RegistryError> {
        let failed = |source| Stranger::Io { path: path.to_owned(), source };
        let directory = DurableDirectory::at(path.to_owned());
        let id = VaultId::read(&directory, id::ID_FILE)?;
        let id = id.ok_or_else(|| RegistryError::NoVault { path: path.to_owned() })?;
        let mut secrets = 0;
        for name in directory.names().map_err(failed)? {
            secrets += usize::from(name_of(&name.map_err(failed)?).is_some());
        }
        let store = MemberStore::of(id, directory, known(id), signing);
        let read = store.read()?;
        // What this machine has accepted counts, if there is something.
        let is_known = read.accepted.is_some();
        let list = read.accepted.or_else(|| newest_by_itself(id, &read.lists));
        let contradicts = |list: &MemberList| !is_known && contradict(&read.lists, list);
        let is_contradicted = list.as_ref().is_some_and(contradicts);
        Ok(Self { path: path.to_owned(), id, secrets, store, list, is_contradicted })
    }

    /// Its list of members.
    pub fn list(&self) -> Result<&SignedList, RegistryError> {
        match &self.list {
            Some(list) => Ok(list),
            // Its first list comes over the topic that it has joined.
            None => self
                .store
                .refuse_if_waiting()
                .map_err(RegistryError::from)
                .and_then(|()| Err(RegistryError::NoMembers { path: self.path.clone() })),
        }
    }

    /// Its members, for people. `own` are the public keys of this machine.
    pub fn listed_members(&self, own: &[Recipient]) -> Result<Vec<ListedMember>, RegistryError> {
        let fingerprint = self.store.own_fingerprint()?;
        let members = self.list.iter().flat_map(|list| list.members());
        let listed = members.map(|member| member.listed(own, fingerprint, false));
        Ok(listed.collect())
    }

    /// Whether this machine's key decrypts its secrets.
    pub fn is_for(&self, own: &[Recipient]) -> bool {
        let mut recipients = self.list.iter().flat_map(|list| list.recipients());
        recipients.any(|recipient| own.contains(recipient))
    }

    pub(crate) fn text_of_path(&self) -> Result<&str, RegistryError> {
        let path = &self.path;
        path.to_str().ok_or_else(|| RegistryError::NotUtf8 { path: path.clone() })
    }

    /// Begins its list, with this machine as the admin.
    pub(crate) fn begin(&self, own: &[Recipient]) -> Result<(), RegistryError> {
        Ok(self.store.prepare(own).map(|_| ())?)
    }

    /// Accepts the list with this hash on this machine.
    pub(crate) fn accept(&self, shown: &str) -> Result<(), RegistryError> {
        let changed = || RegistryError::Changed { path: self.path.clone() };
        let shown = ContentHash::parse(shown).ok_or_else(changed)?;
        let list = self.list.as_ref().filter(|list| list.hash() == shown);
        Ok(self.store.accept(list.ok_or_else(changed)?)?)
    }
}
