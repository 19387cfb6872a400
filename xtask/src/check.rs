//! The checks for every commit: formatting, lints, unit tests, layers and language.

use std::fs::{self, File};
use std::process::Command;
use std::time::Instant;

use crate::programs::{root, target};
use crate::{Outcome, say};

/// Each check, with Cargo's arguments.
const CHECKS: [(&str, &[&str]); 5] = [
    ("formatting", &["fmt", "--all", "--check"]),
    ("lints", &["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"]),
    // Nothing else compiles the code for fuzz targets.
    (
        "lints for fuzz targets",
        &[
            "clippy",
            "--package=fluvio-secret-cli",
            "--package=fluvio-secret-daemon",
            "--features=fuzzing",
            "--locked",
            "--",
            "--deny",
            "warnings",
        ],
    ),
    ("unit tests", &["test", "--workspace", "--lib", "--bins", "--locked"]),
    (
        "layers and language",
        &["test", "--test=main", "--locked", "--", "layering::", "language::", "harness::"],
    ),
];

/// Runs all of them in their order, until one fails. Their output is in `target/check.log`.
pub(crate) fn run() -> Outcome {
    let path = target().join("check.log");
    fs::create_dir_all(target())?;
    let log = File::create(&path)?;
    for (name, args) in CHECKS {
        let begun = Instant::now();
        // What Cargo compiles is shown, which may take long.
        let status = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
            .args(args)
            .current_dir(root())
            .stdout(log.try_clone()?)
            .status()?;
        if !status.success() {
            say(&fs::read_to_string(&path)?);
            return Err(format!("{name}: cargo {}: {status}", args.join(" ")).into());
        }
        say(&format!("{name:24} {:5.1} s", begun.elapsed().as_secs_f32()));
    }
    Ok(())
}
