//! What a test needs and a machine may lack.
//!
//! A test that lacks something prints that on standard error, and ends. Where everything must
//! run, `FLUVIO_SECRET_REQUIRE_ALL=1` makes a lack a failure. That a test is for root, or for a plain
//! user, is no lack: it runs in the other of the two runs.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

/// Whether a program is on PATH.
pub(crate) fn tool(name: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", "command -v \"$1\"", "sh", name])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    found || lacks(&format!("the program {name}"))
}

fn lacks(what: &str) -> bool {
    say(&format!("skipped: {} lacks {what}", test()));
    assert!(
        std::env::var_os("FLUVIO_SECRET_REQUIRE_ALL").is_none_or(|value| value != "1"),
        "{what}: not here"
    );
    false
}

/// Whether a plain user may make a namespace with mounts of its own.
pub(crate) fn user_namespaces() -> bool {
    let args = [&NAMESPACE[..], &["true"]].concat();
    let made = Command::new("unshare").args(args).stderr(Stdio::null()).status();
    made.is_ok_and(|status| status.success()) || lacks("namespaces of plain users")
}

/// The options of unshare(1) for that.
pub(crate) const NAMESPACE: [&str; 4] = ["--user", "--map-current-user", "--keep-caps", "--mount"];

/// Whether a file can be mounted.
pub(crate) fn loop_devices() -> bool {
    Path::new("/dev/loop-control").exists() || lacks("loop devices")
}

/// Whether the test runs as root.
pub(crate) fn root() -> bool {
    elsewhere(rustix::process::geteuid().is_root(), "as root")
}

/// Whether the test runs as a plain user, whom modes stop.
pub(crate) fn plain_user() -> bool {
    elsewhere(!rustix::process::geteuid().is_root(), "as a plain user: cargo xtask test-as UID")
}

/// Whether a variable is set, which says how to do something on this machine.
pub(crate) fn variable(name: &str) -> bool {
    std::env::var_os(name).is_some() || lacks(&format!("the variable {name}"))
}

/// Whether `fluvio` is the stand-in, which has faults.
pub(crate) fn stand_in() -> bool {
    elsewhere(std::env::var_os("FLUVIO").is_none(), "over the stand-in of fluvio")
}

/// Whether the sources are at hand, which they are not where another user runs the built tests.
pub(crate) fn sources() -> bool {
    let here = std::env::var_os("FLUVIO_SECRET_TEST_PROGRAMS").is_none();
    elsewhere(here, "beside its sources")
}

fn elsewhere(here: bool, what: &str) -> bool {
    if !here {
        say(&format!("not here: {} runs {what}", test()));
    }
    here
}

fn test() -> String {
    thread::current().name().unwrap_or("a test").to_owned()
}

/// Past the test runner, which shows only what failing tests print.
pub(crate) fn say(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}
