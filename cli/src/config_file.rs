//! The file with a connector's configuration.

use std::fs::OpenOptions;
use std::io::Read;
use std::path::Path;

use fluvio_secret_protocol::limits;
use fluvio_secret_system::regular::{self, Links};
use zeroize::Zeroizing;

use crate::error::{AnyCause, CliError};

/// Reads a configuration. Its memory is wiped, because people also write values into the file.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let failed = |why: AnyCause| CliError::Config { path: path.to_owned(), why };
    let opened = regular::open(OpenOptions::new().read(true), path, Links::Follow);
    let (file, found) = opened.map_err(|error| failed(error.into()))?;
    // A byte more than the file has, so that its end is read without growing. All of it is wiped, used or not.
    let size = usize::try_from(found.len()).unwrap_or(usize::MAX).min(limits::CONFIG_BYTES) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(size));
    let most = limits::CONFIG_BYTES as u64 + 1;
    file.take(most).read_to_end(&mut bytes).map_err(|error| failed(error.into()))?;
    if bytes.len() > limits::CONFIG_BYTES {
        return Err(failed(format!("it has more than {} bytes", limits::CONFIG_BYTES).into()));
    }
    Ok(bytes)
}
