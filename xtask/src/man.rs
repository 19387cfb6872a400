//! The manual pages, made of what the programs understand.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::programs::{self, cargo, path_of};
use crate::{Outcome, say};

/// Writes them into a directory, and prints which.
pub(crate) fn run(directory: &Path) -> Outcome {
    write(directory)?;
    say(&format!("the manual pages are in {}", directory.display()));
    Ok(())
}

/// Writes them into a directory.
pub(crate) fn write(directory: &Path) -> Outcome {
    // A program of its own, or every task would be built with what it is made of. All packages have
    // the dependencies that were built for tests, one alone has others.
    let built = cargo(&["build", "--bins"])?;
    fs::create_dir_all(directory)?;
    programs::run(Command::new(path_of(&built, "manual")?).arg(directory))
}
