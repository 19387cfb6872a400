//! The configuration's bytes, which the daemon parses, and the vault of its project.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Read;
use std::path::Path;

use fluvio_secret_protocol::{VaultAddress, limits};
use fluvio_secret_system::regular::{self, Links};
use zeroize::Zeroizing;

use crate::error::ShimError;

/// Reads the configuration. People write values into configurations too, so it is wiped like one.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, ShimError> {
    let failed = |why: String| ShimError::Config { path: path.to_owned(), why };
    // The connector reads it again, which a pipe or a terminal would not let it.
    let (file, found) = regular::open(OpenOptions::new().read(true), path, Links::Follow)
        .map_err(|error| failed(error.to_string()))?;
    let most = limits::CONFIG_BYTES as u64 + 1;
    // A byte more than the file has, so that its end is read without growing. All of it is wiped, used or not.
    let size = usize::try_from(found.len()).unwrap_or(usize::MAX).min(limits::CONFIG_BYTES) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(size));
    file.take(most).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    if bytes.len() > limits::CONFIG_BYTES {
        return Err(ShimError::LargeConfig { path: path.to_owned() });
    }
    Ok(bytes)
}

/// The vault with the secrets of a configuration: the one that an option names, or that of its project. `None` is
/// the personal vault.
pub(crate) fn vault_of(
    config: &Path,
    named: Option<&OsStr>,
) -> Result<Option<VaultAddress>, ShimError> {
    let directory = config.parent().unwrap_or(config);
    Ok(VaultAddress::choose(named, directory)?)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_configuration_is_a_regular_file_of_at_most_64_kib() {
        let made = tempfile::tempdir().expect("a folder");
        let folder = made.path();
        let file = folder.join("c.yaml");
        std::fs::write(&file, vec![b'#'; 64 << 10]).expect("a file");
        assert_eq!(read(&file).expect("64 KiB").len(), 64 << 10);
        std::fs::write(&file, vec![b'#'; (64 << 10) + 1]).expect("a file");
        let error = read(&file).expect_err("a byte more").to_string();
        assert!(error.contains("c.yaml") && error.contains("65536"), "{error}");
        let error = read(folder).expect_err("a folder").to_string();
        assert!(error.contains("not a regular file"), "{error}");
        assert!(read(&folder.join("none")).is_err());
    }
}
