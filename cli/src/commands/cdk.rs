//! `cdk`: becomes the shim under that name, or makes a link to it that comes before Fluvio's on PATH.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};

use clap::Args;
use fluvio_secret_launch::prepare_cdk;
use fluvio_secret_protocol::SHIM;
use fluvio_secret_system::harden::Hardened;
use fluvio_secret_system::printable;
use fluvio_secret_system::terminal;

use super::run::run_masked;
use super::shim::{CDK, as_cdk, become_shim, shim_path, unlock_for};
use crate::connection::places;
use crate::error::{AnyCause, CliError};
use crate::vault_choice::VaultArgs;
use crate::watch::{self, Plan, WatchArgs};
use crate::{on_path, output};

/// Run cdk with secrets for the connectors that it starts
#[derive(Args, Debug)]
#[command(after_help = "\
`cdk deploy start` and `cdk test` get --secrets FILE. FILE is in memory, and has the secrets that the
configuration references, as long as the connector runs. All other commands go to cdk unchanged.
With --inject env after start or test, the secrets are environment variables instead. With --vault
DIR, they are from the vault of the project in DIR, or with --vault personal from your own.

`cdk test --watch` restarts the connector after changes, with the options of `fluvio-secret run
--watch`. It also watches `src`, `build.rs` and `Cargo.toml` in the current directory, and builds
the connector again. `cdk test --mask` replaces the delivered values in what cdk and the connector
print, as `fluvio-secret run --mask` does.

After --install, with its directory first on PATH, plain `cdk` does all this.

Example:
  fluvio-secret cdk deploy start --config sample-config.yaml
  fluvio-secret cdk --install")]
pub(crate) struct CdkArgs {
    /// Create a link `cdk` that wraps Fluvio's cdk
    #[arg(long, conflicts_with = "uninstall")]
    install: bool,

    /// Remove that link
    #[arg(long)]
    uninstall: bool,

    /// Directory of the link
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Arguments of cdk
    #[arg(value_name = "ARG", trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

/// The shim calls it for `cdk test --watch`.
#[derive(Args, Debug)]
pub(crate) struct WatchCdkArgs {
    #[arg(long)]
    config: PathBuf,

    #[arg(long)]
    no_check: bool,

    #[arg(long)]
    no_lease: bool,

    #[arg(long)]
    no_vault: bool,

    #[command(flatten)]
    vault: VaultArgs,

    // The options for --watch require it.
    #[arg(long)]
    watch: bool,

    #[command(flatten)]
    watching: WatchArgs,

