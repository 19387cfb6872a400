//! `cdk`: becomes the shim under that name, or puts a link to it in front of Fluvio's.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use fluvio_secret_protocol::harden::Hardened;
use fluvio_secret_protocol::{ClientError, SHIM, beside_this_program, shell};

use super::run::{as_cdk, become_shim};
use crate::error::CliError;
use crate::{output, places};

/// The name that makes the shim stand in front of Fluvio's program.
const NAME: &str = "cdk";

pub(crate) fn cdk(args: &[OsString], hardened: Hardened) -> Result<(), CliError> {
    let path = beside_this_program(SHIM).map_err(CliError::Shim)?;
    become_shim(as_cdk(&path, args), path, hardened)
}

pub(crate) fn install(folder: Option<PathBuf>) -> Result<(), CliError> {
    let shim = beside_this_program(SHIM).map_err(CliError::Shim)?;
    let folder = folder_of_link(folder)?;
    let link = folder.join(NAME);
    let failed = |error: io::Error| CliError::Link { path: link.clone(), why: error.to_string() };
    if folder.as_os_str().as_bytes().contains(&b':') {
        let why = "a folder with a colon cannot be on PATH; choose another with --dir".to_owned();
        return Err(CliError::Link { path: link, why });
    }
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
    match is_ours(&link) {
        Some(true) => fs::remove_file(&link).map_err(failed)?,
        Some(false) => return Err(not_ours(&link)),
        None => {}
    }
    symlink(&shim, &link).map_err(failed)?;
    output::print(&format!("{} leads to {}", link.display(), shim.display()))?;
    // By whatever name its folder is on PATH.
    if first_on_path().is_some_and(|first| first.canonicalize().ok() == shim.canonicalize().ok()) {
        output::print(
            "It is in front on PATH: `cdk` has the secrets from now on. \
             (A shell that ran the other one before looks for it anew after: hash -r)",
        )
    } else {
        let line = path_line(&folder, env::var_os("SHELL").as_deref());
        output::print(&format!(
            "To put it in front on PATH, run this once and open a new shell:\n\n  {line}\n"
        ))
    }
}

pub(crate) fn uninstall(folder: Option<PathBuf>) -> Result<(), CliError> {
    let is_our_folder = folder.is_none();
    let folder = folder_of_link(folder)?;
    let link = folder.join(NAME);
    match is_ours(&link) {
        Some(true) => {
            let failed =
                |error: io::Error| CliError::Link { path: link.clone(), why: error.to_string() };
            fs::remove_file(&link).map_err(failed)?;
            if is_our_folder {
                // Unless there is more in it.
                let _ = fs::remove_dir(&folder);
            }
            output::print(&format!(
                "{} is removed. The line about {} in your shell's settings can go, too.",
                link.display(),
                folder.display()
            ))
        }
        Some(false) => Err(not_ours(&link)),
        None => output::print(&format!("{} is not there", link.display())),
    }
}

fn folder_of_link(folder: Option<PathBuf>) -> Result<PathBuf, CliError> {
    let folder = match folder {
        Some(folder) => std::path::absolute(folder).map_err(CliError::System)?,
        None => places::programs().map_err(|error| CliError::Client(ClientError::Place(error)))?,
    };
    Ok(folder)
}

fn not_ours(link: &Path) -> CliError {
    let why = "it is no link of fluvio-secret, and is left alone; choose another folder with --dir";
    CliError::Link { path: link.to_owned(), why: why.to_owned() }
}

/// Whether what is there is a link to a shim; `None` when nothing is there.
fn is_ours(link: &Path) -> Option<bool> {
    fs::symlink_metadata(link).ok()?;
    let target = fs::read_link(link).ok();
    Some(target.is_some_and(|target| target.file_name() == Some(OsStr::new(SHIM))))
}

/// The `cdk` that a shell would run.
fn first_on_path() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(NAME)).find(|program| program.exists())
}

/// What puts a folder in front on PATH, in the words of the user's shell.
fn path_line(folder: &Path, user_shell: Option<&OsStr>) -> String {
    let folder = folder.display().to_string();
    let export = format!("export PATH={}:\"$PATH\"", shell::word(&folder));
    let append = |file: &str| format!("echo {} >> {file}", shell::quoted(&export));
    match user_shell.and_then(|path| Path::new(path).file_name()).and_then(OsStr::to_str) {
        Some("fish") => format!("fish_add_path --prepend --move {}", fish_word(&folder)),
        Some("zsh") if env::var_os("ZDOTDIR").is_some() => append("\"$ZDOTDIR\"/.zshrc"),
        Some("zsh") => append("~/.zshrc"),
        Some("bash") => append("~/.bashrc"),
        _ => append("~/.profile"),
    }
}

/// A word as fish reads it back: in its single quotes, a backslash stands before `'` and itself.
fn fish_word(text: &str) -> String {
    if shell::word(text) == text {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::path::Path;

    use super::path_line;

    #[test]
    fn the_line_is_in_the_words_of_the_shell() {
        let line = |shell: &str| path_line(Path::new("/home/ada/bin"), Some(OsStr::new(shell)));
        assert_eq!(line("/usr/bin/fish"), "fish_add_path --prepend --move /home/ada/bin");
        assert_eq!(line("/bin/zsh"), "echo 'export PATH=/home/ada/bin:\"$PATH\"' >> ~/.zshrc");
        assert!(line("/bin/bash").ends_with(".bashrc"));
        assert!(line("/bin/ksh").ends_with(".profile"));
        let odd = |path: &str, shell: &str| path_line(Path::new(path), Some(OsStr::new(shell)));
        assert_eq!(odd(r"/it's\", "fish"), r"fish_add_path --prepend --move '/it\'s\\'");
        let export = r#"'export PATH='\''/a b'\'':"$PATH"'"#;
        assert_eq!(odd("/a b", "bash"), format!("echo {export} >> ~/.bashrc"));
    }
}
