//! Where a vault is, and what belongs to it.

use std::fs;
use std::path::{Path, PathBuf};

use fluvio_secret_system::places::PlaceError;
use fluvio_secret_system::private::{self, PrivateError};

use crate::durable_directory::DurableDirectory;
use crate::members::signing_key_file::SigningKeyFile;
use crate::remembered::Remembered;

/// Where a vault is, and what belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct VaultSite {
    /// Its directory.
    pub(crate) path: PathBuf,
    /// Where this machine keeps what it knows of the vault: its id and the accepted recipients.
    pub(crate) config: DurableDirectory,
    /// Our own identity file, even if an external one is in use.
    pub(crate) identity: PathBuf,
    /// The directory of the histories of all vaults.
    pub(crate) histories: PathBuf,
    /// The number of earlier versions of each secret that are kept.
    pub(crate) history_depth: usize,
    /// Whether it is the personal vault: the one that needs no registration, and with which an identity is made.
    pub(crate) is_personal: bool,
}

impl VaultSite {
    /// The signing key of this machine, beside its identity.
    pub(crate) fn signing_key(&self) -> SigningKeyFile {
        SigningKeyFile::in_directory(self.identity.parent().unwrap_or(Path::new("/")))
    }

    pub(crate) fn remembered(&self) -> Remembered {
        Remembered::of(self.config.clone(), &self.identity)
    }

    /// Makes or checks the directory of a personal vault. That of a project is in a work tree, and may be read by
    /// others, as git makes it.
    pub(crate) fn prepare(&self) -> Result<(), PlaceError> {
        match self.is_personal {
            true => Ok(private::directory(&self.path)?),
            false => check_project(&self.path),
        }
    }
}

/// Checks that only this user can change a directory.
pub(crate) fn check_project(path: &Path) -> Result<(), PlaceError> {
    let failed = |source| PrivateError::Io { path: path.to_owned(), source };
    let found = fs::metadata(path).map_err(failed)?;
    Ok(private::check_writers(path, &found, rustix::process::geteuid().as_raw())?)
}
