//! The file of an earlier version: `N.age`, where a higher N is newer.

/// The file of a version.
pub(crate) fn file_of_version(version: u64) -> String {
    format!("{version}.age")
}

/// The version of a file. Only numbers as they are written here: `+5` would parse as 5.
pub(crate) fn version_of(file: &str) -> Option<u64> {
    let number = file.strip_suffix(".age")?.parse().ok()?;
    (file_of_version(number) == file).then_some(number)
}
