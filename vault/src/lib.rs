//! The vault of fluvio-secret: one encrypted file for each secret, written durably, with a history.
//!
//! A [`Vault`] has secrets, the keys that decrypt them, and the recipients that they are encrypted
//! for. It is a blocking library: it knows no socket and no request. docs/VAULT.md describes its files,
//! which stock [age](https://age-encryption.org) decrypts.
//!
//! ```
//! use std::time::Instant;
//!
//! use fluvio_secret_vault::{HISTORY_DEPTH, SecretChange, SecretReader, SecretWriter, Vault};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let home = tempfile::tempdir()?;
//! let at = |name: &str| home.path().join(name);
//! let (path, identity, histories) = (at("vault"), at("identity.txt"), at("history"));
//! let vault = Vault::open(&path, &identity, &histories, HISTORY_DEPTH, Instant::now())?;
//!
//! // What may fail is prepared, and then committed. The first secret of all makes the identity.
//! let (name, value) = ("AUTH_HEADER".parse()?, b"Bearer 1234".to_vec().into());
//! SecretChange::set(&vault, &SecretWriter::of(&vault)?, name, value)?.commit()?;
//! assert!(vault.keys().take_is_new());
//!
//! let read = SecretReader::of(&vault).read(&"AUTH_HEADER".parse()?)?;
//! assert_eq!(read.value.expose(), b"Bearer 1234");
//! # Ok(())
//! # }
//! ```
//!
//! * `secrets`: the encrypted files, their names, their history
//! * `keys`: the identity file, and the keys that are held of it
//! * `members`: the users that can read and change a vault, in signed lists ([`MemberChain`], [`Applicant`])
//! * `revisions`: signed records ([`SignedRecord`]), and how changes of several machines come together
//!   ([`VaultState`])
//! * [`Publication`], [`DocumentTake`]: a vault that is replicated over a topic
//! * [`Registry`]: the vaults of projects
//! * [`Rekey`], [`Retirement`]: another identity or other members
//! * [`TopicJoin`]: a machine that joins a vault over a topic
//! * [`DocumentPlace`]: which files travel with a vault
//! * `durable_directory`, `whole_file`: files that are written whole, or not at all
//! * `place`, `id`, `remembered`, `stranger`: whether a directory is the vault of this machine
//! * `git`: how git treats a vault
//!
//! One thread at a time may change a vault. Any number may read it in the meantime.

mod document_place;
mod durable_directory;
mod error;
mod git;
mod id;
mod inspection;
mod keys;
mod known_vaults;
mod members;
mod place;
mod registry;
mod registry_error;
mod rekey;
mod remembered;
mod revisions;
mod secret_reader;
mod secrets;
mod site;
mod stranger;
mod sync;
mod topic_join;
mod vault;
mod whole_file;

pub use document_place::{DOCUMENT_DIRECTORIES, DocumentPlace};
pub use error::{OpenError, VaultError};
pub use id::VaultId;
pub use inspection::Inspection;
pub use keys::boot_instant::BootInstant;
pub use keys::error::{IdentityError, KeyError};
pub use keys::held::KeyState;
pub use keys::identity::Recipient;
pub use keys::identity_file::IdentityPlace;
pub use keys::key_holder::KeyHolder;
pub use keys::keyring::Keyring;
pub use keys::locked_memory::wiping_stack_once;
pub use members::applicant::{APPLICANT_BYTES, Applicant};
pub use members::chain::{MemberChain, RefusedList};
pub use members::content_hash::ContentHash;
pub use members::error::{ApplicantError, MembersError};
pub use members::list::{MEMBER_LIST_BYTES, MemberList, SignedList};
pub use members::member::Member;
pub use members::signed_text::BadDocument;
pub use members::signing_key::{KeyFingerprint, SigningKey, VerificationKey};
pub use members::signing_key_file::{SigningKeyError, SigningKeyFile};
pub use members::store_error::MemberStoreError;
pub use registry::{FoundVault, RegisteredVault, Registry};
pub use registry_error::RegistryError;
pub use rekey::change::{Rekey, Rekeyed};
pub use rekey::error::{RekeyError, RetirementStep};
pub use rekey::reencrypt::ReencryptStep;
pub use rekey::retirement::Retirement;
pub use rekey::upgrade::SignatureUpgrade;
pub use remembered::accept;
pub use revisions::revision::{Revision, next_counter};
pub use revisions::signed_record::{RecordError, SecretUpdate, SignedRecord, VerifiedRecord};
pub use revisions::vault_state::{SecretState, VaultState};
pub use secret_reader::{OpenedSecret, SecretReader};
pub use secrets::change::{SecretChange, SyncedChange};
pub use secrets::file_name::name_of;
pub use secrets::fingerprint::{Fingerprints, Given};
pub use secrets::history::version_history::{HISTORY_DEPTH, VersionHistory};
pub use secrets::listing::SecretListing;
pub use secrets::merge::SecretMerge;
pub use secrets::names::Names;
pub use secrets::purge::SecretPurge;
pub use secrets::record::Record;
pub use secrets::rename::SecretRename;
pub use secrets::secret_with_seen::SecretWithSeen;
pub use secrets::store::SecretFiles;
pub use secrets::writer::SecretWriter;
pub use stranger::Stranger;
pub use sync::announcement::{ANNOUNCEMENT_BYTES, Announcement};
pub use sync::publication::Publication;
pub use sync::take::DocumentTake;
pub use topic_join::{JoinError, JoinedVault, PersonalJoin, TopicJoin};
pub use vault::Vault;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
