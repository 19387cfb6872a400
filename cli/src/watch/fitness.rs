//! Whether a connector would start with what is there now. Nothing has happened to the old one yet.

use std::path::Path;

use fluvio_secret_protocol::check::Checked;
use fluvio_secret_protocol::{Check, VaultAddress, connect_or_start};
use fluvio_secret_system::help::Helpful;
use fluvio_secret_system::places::StateDirectory;

use super::hold::UnfitChange;
use super::lock_watch::LockWatch;
use super::subscription::SecretChanges;
use crate::config_file;
use crate::error::CliError;

/// A configuration, or a vault, that cannot be read. There may be no event when it can be read again.
pub(super) fn unread(error: &CliError) -> UnfitChange {
    UnfitChange { because: error.report(), may_pass: true }
}

/// Whether what was found keeps a connector from starting.
pub(super) type Refuses<'a> = &'a dyn Fn(&mut Checked) -> bool;

/// Checks a connector whose secrets come from the vault, and subscribes to those of its current configuration.
pub(super) fn check_fit(
    path: &Path,
    vault: Option<VaultAddress>,
    refuses: Refuses<'_>,
    places: &StateDirectory,
    secrets: &mut SecretChanges,
    lock: &mut LockWatch,
) -> Result<(), UnfitChange> {
    let config = config_file::read(path).map_err(|error| unread(&error))?;
    // The daemon refuses an invalid configuration, even if a start is not checked.
    secrets.subscribe(vault.clone(), config.clone())?;
    if !secrets.fingerprints().is_empty() && lock.is_closed() {
        let because = "the vault is locked\nhelp: unlock it with: fluvio-secret unlock";
        return Err(UnfitChange::for_good(because));
    }
    let text = String::from_utf8_lossy(&config).into_owned();
    let mut checked = connect_or_start(places)?.about(vault).call(Check { config })?;
    if refuses(&mut checked) {
        let report = checked.report(&path.display().to_string(), &text);
        return Err(UnfitChange::for_good(format!("it would not start\n\n{report}")));
    }
    Ok(())
}
