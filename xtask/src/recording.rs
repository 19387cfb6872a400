//! The picture of a first session in README.

use std::process::Command;

use crate::Outcome;
use crate::programs::{self, root};

/// Draws it again if the programs print something else by now.
pub(crate) fn draw() -> Outcome {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let mut test = Command::new(cargo);
    test.args(["test", "--quiet", "--test", "main", "the_recording_shows"]).current_dir(root());
    programs::run(test.env("FLUVIO_SECRET_WRITE_DOCUMENTS", "1"))
}
