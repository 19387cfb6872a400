//! Opens regular files only, without waiting for anything else that has their name.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

/// Whether a symbolic link at the end of a path is followed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Links {
    /// For a path that the user has chosen.
    Follow,
    /// For a path of ours, where a link is an error.
    Refuse,
}

/// Opens a regular file. A FIFO, a device and a directory are errors at once.
///
/// # Errors
///
/// Those of open(2); [`io::ErrorKind::InvalidInput`] for anything but a regular file.
pub fn open(options: &OpenOptions, path: &Path, links: Links) -> io::Result<(File, Metadata)> {
    let flags = match links {
        Links::Follow => OFlags::NONBLOCK,
        Links::Refuse => OFlags::NONBLOCK | OFlags::NOFOLLOW,
    };
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let opened = options.clone().custom_flags(flags).open(path);
    let file = opened.map_err(|error| match Errno::from_io_error(&error) {
        // A link that is not followed; a FIFO without a reader; a directory.
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
    fn only_a_regular_file_is_opened() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("file"), "").expect("a file");
        std::fs::create_dir(at("directory")).expect("a directory");
        mknodat(CWD, at("fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a FIFO");
        symlink("file", at("link")).expect("a link");
        symlink("/dev/zero", at("zero")).expect("a link");
        symlink("loop", at("loop")).expect("a link");
        let read = |name: &str, links| open(OpenOptions::new().read(true), &at(name), links);
        let append = |name: &str, links| open(OpenOptions::new().append(true), &at(name), links);
        for links in [Links::Follow, Links::Refuse] {
            assert!(read("file", links).is_ok() && append("file", links).is_ok());
            for name in ["directory", "fifo", "zero", "loop"] {
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
