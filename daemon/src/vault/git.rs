//! What git has to know of a vault that is kept in it.

use std::io;

use super::store::Folder;

/// What is not to travel with the vault.
const IGNORED: &str = "/.lock\n/.tmp-*\n";

/// Writes the files of git that are not there. Without them the vault is as good, so a failure is logged.
pub(super) fn prepare(vault: &Folder) {
    if let Err(error) = ignore(vault) {
        tracing::warn!("{} is not written: {error}", vault.path_of(".gitignore").display());
    }
}

fn ignore(vault: &Folder) -> io::Result<()> {
    if vault.has(".gitignore")? {
        return Ok(());
    }
    vault.prepare(".gitignore", IGNORED.as_bytes(), None)?.commit_new()
}
