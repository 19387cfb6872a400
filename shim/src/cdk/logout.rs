//! What becomes of a lease when its user logs out.
//!
//! systemd's logind removes the login's own folder with the last session of a user who does not
//! linger, and what the user has in /dev/shm where `RemoveIPC` is on, as it is by default
//! (logind.conf(5)).

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use fluvio_secret_protocol::places::State;

use crate::say;

/// Says once that a lease would not outlive the login, where it would not.
pub(super) fn warn(lease: &Path, state: &State) {
    let uid = rustix::process::geteuid().as_raw();
    // logind leaves system users alone, and who is not logged in by it.
    if uid < FIRST_USER || !Path::new(&format!("/run/systemd/users/{uid}")).exists() || lingers() {
        return;
    }
    if lease.starts_with("/dev/shm") && !removes_ipc() {
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

/// The first id of a user who is a person (login.defs(5)).
const FIRST_USER: u32 = 1000;

/// Whether the user's services go on after the last logout.
fn lingers() -> bool {
    let user = std::env::var_os("USER").or_else(|| std::env::var_os("LOGNAME"));
    user.is_some_and(|user| Path::new("/var/lib/systemd/linger").join(user).exists())
}

/// Whether logind removes what a user has in /dev/shm.
fn removes_ipc() -> bool {
    let settings = fs::read_to_string("/etc/systemd/logind.conf").unwrap_or_default();
    let last = settings.lines().rev().find_map(|line| line.trim().strip_prefix("RemoveIPC="));
    !last.is_some_and(|value| matches!(value.trim(), "no" | "false" | "0" | "off"))
}
