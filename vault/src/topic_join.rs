//! Joining a vault over a topic: this machine trusts one admin, whom the user has confirmed, and asks to be admitted.
//!
//! The pin comes first. From then on, this machine begins no list of its own. Each step can be repeated, so the same
//! join continues after a kill.

use std::path::{Path, PathBuf};

use fluvio_secret_protocol::Role;
use fluvio_secret_system::help::{Help, Helpful};
use fluvio_secret_system::shell;

use crate::durable_directory::DurableDirectory;
use crate::error::VaultError;
use crate::git;
use crate::id::{self, VaultId};
use crate::keys::held::KeyState;
use crate::keys::identity::Recipient;
use crate::members::member::Member;
use crate::members::signed_text::BadDocument;
use crate::members::signing_key::KeyFingerprint;
use crate::members::store::MemberStore;
use crate::members::store_error::MemberStoreError;
use crate::registry::{RegisteredVault, Registry};
use crate::registry_error::RegistryError;
use crate::stranger::Stranger;
use crate::sync::announcement::Announcement;
use crate::vault::Vault;

/// What a machine joins, and as what.
#[derive(Debug)]
pub struct TopicJoin {
    announcement: Announcement,
    /// `None` keeps the role of this machine.
    role: Option<Role>,
    note: Option<String>,
}

/// A join with the personal vault, which is possible. Nothing has changed yet.
pub struct PersonalJoin<'a> {
    join: TopicJoin,
    vault: &'a Vault,
    /// `None` before the identity is made.
    own: Option<Recipient>,
}

/// A vault that this machine has joined.
#[derive(Debug)]
pub struct JoinedVault {
    /// The id of the vault.
    pub id: VaultId,
    /// Its directory.
    pub path: PathBuf,
    /// The fingerprint of this machine.
    pub fingerprint: KeyFingerprint,
    /// Whether this machine is a member that may do what it asks for. Then there is no request.
    pub is_member: bool,
}

