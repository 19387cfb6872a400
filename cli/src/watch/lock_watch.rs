//! A locked vault: a running connector keeps running, and another one is started after you unlock the vault.

use std::time::{Duration, Instant};

use fluvio_secret_protocol::{GetStatus, connect};
use fluvio_secret_system::places::StateDirectory;

/// How often to check whether the vault is unlocked. The daemon does not report it.
const LOCK_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Why a connector is not started.
pub(crate) const LOCKED: &str = "the vault is locked; unlock it with: fluvio-secret unlock";

/// When to look again whether the vault is unlocked, while that is waited for.
#[derive(Debug, Default)]
pub(crate) struct Lock {
    look: Option<Instant>,
}

impl Lock {
    /// Whether the vault is locked. When it is, that it is unlocked is waited for from now on.
    pub(crate) fn is_closed(&mut self, places: &StateDirectory) -> bool {
        // Without a daemon nobody has the key; one that is started for a vault without a passphrase
        // is not locked.
        let status = connect(places).and_then(|mut client| client.call(GetStatus));
        let is_closed = status.is_ok_and(|status| status.locked);
        self.look = is_closed.then(|| Instant::now() + LOCK_POLL_INTERVAL);
        is_closed
    }

    /// When to look next.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.look
    }

    /// Whether the vault was waited for, and is unlocked.
    pub(crate) fn has_opened(&mut self, places: &StateDirectory, now: Instant) -> bool {
        self.look.is_some_and(|look| look <= now) && !self.is_closed(places)
    }
}
