//! The numbers of the earlier versions of a secret, which are the names of their files.

use std::io;

use rustix::fs::FileType;

use crate::durable_directory::DurableDirectory;
use crate::secrets::file_name::{file_of_version, version_of};

/// The numbers in a history, lowest first.
#[derive(Debug, Default)]
pub(super) struct VersionNumbers {
    /// Those that are taken.
    pub(super) taken: Vec<u64>,
    /// Those of versions. Links are not versions.
    pub(super) versions: Vec<u64>,
}

impl VersionNumbers {
    pub(super) fn in_directory(directory: &DurableDirectory) -> io::Result<Self> {
        let mut numbers = Self::default();
        for entry in directory.entries()? {
            let (name, kind) = entry?;
            let Some(number) = version_of(&name) else { continue };
            numbers.taken.push(number);
            let kind = match kind {
                // Some file systems do not say it here.
                FileType::Unknown => directory.kind(&file_of_version(number))?,
                kind => Some(kind),
            };
            numbers.versions.extend((kind == Some(FileType::RegularFile)).then_some(number));
        }
        numbers.taken.sort_unstable();
        numbers.versions.sort_unstable();
        Ok(numbers)
    }
}

/// The numbers that are taken, lowest first.
pub(super) fn numbers(directory: &DurableDirectory) -> io::Result<Vec<u64>> {
    VersionNumbers::in_directory(directory).map(|numbers| numbers.taken)
}

/// The versions that are there, oldest first.
pub(super) fn versions(directory: &DurableDirectory) -> io::Result<Vec<u64>> {
    VersionNumbers::in_directory(directory).map(|numbers| numbers.versions)
}
