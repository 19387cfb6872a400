//! The meaning of an error of the file system.

use std::io;

/// The cause of an error, for a message that names the file.
pub fn io_error_text(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull => format!("disk full ({error})"),
        io::ErrorKind::QuotaExceeded => format!("your disk quota is used up ({error})"),
        io::ErrorKind::FileTooLarge => {
            format!("the file size limit (ulimit -f) is reached ({error})")
        }
        io::ErrorKind::ReadOnlyFilesystem => format!("the file system is read-only ({error})"),
        _ => error.to_string(),
    }
}

/// The same error, for another one of those that depend on what failed.
pub fn copy_of(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
