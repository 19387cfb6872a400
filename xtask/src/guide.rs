//! The guide, as pages for a browser.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::programs::{self, cargo, path_of, root, target};
use crate::{Outcome, say};

/// Builds it, with the page of all commands, which is made of what the command line understands.
pub(crate) fn run() -> Outcome {
    let (source, built) = (target().join("guide-source"), target().join("guide"));
    if source.exists() {
        fs::remove_dir_all(&source)?;
    }
    copy(&root().join("guide"), &source)?;
    let manual = path_of(&cargo(&["build", "--bins"])?, "manual")?;
    programs::run(
        Command::new(manual).arg("--commands").arg(source.join("src/reference/commands.md")),
    )?;
    programs::run(Command::new("mdbook").arg("build").arg(&source).arg("--dest-dir").arg(&built))?;
    say(&format!("the guide is in {}", built.join("index.html").display()));
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Outcome {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
