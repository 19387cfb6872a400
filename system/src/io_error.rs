//! The meaning of an error of the file system.

use std::io;

use rustix::io::Errno;

use crate::help::Help;

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

/// The next step if too few files may be open. What the message names, such as a program, is not at fault then.
pub fn few_files_help(error: &io::Error) -> Option<Help> {
    let is_few = Errno::from_io_error(error) == Some(Errno::MFILE);
    is_few.then(|| Help::command("raise the limit for open files with", "ulimit -n 1024"))
}

/// The same error, for another one of those that depend on what failed.
pub fn copy_of(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
