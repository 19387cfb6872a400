//! What was overwritten or deleted: the newest earlier versions of each secret.

mod directory;
pub(crate) mod insertion;
pub(crate) mod kept_version;
pub(crate) mod moving;
mod seen_hashes;
pub(crate) mod seen_lines;
pub(crate) mod seen_revisions;
pub(crate) mod version_history;
mod version_numbers;
