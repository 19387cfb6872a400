//! The keys that decrypt the vault: their file, and what the daemon holds of them.

pub(crate) mod agreement;
pub(crate) mod boot_instant;
pub(crate) mod encryption;
pub(crate) mod error;
pub(crate) mod file_keys;
pub(crate) mod foreign_key;
pub(crate) mod header_first;
pub(crate) mod held;
pub(crate) mod identity;
pub(crate) mod identity_file;
pub(crate) mod key_holder;
pub(crate) mod keyring;
pub(crate) mod locked_memory;
