//! Which vault a command is about: that of a project, or the personal one.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, statat};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::help::{Help, Helpful};
use crate::regular::{self, Links};
use crate::shell;

/// The directory of the vault in a project.
pub const VAULT_DIRECTORY: &str = ".fluvio-secret";

/// Names the vault, for commands without `--vault`.
pub const VAULT_VARIABLE: &str = "FLUVIO_SECRET_VAULT";

/// Names the personal vault, in place of a directory.
pub const PERSONAL: &str = "personal";

/// The file with a vault's id, in its directory.
pub const VAULT_ID_FILE: &str = ".vault-id";

const ID_DIGITS: usize = 32;

/// The vault of a project.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProjectVault {
    /// Its directory, without links.
    pub path: String,
    /// The 32 digits in its `.vault-id`.
    pub id: String,
}

/// Chooses the vault: the one that you named, else the one in [`VAULT_VARIABLE`], else the first one from this
/// directory upward. `None` is the personal vault.
///
/// # Errors
///
/// [`ProjectError`] for a vault that is there and cannot be used: the personal one never takes its place.
pub fn choose(named: Option<&OsStr>, from: &Path) -> Result<Option<ProjectVault>, ProjectError> {
    match named.or(variable().as_deref()) {
        Some(word) if word == PERSONAL => Ok(None),
        Some(directory) => at(Path::new(directory)).map(Some),
        None => search(from, env::var_os("HOME").as_deref()),
    }
}

fn variable() -> Option<OsString> {
    env::var_os(VAULT_VARIABLE).filter(|value| !value.is_empty())
}

/// Whether [`VAULT_VARIABLE`] names the vault.
#[must_use]
pub fn is_named_by_variable() -> bool {
    variable().is_some()
}

/// The vault of the project in this directory, or in this directory itself.
///
/// # Errors
///
/// [`ProjectError`].
pub fn at(directory: &Path) -> Result<ProjectVault, ProjectError> {
    let inside = directory.join(VAULT_DIRECTORY);
    if exists(&inside) {
        return open(&inside);
    }
    let found = directory.canonicalize().map_err(|source| unopened(directory, &source))?;
    if exists(&found.join(VAULT_ID_FILE)) {
        open(&found)
    } else {
        let why = format!("there is no vault in {}", found.display());
        Err(ProjectError { why, help: Help::read("make one with: fluvio-secret vault init DIR") })
    }
}

/// The vault in exactly this directory, even if another one is inside.
///
/// # Errors
///
/// [`ProjectError`].
pub fn exactly_at(vault: &Path) -> Result<ProjectVault, ProjectError> {
    open(vault)
}

/// The project of a vault's directory, for messages and commands.
#[must_use]
pub fn project_of(vault: &Path) -> &Path {
    match vault.parent() {
        Some(project) if vault.file_name() == Some(OsStr::new(VAULT_DIRECTORY)) => project,
        _ => vault,
    }
}

/// The first vault from this directory upward. The search ends at the home directory, and at a directory of
/// another user.
fn search(from: &Path, home: Option<&OsStr>) -> Result<Option<ProjectVault>, ProjectError> {
    let from = if from.as_os_str().is_empty() { Path::new(".") } else { from };
    let start = from.canonicalize().map_err(|source| unopened(from, &source))?;
    let Some(project) = start.ancestors().find(|path| exists(&path.join(VAULT_DIRECTORY))) else {
        return Ok(None);
    };
    // Most commands are about the personal vault, so the limits are checked only here.
    let home = home.and_then(|home| Path::new(home).canonicalize().ok());
    let us = Some(geteuid().as_raw());
    for path in start.ancestors() {
        if owner(path) != us {
            return Ok(None);
        }
        if path == project {
            break;
        }
        if home.as_deref() == Some(path) {
            return Ok(None);
        }
    }
    let vault = project.join(VAULT_DIRECTORY);
    if owner(&vault).is_some() && owner(&vault) != us {
        return Err(unusable(&vault, "another user owns it", TAKE_OVER));
    }
    let found = open(&vault)?;
    if !Path::new(&found.path).starts_with(project) {
        // A repository could have the secrets of another project delivered, or overwritten.
        return Err(unusable(&vault, "it is a link to another directory", NAME_IT));
    }
    Ok(Some(found))
}

/// Whether there is anything, even a link that points to nothing: it may be a disk that is not mounted.
fn exists(path: &Path) -> bool {
    !matches!(statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW), Err(Errno::NOENT | Errno::NOTDIR))
}

/// The owner of what is there; `None` for a link that points to nothing.
fn owner(path: &Path) -> Option<u32> {
    statat(CWD, path, AtFlags::empty()).ok().map(|found| found.st_uid)
}

fn open(vault: &Path) -> Result<ProjectVault, ProjectError> {
    let found = vault.canonicalize().map_err(|source| unopened(vault, &source))?;
    let id_file = found.join(VAULT_ID_FILE);
    let id = read_id(&id_file).map_err(|error| match error.kind() {
        io::ErrorKind::NotADirectory => unusable(&found, "it is not a directory", MOVE_AWAY),
        io::ErrorKind::NotFound => unusable(&found, "it has no .vault-id", RESTORE),
        io::ErrorKind::InvalidData => unusable(&found, "its .vault-id is invalid", RESTORE),
        _ => unopened(&id_file, &error),
    })?;
    match found.to_str() {
        Some(path) => Ok(ProjectVault { path: path.to_owned(), id }),
        None => Err(unusable(&found, "its path is not UTF-8", RENAME)),
    }
}

const NAME_IT: &str = "name the vault with --vault DIR, or use your personal one: --vault personal";
const MOVE_AWAY: &str = "move it away, or use your personal vault: --vault personal";
const RENAME: &str = "rename its directory, or use your personal vault: --vault personal";
const RESTORE: &str = "restore that file, or use your personal vault: --vault personal";
const TAKE_OVER: &str = "change its owner, or use your personal vault: --vault personal";

/// The id in a file. A checkout can make the line end longer.
fn read_id(path: &Path) -> io::Result<String> {
    let (file, _) = regular::open(OpenOptions::new().read(true), path, Links::Refuse)?;
    let mut text = String::new();
    file.take(ID_DIGITS as u64 + 3).read_to_string(&mut text)?;
    let is_short = text.len() <= ID_DIGITS + 2;
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if is_short && text.len() == ID_DIGITS && text.bytes().all(is_digit) {
        Ok(text)
    } else {
        Err(io::ErrorKind::InvalidData.into())
    }
}

fn unopened(path: &Path, source: &io::Error) -> ProjectError {
    let why = format!("cannot open {}: {source}", path.display());
    let help = Help::read("name another vault with --vault DIR, or yours: --vault personal");
    ProjectError { why, help }
}

fn unusable(path: &Path, why: &str, help: &'static str) -> ProjectError {
    let why = format!("cannot use the vault {}: {why}", path.display());
    ProjectError { why, help: Help::read(help) }
}

/// Why the vault is not known.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct ProjectError {
    why: String,
    help: Help,
}

impl ProjectError {
    /// The vault of a project that is registered, and is not there any more.
    #[must_use]
    pub fn gone(vault: &Path) -> Self {
        let project = project_of(vault);
        let why = format!("the vault of the project {} is gone", project.display());
        let command = format!("fluvio-secret vault forget {}", shell::path(project));
        let advice = "restore it, use your personal one by --vault personal, or forget it with";
        Self { why, help: Help::command(advice, &command) }
    }
}

impl Helpful for ProjectError {
    fn help(&self) -> Option<Help> {
        Some(self.help.clone())
    }
}

#[cfg(test)]
mod tests;
