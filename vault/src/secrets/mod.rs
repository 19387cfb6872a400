//! The secrets: one encrypted file for each, and their earlier versions.

pub(crate) mod change;
pub(crate) mod file_name;
pub(crate) mod fingerprint;
pub(crate) mod history;
mod known_reading;
pub(crate) mod listing;
pub(crate) mod merge;
pub(crate) mod names;
pub(crate) mod purge;
pub(crate) mod record;
pub(crate) mod rename;
pub(crate) mod secret_revisions;
pub(crate) mod secret_with_seen;
pub(crate) mod settle;
pub(crate) mod store;
pub(crate) mod version_file;
pub(crate) mod version_place;
pub(crate) mod writer;