/// Why a machine cannot join.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum JoinError {
    #[error("invalid announcement: {0}")]
    Announcement(#[from] BadDocument),
    #[error("the announcement is signed by {found}, and not by the admin {expected}")]
    OtherAdmin { expected: String, found: KeyFingerprint },
    #[error("this machine already waits for the admin {admin} of the vault {vault}")]
    OtherPin { admin: KeyFingerprint, vault: VaultId, path: PathBuf },
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("the vault {path} is in use, so it cannot become another one", path = .path.display())]
    Used { path: PathBuf },
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl TopicJoin {
    /// Verifies that an admin has signed the announcement: the one with this fingerprint.
    pub fn verify(
        announcement: Vec<u8>,
        admin: &str,
        role: Option<Role>,
        note: Option<String>,
    ) -> Result<Self, JoinError> {
        let announcement = Announcement::parse(announcement)?;
        let found = announcement.fingerprint();
        if found.to_string() != admin {
            return Err(JoinError::OtherAdmin { expected: admin.to_owned(), found });
        }
        Ok(Self { announcement, role, note })
    }

    /// Finds out whether the personal vault can become that of the announcement: it is that already, or was never used.
    pub fn with_personal(self, vault: &Vault) -> Result<PersonalJoin<'_>, JoinError> {
        if vault.id() != self.announcement.vault() && vault.was_used()? {
            return Err(JoinError::Used { path: vault.path().to_owned() });
        }
        self.needs_pin(vault.members())?;
        let own = match vault.keys().durable_recipients().map_err(VaultError::from)? {
            Ok(own) => own.into_iter().next(),
            Err(KeyState::None) => None,
            Err(_) => Some(vault.locked_recipient()?),
        };
        Ok(PersonalJoin { join: self, vault, own })
    }

    /// Makes the vault in a new directory, whose parent exists, and registers it. `own` is the key of this machine.
    pub fn at(
        &self,
        path: &Path,
        registry: &Registry,
        own: &Recipient,
    ) -> Result<(RegisteredVault, JoinedVault), JoinError> {
        let id = self.announcement.vault();
        registry.refuse_personal(path, id)?;
        let directory = registry.make_directory(path, Some(id))?;
        let config = registry.prepare_known(id)?;
        let store = MemberStore::of(id, directory.clone(), config, registry.signing_key());
        if self.needs_pin(&store)? {
            store.trust(&self.announcement).map_err(VaultError::from)?;
        }
        id::adopt(&directory, id).map_err(RegistryError::from)?;
        git::prepare(&directory);
        let registered = registry.enter(&registry.inspect(path)?, None, || Ok(()))?;
        Ok((registered, self.request(&store, &directory, own)?))
    }

    /// Whether this machine has to write down whom it trusts. Fails if it waits for another admin.
    fn needs_pin(&self, store: &MemberStore) -> Result<bool, JoinError> {
        if store.is_removed().map_err(VaultError::from)? {
            return Ok(true);
        }
        let Some(pinned) = store.pinned().map_err(VaultError::from)? else {
            // With a list it trusts the admins in that.
            return Ok(store.read().map_err(VaultError::from)?.is_empty());
        };
        let (admin, vault) = (pinned.fingerprint(), pinned.vault());
        let is_same =
            vault == self.announcement.vault() && admin == self.announcement.fingerprint();
        if is_same {
            // The topic may have been compacted since.
            return Ok(pinned.generation() < self.announcement.generation());
        }
        match store.waits_for().map_err(VaultError::from)? {
            Some(_) => Err(JoinError::OtherPin { admin, vault, path: store.path_of_pin() }),
            None => Ok(false),
        }
    }

    /// Writes the request of this machine into the vault, unless it may do that already.
    fn request(
        &self,
        store: &MemberStore,
        directory: &DurableDirectory,
        own: &Recipient,
    ) -> Result<JoinedVault, JoinError> {
        let failed = |error: MemberStoreError| VaultError::from(error);
        let key = store.signing_key().map_err(failed)?;
        let (fingerprint, read) = (key.fingerprint(), store.read().map_err(failed)?);
        let role = match self.role {
            Some(role) => role,
            None => store.own_role().map_err(failed)?.unwrap_or(Role::Writer),
        };
        let is_enough = |member: &Member| {
            member.fingerprint() == fingerprint
                && member.recipient() == own
                && member.role() <= role
        };
        let is_member = read.of_vault().iter().any(is_enough);
        if !is_member {
            store.request(own, role, self.note.as_deref()).map_err(failed)?;
        }
        let path = directory.path().to_owned();
        Ok(JoinedVault { id: self.announcement.vault(), path, fingerprint, is_member })
    }
}

impl PersonalJoin<'_> {
    /// Whether the vault gets another id. Then it has to be opened again after [`PersonalJoin::commit`].
    pub fn changes_id(&self) -> bool {
        self.vault.id() != self.join.announcement.vault()
    }

    /// Joins. The directory gets the id before this machine remembers it: a power cut leaves no remembered id without
    /// its vault.
    pub fn commit(self) -> Result<JoinedVault, JoinError> {
        let Self { join, vault, own } = self;
        let (id, directory) = (join.announcement.vault(), vault.secrets().directory());
        if join.needs_pin(vault.members())? {
            vault.members().trust(&join.announcement).map_err(VaultError::from)?;
        }
        id::replace(directory, id).map_err(Stranger::from).map_err(VaultError::from)?;
        vault.remember_as(id)?;
        let own = own.map_or_else(|| vault.new_identity(), Ok)?;
        let site = vault.site();
        let config = site.config.clone();
        let store = MemberStore::of(id, directory.clone(), config, site.signing_key());
        let joined = join.request(&store, directory, &own)?;
        if id != vault.id() {
            // It is named after the id before.
            vault.secrets().history().remove_unused();
        }
        Ok(joined)
    }
}

impl Helpful for JoinError {
    fn help(&self) -> Option<Help> {
        match self {
            Self::Announcement(_) => {
                Some(Help::command("have the admin repeat", "fluvio-secret sync start"))
            }
            Self::OtherAdmin { .. } => {
                Some(Help::advice("ask the admin for the fingerprint again"))
            }
            Self::OtherPin { path, .. } => {
                let command = format!("rm {}", shell::path(path));
                Some(Help::command("if that admin cannot admit it, first run", command))
            }
            Self::Registry(error) => error.help(),
            Self::Used { .. } => {
                Some(Help::advice("join in the directory of a project, with --vault"))
            }
            Self::Vault(error) => error.help(),
        }
    }
}
