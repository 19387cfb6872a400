//! A secrets file that is on no file system, and that goes with its last process.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use fluvio_secret_protocol::{Granted, fit};
use rustix::fs::{MemfdFlags, Mode, SealFlags, fchmod, fcntl_add_seals, memfd_create};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The file, not yet inherited by anyone.
#[derive(Debug)]
pub(crate) struct SecretsMemfd(OwnedFd);

/// Writes `NAME=value` lines into a new file in memory, which no process can change after that. The
/// values fit: that was checked before.
pub(crate) fn secrets_file(granted: &Granted) -> io::Result<SecretsMemfd> {
    let file = File::from(create()?);
    write(&file, &fit::secrets_file(&granted.secrets))?;
    // A memfd begins with mode 0777, and the connector opens it by its path for each secret.
    fchmod(&file, Mode::RUSR)?;
    fcntl_add_seals(
        &file,
        SealFlags::GROW | SealFlags::SHRINK | SealFlags::WRITE | SealFlags::SEAL,
    )?;
    Ok(SecretsMemfd(file.into()))
}

/// Writes into a file of any size that the hard limit allows (`ulimit -H -f`). A write over the limit would
/// end us by SIGXFSZ without a word, so the limit is checked first. The connector gets it as it was.
fn write(mut file: &File, text: &[u8]) -> io::Result<()> {
    let limit = getrlimit(Resource::Fsize);
    let allows = |most: Option<u64>| most.is_none_or(|most| text.len() as u64 <= most);
    if allows(limit.current) {
        return file.write_all(text);
    }
    if !allows(limit.maximum) {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    setrlimit(Resource::Fsize, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    let written = file.write_all(text);
    setrlimit(Resource::Fsize, limit)?;
    written
}

fn create() -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match memfd_create("fluvio-secrets", flags | MemfdFlags::NOEXEC_SEAL) {
        // Linux before 6.3 does not know the last flag.
        Err(Errno::INVAL) => Ok(memfd_create("fluvio-secrets", flags)?),
        made => Ok(made?),
    }
}

impl SecretsMemfd {
    /// The path by which the process that inherits the file opens it.
    pub(crate) fn path(&self) -> String {
        format!("/proc/self/fd/{}", self.0.as_raw_fd())
    }

    /// Lets the next program inherit it. Call this right before the exec.
    pub(crate) fn let_inherit(&self) -> io::Result<()> {
        Ok(fcntl_setfd(&self.0, FdFlags::empty())?)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write;
    use std::os::unix::fs::MetadataExt;

    use fluvio_secret_protocol::{Granted, InjectMode, Secret};

    use super::secrets_file;

    #[test]
    fn e5_the_file_is_sealed_and_can_be_read_any_number_of_times() {
        let granted = Granted {
            connector: None,
            inject: InjectMode::Auto,
            note: None,
            secrets: vec![
                ("A".parse().expect("a name"), b"a=b".to_vec().into()),
                ("B".parse().expect("a name"), Secret::default()),
            ],
        };
        let file = secrets_file(&granted).expect("a file");
        for _ in 0..3 {
            assert_eq!(fs::read(file.path()).expect("read"), b"A=a=b\nB=\n");
        }
        assert_eq!(fs::metadata(file.path()).expect("metadata").mode() & 0o777, 0o400);
        // The mode does not stop root, but the seals do.
        let mut inherited = fs::File::from(file.0.try_clone().expect("a descriptor"));
        let error = inherited.write(b"x").expect_err("sealed");
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
        assert!(inherited.set_len(0).is_err(), "sealed");
        if let Ok(mut again) = OpenOptions::new().write(true).open(file.path()) {
            assert!(again.write(b"x").is_err(), "sealed");
        }
    }
}
