//! A thread that reports what changes in the vault. The daemon sends names, never values.

use std::io;
use std::thread;
use std::time::Duration;

use fluvio_secret_protocol::{FollowVault, SecretName, VaultAddress, VaultChanges, connect};
use fluvio_secret_system::places::StateDirectory;

use super::pause::GrowingPause;

/// Follows the vault until `report` returns false. Without names, anything may have changed.
///
/// No daemon is started. You may have stopped it for a reason, and without one no secret changes.
pub(crate) fn start(
    state: StateDirectory,
    vault: Option<VaultAddress>,
    report: impl Fn(Vec<SecretName>) -> bool + Send + 'static,
) -> io::Result<()> {
    let run = move || {
        let mut pause = GrowingPause::new(Duration::from_millis(200), Duration::from_secs(5));
        loop {
            let client = connect(&state).map(|client| client.about(vault.clone()));
            if let Ok((_, mut changes)) = client.and_then(|client| client.follow(FollowVault)) {
                pause.reset();
                // Something may have changed while nothing was followed.
                if !report(Vec::new()) {
                    return;
                }
                while let Ok(VaultChanges { names, any }) = changes.wait() {
                    if !report(if any { Vec::new() } else { names }) {
                        return;
                    }
                }
            }
            thread::sleep(pause.next());
        }
    };
    thread::Builder::new().name("vault".to_owned()).spawn(run).map(drop)
}
