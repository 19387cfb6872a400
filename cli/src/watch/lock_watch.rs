//! A locked vault: a running connector keeps running, and another one is started after you unlock the vault.

use std::time::{Duration, Instant};

use fluvio_secret_protocol::{GetStatus, connect};
use fluvio_secret_system::places::StateDirectory;

/// How often to check whether the vault is unlocked. The daemon does not report it.
const LOCK_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// When to check again whether you unlocked the vault, while that is waited for.
pub(super) struct LockWatch {
    places: StateDirectory,
    next: Option<Instant>,
}

impl LockWatch {
    pub(super) fn new(places: StateDirectory) -> Self {
        Self { places, next: None }
    }

    /// Whether the vault is locked. If so, the watch for its being unlocked begins.
    pub(super) fn is_closed(&mut self) -> bool {
        // Without a daemon, no process has the key. A vault without a passphrase is unlocked when one starts.
        let status = connect(&self.places).and_then(|mut client| client.call(GetStatus));
        let is_closed = status.is_ok_and(|status| status.locked);
        self.next = is_closed.then(|| Instant::now() + LOCK_POLL_INTERVAL);
        is_closed
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.next
    }

    /// Whether a vault that was waited for is unlocked.
    pub(super) fn has_opened(&mut self, now: Instant) -> bool {
        self.next.is_some_and(|next| next <= now) && !self.is_closed()
    }
}
