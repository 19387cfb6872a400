//! The keys that decrypt the vault: their file, and what the daemon holds of them.
//!
//! * [`boot_instant`]: the clock that the end of an unlock is measured by
//! * [`encryption`]: everything that the age library does
//! * [`error`]: why a key cannot be used
//! * [`foreign_key`]: keys of kinds that cannot be used here
//! * [`identity_file`]: the file
//! * [`key_holder`]: the keys that are held, and for how long
//! * [`keyring`]: the keys of one file, the current one and the retired ones
//! * [`locked_memory`]: memory that holds a key

pub(crate) mod boot_instant;
pub(crate) mod encryption;
pub(crate) mod error;
pub(crate) mod foreign_key;
pub(crate) mod identity_file;
pub(crate) mod key_holder;
pub(crate) mod keyring;
pub(crate) mod locked_memory;
