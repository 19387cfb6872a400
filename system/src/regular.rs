//! Opens what should be a file, and is not stopped by what is none.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

/// Whether a symbolic link at the end of a path is followed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Links {
    /// It is: the path is a user's own.
    Follow,
    /// It is no file: the path is ours.
    Refuse,
}

/// Opens a regular file. A FIFO is not waited for, a device not read, a folder not opened.
///
/// # Errors
///
/// Those of open(2); [`io::ErrorKind::InvalidInput`] for what is no regular file.
pub fn open(options: &OpenOptions, path: &Path, links: Links) -> io::Result<(File, Metadata)> {
    let flags = match links {
        Links::Follow => OFlags::NONBLOCK,
        Links::Refuse => OFlags::NONBLOCK | OFlags::NOFOLLOW,
    };
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let opened = options.clone().custom_flags(flags).open(path);
    let file = opened.map_err(|error| match Errno::from_io_error(&error) {
        // A link that is not followed; a FIFO that nobody reads; a folder to be written.
        Some(Errno::LOOP | Errno::NXIO | Errno::ISDIR) => no_file(),
        _ => error,
    })?;
    let found = file.metadata()?;
    if found.is_file() { Ok((file, found)) } else { Err(no_file()) }
}

fn no_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::ErrorKind;
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::{Links, open};

    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "").expect("a file");
        std::fs::create_dir(at("folder")).expect("a folder");
        mknodat(CWD, at("fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a FIFO");
        symlink("file", at("link")).expect("a link");
        symlink("/dev/zero", at("zero")).expect("a link");
        symlink("loop", at("loop")).expect("a link");
        let read = |name: &str, links| open(OpenOptions::new().read(true), &at(name), links);
        let append = |name: &str, links| open(OpenOptions::new().append(true), &at(name), links);
        for links in [Links::Follow, Links::Refuse] {
            assert!(read("file", links).is_ok() && append("file", links).is_ok());
            for name in ["folder", "fifo", "zero", "loop"] {
                for opened in [read(name, links), append(name, links)] {
                    let error = opened.expect_err(name);
                    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}: {error}");
                }
            }
            assert_eq!(read("none", links).expect_err("none").kind(), ErrorKind::NotFound);
        }
        assert!(read("link", Links::Follow).is_ok());
        assert!(read("link", Links::Refuse).is_err());
    }
}