    #[arg(required = true, num_args = 1.., last = true)]
    args: Vec<OsString>,
}

/// The shim calls it for `cdk test --mask`.
#[derive(Args, Debug)]
pub(crate) struct MaskCdkArgs {
    #[arg(required = true, num_args = 1.., last = true)]
    args: Vec<OsString>,
}

pub(super) fn cdk(args: CdkArgs, hardened: Hardened) -> Result<(), CliError> {
    let CdkArgs { install: is_install, uninstall: is_uninstall, dir, args } = args;
    let usage = |why: &str| {
        Err(CliError::Usage(format!("error: {why}\nhelp: see: fluvio-secret cdk --help")))
    };
    match (is_install, is_uninstall) {
        (false, false) if dir.is_some() => usage("--dir needs --install or --uninstall"),
        (false, false) => {
            let path = shim_path()?;
            become_shim(as_cdk(&path, &args), path, OsStr::new(CDK), hardened)
        }
        _ if !args.is_empty() => usage("there are too many arguments"),
        (true, _) => install(dir),
        (_, true) => uninstall(dir),
    }
}

/// What Cargo builds a package from, in its directory.
const PACKAGE_SOURCES: [&str; 3] = ["Cargo.toml", "build.rs", "src"];

/// `cdk test --watch`, which the shim hands over.
pub(super) fn watch_cdk(cdk: WatchCdkArgs, hardened: Hardened) -> Result<(), CliError> {
    let WatchCdkArgs { config, no_check, no_lease, no_vault, vault, watch: _, watching, args } =
        cdk;
    let mut watch = watching;
    PACKAGE_SOURCES.iter().for_each(|source| watch.add(Path::new(source)));
    let (check, by_file) = (!no_check, !no_lease);
    let vault = (!no_vault).then_some(vault);
    if vault.is_some() {
        unlock_for(&config)?;
    }
    let path = shim_path()?;
    let program = path.clone();
    let command = move || as_cdk(&path, &args);
    let plan = Plan { config, watch, check, by_file, vault, program, command: Box::new(command) };
    watch::supervise(plan, hardened)
}

/// `cdk test --mask`, which the shim hands over.
pub(super) fn mask_cdk(cdk: &MaskCdkArgs, hardened: Hardened) -> Result<(), CliError> {
    let shim = shim_path()?;
    let can_unlock = terminal::of_session().is_some();
    run_masked(|| prepare_cdk(cdk.args.clone(), &shim), can_unlock, hardened)
}

fn install(folder: Option<PathBuf>) -> Result<(), CliError> {
    let shim = shim_path()?;
    let folder = folder_of_link(folder)?;
    let link = folder.join(CDK);
    let failed = |error: io::Error| bad_link(&link, error, None);
    if folder.as_os_str().as_bytes().contains(&b':') {
        let why = "a directory with a colon cannot be on PATH";
        return Err(bad_link(&link, why, Some(OTHER_DIRECTORY)));
    }
    refuse_home_of_another(&folder, &link)?;
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
    match is_ours(&link) {
        Some(true) => fs::remove_file(&link).map_err(failed)?,
        Some(false) => return Err(not_ours(&link)),
        None => {}
    }
    symlink(&shim, &link).map_err(failed)?;
    output::confirm(&format!("{} points to {}", printable::path(&link), printable::path(&shim)));
    // Its directory may be on PATH by another name.
    let first = on_path::all(CDK, env::var_os("PATH").as_deref()).into_iter().next();
    if first.is_some_and(|first| first.canonicalize().ok() == shim.canonicalize().ok()) {
        output::confirm(
            "It comes first on PATH, so cdk passes secrets to connectors now.\n\
             If your shell still runs the other one, run: hash -r",
        );
    } else {
        let shell = env::var_os("SHELL");
        let line = on_path::line(&folder, shell.as_deref());
        let then = on_path::after_line(shell.as_deref());
        output::confirm(&format!(
            "To put it first on PATH, run this once and {then}:\n\n  {line}\n"
        ));
    }
    Ok(())
}

fn uninstall(folder: Option<PathBuf>) -> Result<(), CliError> {
    let is_our_folder = folder.is_none();
    let folder = folder_of_link(folder)?;
    let link = folder.join(CDK);
    match is_ours(&link) {
        Some(true) => {
            fs::remove_file(&link).map_err(|error| bad_link(&link, error, None))?;
            if is_our_folder {
                // Unless there is more in it.
                let _ = fs::remove_dir(&folder);
            }
            output::confirm(&format!(
                "{} is removed. You can also remove the line about {} from your shell's settings.",
                printable::path(&link),
                printable::path(&folder)
            ));
            Ok(())
        }
        Some(false) => Err(not_ours(&link)),
        None => output::print(&format!("{} does not exist", printable::path(&link))),
    }
}

fn folder_of_link(folder: Option<PathBuf>) -> Result<PathBuf, CliError> {
    let folder = match folder {
        Some(folder) => std::path::absolute(folder).map_err(CliError::System)?,
        None => places()?.programs,
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
    let why =
        format!("{} belongs to uid {owner}, who could not remove a link of root", path.display());
    Err(bad_link(link, why, Some("run this as that user, without sudo")))
}

fn not_ours(link: &Path) -> CliError {
    bad_link(link, "it is not a link to fluvio-secret-shim", Some(OTHER_DIRECTORY))
}

const OTHER_DIRECTORY: &str = "choose another directory with --dir";

fn bad_link(link: &Path, why: impl Into<AnyCause>, help: Option<&'static str>) -> CliError {
    CliError::Link { path: link.to_owned(), why: why.into(), help }
}

/// Whether what is there is a link to a shim; `None` when nothing is there.
fn is_ours(link: &Path) -> Option<bool> {
    fs::symlink_metadata(link).ok()?;
    let target = fs::read_link(link).ok();
    Some(target.is_some_and(|target| target.file_name() == Some(OsStr::new(SHIM))))
}
