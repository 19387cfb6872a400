//! The secrets: one encrypted file for each, and their earlier versions.

pub(crate) mod change;
pub(crate) mod file_name;
pub(crate) mod fingerprint;
pub(crate) mod history;
pub(crate) mod names;
pub(crate) mod record;
pub(crate) mod rename;
pub(crate) mod store;
pub(crate) mod version_file;
