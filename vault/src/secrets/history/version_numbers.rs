//! The numbers of the earlier versions of a secret, which are the names of their files.

use std::io;

use rustix::fs::FileType;

use crate::durable_directory::DurableDirectory;
use crate::secrets::file_name::{file_of_version, version_of};

/// The numbers that are taken, lowest first.
pub(super) fn numbers(directory: &DurableDirectory) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for name in directory.names()? {
        numbers.extend(version_of(&name?));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The versions that are there, oldest first. Links are not versions.
pub(super) fn versions(directory: &DurableDirectory) -> io::Result<Vec<u64>> {
    let mut versions = Vec::new();
    for entry in directory.entries()? {
        let (name, kind) = entry?;
        let Some(number) = version_of(&name) else { continue };
        let kind = match kind {
            // Some file systems do not say it here.
            FileType::Unknown => directory.kind(&file_of_version(number))?,
            kind => Some(kind),
        };
        versions.extend((kind == Some(FileType::RegularFile)).then_some(number));
    }
    versions.sort_unstable();
    Ok(versions)
}
