//! Warns if a lease would not outlive the login.

use std::path::Path;

use fluvio_secret_system::logout;
use fluvio_secret_system::places::StateDirectory;

use crate::message::say;

/// Warns once.
pub(super) fn warn(lease: &Path, state: &StateDirectory) {
    if !logout::removes(lease) {
        return;
    }
    if state.is_first_time("logging-out") {
        say(WARNING);
    }
}

const WARNING: &str = "warning: when you log out, the secrets of connectors that go on running are removed; \
                       to keep them: loginctl enable-linger (this is said once)";
