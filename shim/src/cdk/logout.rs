//! Says that a lease would not outlive the login, where it would not.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use fluvio_secret_system::logout;
use fluvio_secret_system::places::State;

use crate::say;

/// Says it once.
pub(super) fn warn(lease: &Path, state: &State) {
    if !logout::removes(lease) {
        return;
    }
    let told = state.folder().join("told-about-logging-out");
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(told);
    // That it cannot be remembered is no reason to be silent.
    if !made.is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists) {
        say(WARNING);
    }
}

const WARNING: &str = "warning: when you log out, the secrets of connectors that go on running are removed; \
                       to keep them: loginctl enable-linger (this is said once)";
