//! Moves the history that an earlier version of the program kept in the vault, in `.history`.
//!
//! Other people who may write to the vault may have put links there. No link is followed. What is not a
//! version of a secret stays where it is, and a warning names it.
//!
//! Nothing is removed before it is durable in its new place. After a kill the next start does the rest.

use std::io;

use fluvio_secret_protocol::SecretName;
use rustix::fs::FileType;

use crate::durable_directory::{DurableDirectory, ReadError};
use crate::secrets::file_name::{ENCRYPTED_BYTES, version_of};
use crate::whole_file::PreparedFile;

/// Where an earlier version of the program kept it.
const OLD: &str = ".history";

pub(crate) fn is_in(vault: &DurableDirectory) -> io::Result<bool> {
    if vault.kind(OLD)? != Some(FileType::Directory) {
        return Ok(false);
    }
    for name in vault.open(OLD)?.names()? {
        if name?.parse::<SecretName>().is_ok() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Moves all earlier versions from the vault to this directory, durably.
pub(super) fn move_old(vault: &DurableDirectory, to: &DurableDirectory) -> io::Result<()> {
    match vault.kind(OLD)? {
        None => return Ok(()),
        Some(FileType::Directory) => {}
        Some(_) => {
            leave(vault, OLD);
            return Ok(());
        }
    }
    let old = vault.open(OLD)?;
    let names = old.names()?.collect::<io::Result<Vec<_>>>()?;
    let mut copied = Vec::new();
    for name in names {
        if name.parse::<SecretName>().is_err() || old.kind(&name)? != Some(FileType::Directory) {
            leave(&old, &name);
            continue;
        }
        // Fails on another file system, and where a part was copied by a start that was killed.
        if old.rename_to(&name, to, &name).is_err() {
            let files = copy(&old.open(&name)?, &to.find_or_make(&name)?, to)?;
            copied.push((name, files));
        }
    }
    to.sync()?;
    for (name, files) in copied {
        let folder = old.open(&name)?;
        for file in files {
            folder.remove(&file)?;
        }
        old.remove_empty(&name)?;
    }
    old.sync()?;
    vault.remove_empty(OLD)?;
    vault.sync()
}

/// Copies the versions of one secret, durably, and gives their files.
fn copy(
    from: &DurableDirectory,
    to: &DurableDirectory,
    beside: &DurableDirectory,
) -> io::Result<Vec<String>> {
    let mut copied = Vec::new();
    for file in from.names()? {
        let file = file?;
        if version_of(&file).is_none() {
            leave(from, &file);
            continue;
        }
        match from.read_with_metadata(&file, ENCRYPTED_BYTES) {
            Ok((bytes, found)) => {
                if !from.is_same(&file, to, &file, ENCRYPTED_BYTES)? {
                    let date = found.modified().ok();
                    PreparedFile::write(beside, &file, &bytes, date)?.rename_into(to)?;
                }
                copied.push(file);
            }
            Err(ReadError::Missing) => {}
            Err(ReadError::Io(error)) => return Err(error),
            Err(ReadError::Large | ReadError::NoFile) => leave(from, &file),
        }
    }
    to.sync()?;
    Ok(copied)
}

fn leave(folder: &DurableDirectory, name: &str) {
    let path = folder.path_of(name);
    tracing::warn!("{} is not part of the history, so it stays there", path.display());
}
