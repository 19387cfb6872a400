//! `restore`: an earlier version of a secret becomes the present one.

use fluvio_secret_protocol::{Restore, SecretName};

use super::{client, set};
use crate::error::CliError;
use crate::{date, output};

pub(crate) fn restore(name: &SecretName, version: Option<u64>) -> Result<(), CliError> {
    let restored = client()?.restore(Restore { name: name.clone(), version })?;
    output::confirm(&format!(
        "Secret \"{name}\" restored successfully (version {} of {})",
        restored.version,
        date::local(restored.set_at)
    ));
    set::say_holders(&restored.holders, &restored.leases);
    Ok(())
}
