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
    for number in numbers(directory)? {
        if directory.kind(&file_of_version(number))? == Some(FileType::RegularFile) {
            versions.push(number);
        }
    }
    Ok(versions)
}
