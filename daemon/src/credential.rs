//! The passphrase as a credential of the service manager: a server then unlocks its vault without you.
//!
//! systemd decrypts it for one unit, into a directory in memory (systemd.exec(5), `LoadCredentialEncrypted=`). No unit
//! of ours asks for one, so this is off until you add it.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::{env, fs};

use fluvio_secret_protocol::{Secret, limits};
use fluvio_secret_system::regular::{self, Links};
use zeroize::Zeroizing;

const CREDENTIAL: &str = "fluvio-secret.passphrase";
/// A passphrase with its line end, and one byte more.
const CREDENTIAL_BYTES: usize = limits::PASSPHRASE_BYTES + 2;

/// The file of the credential, if the service manager passed it.
pub(crate) fn passphrase_file() -> Option<PathBuf> {
    let directory = env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)?;
    let path = directory.join(CREDENTIAL);
    // A credential that cannot be read is reported, and not taken for none.
    let is_missing =
        fs::metadata(&path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    (path.is_absolute() && !is_missing).then_some(path)
}

/// Whether the variable for the directory of credentials has a relative path. It would be another directory for each
/// program, so no credential is read there.
pub(crate) fn has_relative_directory() -> bool {
    let directory = env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from).unwrap_or_default();
    !directory.as_os_str().is_empty() && !directory.is_absolute()
}

/// The passphrase, without one line end at its end. A whole one fits into the buffer, whose growth would leave a
/// copy behind.
pub(crate) fn read(path: &Path) -> io::Result<Secret> {
    let (file, _) = regular::open(OpenOptions::new().read(true), path, Links::Follow)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(CREDENTIAL_BYTES));
    file.take(CREDENTIAL_BYTES as u64).read_to_end(&mut bytes)?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    match bytes.len() <= limits::PASSPHRASE_BYTES {
        true => Ok(Secret::new(bytes)),
        false => {
            let most = limits::PASSPHRASE_BYTES;
            Err(io::Error::other(format!("it has more than {most} bytes")))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use fluvio_secret_protocol::{Secret, limits};

    use super::read;

    #[test]
    fn a_credential_is_read_without_its_line_end_up_to_the_limit() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("credential");
        let longest = "p".repeat(limits::PASSPHRASE_BYTES);
        for (content, passphrase) in [
            ("p q", Some("p q")),
            ("p\n", Some("p")),
            ("p\n\n", Some("p\n")),
            (&format!("{longest}\n"), Some(&*longest)),
            (&format!("{longest}p"), None),
            (&"p".repeat(1 << 20), None),
        ] {
            fs::write(&path, content).expect("written");
            let found = read(&path).ok();
            assert_eq!(found.as_ref().map(Secret::expose), passphrase.map(str::as_bytes));
        }
        assert!(read(directory.path()).is_err(), "only a regular file");
    }
}
