//! `cdk`: becomes the shim under that name, or puts a link to it in front of Fluvio's.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};

use fluvio_secret_protocol::{SHIM, beside_this_program};
use fluvio_secret_system::harden::Hardened;

use super::places;
use super::run::{self, as_cdk, become_shim};
use crate::error::CliError;
use crate::{on_path, output};

/// The name that makes the shim stand in front of Fluvio's program.
const NAME: &str = "cdk";

pub(crate) fn cdk(args: &[OsString], hardened: Hardened) -> Result<(), CliError> {
    let path = beside_this_program(SHIM).map_err(CliError::Shim)?;
    become_shim(as_cdk(&path, args), path, OsStr::new(run::CDK), hardened)
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
    refuse_home_of_another(&folder, &link)?;
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
    match is_ours(&link) {
        Some(true) => fs::remove_file(&link).map_err(failed)?,
        Some(false) => return Err(not_ours(&link)),
        None => {}
    }
    symlink(&shim, &link).map_err(failed)?;
    output::confirm(&format!("{} leads to {}", link.display(), shim.display()));
    // By whatever name its folder is on PATH.
    let first = on_path::all(NAME, env::var_os("PATH").as_deref()).into_iter().next();
    if first.is_some_and(|first| first.canonicalize().ok() == shim.canonicalize().ok()) {
        output::confirm(
            "It is in front on PATH: `cdk` has the secrets from now on. \
             (A shell that ran the other one before looks for it anew after: hash -r)",
        );
    } else {
        let line = on_path::line(&folder, env::var_os("SHELL").as_deref());
        output::confirm(&format!(
            "To put it in front on PATH, run this once and open a new shell:\n\n  {line}\n"
        ));
    }
    Ok(())
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
            output::confirm(&format!(
                "{} is removed. The line about {} in your shell's settings can go, too.",
                link.display(),
                folder.display()
            ));
            Ok(())
        }
        Some(false) => Err(not_ours(&link)),
        None => output::print(&format!("{} is not there", link.display())),
    }
}

fn folder_of_link(folder: Option<PathBuf>) -> Result<PathBuf, CliError> {
    let folder = match folder {
        Some(folder) => std::path::absolute(folder).map_err(CliError::System)?,
        None => places()?.programs(),
    };
    Ok(folder)
}

/// Refuses root, as by sudo, in a directory of another user: what root makes there that user could neither
/// change nor remove.
fn refuse_home_of_another(folder: &Path, link: &Path) -> Result<(), CliError> {
    let ours = rustix::process::geteuid();
    let Some(found) = folder.ancestors().find_map(|path| Some((path, path.metadata().ok()?)))
    else {
        return Ok(());
    };
    let (path, owner) = (found.0, found.1.uid());
    if !ours.is_root() || owner == ours.as_raw() {
        return Ok(());
    }
    let why = format!(
        "{} belongs to uid {owner}, and what root makes there that user cannot remove; run this as that user, without sudo",
        path.display()
    );
    Err(CliError::Link { path: link.to_owned(), why })
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
