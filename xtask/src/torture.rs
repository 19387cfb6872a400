//! What takes too long for every run of the tests.
//!
//! * A thousand kills of a busy daemon
//! * Two hundred kills of a daemon that re-encrypts a thousand secrets
//! * Three hundred power cuts
//! * A thousand saves in each way of saving

use std::process::Command;

use crate::Outcome;
use crate::programs::root;

/// Read by `tests/durability.rs`, `tests/rotation.rs`, `tests/power_cut.rs` and
/// `tests/watch_files.rs`.
const VARIABLE: &str = "FLUVIO_SECRET_TORTURE";

pub(crate) fn run() -> Outcome {
    let status = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["test", "--package", "fluvio-secret", "--test", "main", "--"])
        .args(["a1_", "a14_", "a3_", "f1_f2_"])
        .env(VARIABLE, "1")
        .current_dir(root())
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err("an acknowledged change did not last, or a save was not seen".into())
    }
}
