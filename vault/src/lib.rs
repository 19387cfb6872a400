//! The vault of fluvio-secret: one encrypted file for each secret, with a history.
mod durable_directory;
mod error;
mod git;
mod id;
mod keys;
mod place;
mod recipients;
mod rekey;
mod remembered;
mod secrets;
mod stranger;
mod vault;
mod whole_file;

pub use error::{OpenError, VaultError};
pub use id::VaultId;
pub use keys::boot_instant::BootInstant;
pub use keys::error::{IdentityError, KeyError};
pub use keys::key_holder::{KeyHolder, KeyState};
pub use keys::keyring::Keyring;
pub use recipients::error::RecipientsError;
pub use rekey::change::Rekey;
pub use rekey::error::RekeyError;
pub use rekey::reencrypt::ReencryptStep;
pub use rekey::retirement::Retirement;
pub use remembered::accept;
pub use secrets::file_name::name_of;
pub use secrets::fingerprint::{Fingerprints, Given};
pub use secrets::history::version_history::HISTORY_DEPTH;
pub use secrets::names::Names;
pub use secrets::record::Record;
pub use stranger::Stranger;
pub use vault::Vault;

#[cfg(test)]
mod tests;
