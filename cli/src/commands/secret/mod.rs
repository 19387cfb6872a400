//! The commands about secrets.

pub(super) mod copy;
pub(super) mod delete;
pub(super) mod history;
pub(super) mod import;
mod import_source;
mod importer;
pub(super) mod list;
pub(super) mod remarks;
pub(super) mod rename;
pub(super) mod restore;
pub(super) mod set;
mod used;
