//! Files that are replaced as a whole, so that a reader finds the old one or the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use fluvio_secret_system::private::FILE_MODE;
use fluvio_secret_system::regular::{self, Links};

/// More bytes than any of these files has.
const WHOLE_FILE_BYTES: u64 = 1 << 20;

/// Reads a file. `None` if it does not exist.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match regular::open(OpenOptions::new().read(true), path, Links::Refuse) {
        Ok((file, _)) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(WHOLE_FILE_BYTES).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Replaces a file. If it has to last, it outlasts a power cut.
pub(crate) fn replace(path: &Path, bytes: &[u8], has_to_last: bool) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = Path::new(&name);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(FILE_MODE);
    let (mut file, _) = regular::open(&options, new, Links::Refuse)?;
    let written = file.write_all(bytes).and_then(|()| match has_to_last {
        true => file.sync_all(),
        false => Ok(()),
    });
    if let Err(error) = written.and_then(|()| fs::rename(new, path)) {
        let _ = fs::remove_file(new);
        return Err(error);
    }
    match path.parent().filter(|_| has_to_last) {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::{read, replace};

    #[test]
    fn a_file_is_replaced_as_a_whole_and_private() {
        let made = tempfile::tempdir().expect("a directory");
        let path = made.path().join("a");
        assert_eq!(read(&path).expect("no file"), None);
        for has_to_last in [true, false] {
            replace(&path, b"x", has_to_last).expect("a file");
            assert_eq!(read(&path).expect("a file").as_deref(), Some(&b"x"[..]));
        }
        assert_eq!(fs::metadata(&path).expect("a file").mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(made.path()).expect("a directory").count(), 1);
        let link = made.path().join("link");
        symlink(&path, &link).expect("a link");
        assert!(read(&link).is_err());
    }
}
