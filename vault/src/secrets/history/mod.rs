//! What was overwritten or deleted: the newest earlier versions of each secret.
//!
//! * [`directory`]: the directory that they are in
//! * [`moving`]: what an earlier version of the program kept in the vault
//! * [`version_history`]: the versions

mod directory;
pub(crate) mod moving;
pub(crate) mod version_history;
