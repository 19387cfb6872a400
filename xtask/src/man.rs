//! The manual pages, made of what the programs understand.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::programs::{self, cargo, path_of};
use crate::{Outcome, say};

/// Writes them into a directory, and prints which.
pub(crate) fn run(folder: &Path) -> Outcome {
    write(folder)?;
    say(&format!("the manual pages are in {}", folder.display()));
    Ok(())
}

/// Writes them into a directory.
pub(crate) fn write(folder: &Path) -> Outcome {
    // A program of its own, or every task would be built with what it is made of. All packages have
    // the dependencies that were built for tests, one alone has others.
    let built = cargo(&["build", "--bins"])?;
    fs::create_dir_all(folder)?;
    programs::run(Command::new(path_of(&built, "manual")?).arg(folder))
}
