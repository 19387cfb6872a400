//! What git needs to merge the files of secrets: it calls `git-merge` for them.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use fluvio_secret_system::io_error::io_error_text;
use fluvio_secret_system::project::{self, project_of};
use fluvio_secret_system::regular::{self, Links};
use fluvio_secret_system::shell;

use crate::git::GitProgram;
use crate::git_attributes::with_lines;
use crate::{on_path, output};

/// The name of the driver for people, as git prints it.
const DRIVER_NAME: &str = "fluvio-secret: the higher revision of a secret counts";
const NAME_KEY: &str = "merge.fluvio-secret.name";
const DRIVER_KEY: &str = "merge.fluvio-secret.driver";
/// How git merges the versions that two branches have in common, if there are several: with no daemon.
const RECURSIVE_KEY: &str = "merge.fluvio-secret.recursive";
/// What follows the program in the setting.
const DRIVER_ARGUMENTS: &str = " git-merge %O %A %B %P";

/// Git's own file of attributes, which no clone has from its origin.
const CLONE_ATTRIBUTES: &str = "info/attributes";
const CLONE_ATTRIBUTES_MODE: u32 = 0o644;
const CLONE_ATTRIBUTES_BYTES: u64 = 1 << 20;

/// Has the clone that a vault is in call this program for its files. Without a clone there is nothing to do; what fails
/// in one is reported.
pub(crate) fn set_up(vault: &Path, id: &str) {
    let Some(git) = GitProgram::at(vault, env::var_os("PATH").as_deref()) else { return };
    if let Err(error) = set_up_in(&git, vault, id) {
        let why = io_error_text(&error);
        output::say(&format!(
            "note: git does not merge changed secrets of this vault yet: {why}\n\
             help: after you fix that, run: fluvio-secret vault trust {}",
            shell::path(project_of(vault))
        ));
    }
}

fn set_up_in(git: &GitProgram, vault: &Path, id: &str) -> io::Result<()> {
    if !is_in_work_tree(git, vault)? {
        return Ok(());
    }
    // Lines that name a driver come last: without its configuration, git would mix the files.
    let program = env::current_exe()?;
    let driver = driver_of(&program)
        .ok_or_else(|| io::Error::other(format!("{} is not UTF-8", program.display())))?;
    for (key, value) in [(NAME_KEY, DRIVER_NAME), (DRIVER_KEY, &driver), (RECURSIVE_KEY, "binary")]
    {
        git.answer(["config", "--local", "--replace-all", key, value])?;
    }
    let prefix = git.answer(["rev-parse", "--show-prefix"])?;
    let prefix = prefix.to_str().ok_or_else(|| io::Error::other("its path is not UTF-8"))?;
    let top = vault.ancestors().nth(Path::new(prefix).components().count()).unwrap_or(vault);
    let file = vault.join(git.answer(["rev-parse", "--git-path", CLONE_ATTRIBUTES])?);
    let is_there = |directory: &str| {
        let vault = project::exactly_at(&top.join(directory));
        vault.is_ok_and(|found| found.id == id)
    };
    add_lines(&file, |text| with_lines(text, prefix, id, is_there)).map_err(|error| {
        io::Error::new(error.kind(), format!("{}: {}", file.display(), io_error_text(&error)))
    })
}

/// Fails if git refuses the repository that the vault is in.
fn is_in_work_tree(git: &GitProgram, vault: &Path) -> io::Result<bool> {
    match git.answer(["rev-parse", "--is-inside-work-tree"]) {
        Ok(answer) => Ok(answer == "true"),
        // Without a repository, git refuses, too.
        Err(_) if !vault.ancestors().any(|above| above.join(".git").exists()) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The setting of git that calls a program, which git passes to a shell.
fn driver_of(program: &Path) -> Option<String> {
    let program = program.to_str()?.replace('%', "%%");
    Some(format!("{}{DRIVER_ARGUMENTS}", shell::word(&program)))
}

/// Changes git's file, whole. Others who use the repository can read it, as before.
fn add_lines(file: &Path, change: impl FnOnce(&[u8]) -> Option<Vec<u8>>) -> io::Result<()> {
    let directory = file.parent().unwrap_or(file);
    DirBuilder::new().recursive(true).mode(0o755).create(directory)?;
    // You may have put a link there.
    let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let (text, mode) = match regular::open(OpenOptions::new().read(true), &file, Links::Refuse) {
        Ok((open, found)) => {
            let mut text = Vec::new();
            open.take(CLONE_ATTRIBUTES_BYTES + 1).read_to_end(&mut text)?;
            (text, found.permissions().mode() & 0o777)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            (Vec::new(), CLONE_ATTRIBUTES_MODE)
        }
        Err(error) => return Err(error),
    };
    if text.len() as u64 > CLONE_ATTRIBUTES_BYTES {
        return Err(io::Error::other("it is too large"));
    }
    let Some(text) = change(&text) else { return Ok(()) };
    let mut temporary = file.as_os_str().to_owned();
    temporary.push(format!(".{}", std::process::id()));
    let temporary = Path::new(&temporary);
    let mut new = OpenOptions::new();
    let mut written = new.write(true).create_new(true).mode(mode).open(temporary)?;
    let done = written
        .write_all(&text)
        .and_then(|()| written.set_permissions(Permissions::from_mode(mode)))
        .and_then(|()| fs::rename(temporary, &file));
    done.inspect_err(|_| drop(fs::remove_file(temporary)))
}

/// How the clone that a vault is in merges its files.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum DriverState {
    /// There is no clone, or git calls a program that exists.
    Ready,
    /// Git takes one of both files, and reports a conflict.
    Missing,
    /// Git is to call a driver that is not configured, and takes the files for text instead.
    Mixes,
    /// Git calls a program that does not exist.
    NoProgram(PathBuf),
}

/// Whether git calls this program for the files of a vault.
pub(crate) fn state(vault: &Path, path: Option<&OsStr>) -> DriverState {
    let Some(git) = GitProgram::at(vault, path) else { return DriverState::Ready };
    // What git refuses here is no matter of the driver.
    if !is_in_work_tree(&git, vault).unwrap_or(false) {
        return DriverState::Ready;
    }
    let attribute = git.answer(["check-attr", "-z", "merge", "--", "A.age"]).unwrap_or_default();
    let is_chosen =
        attribute.to_str().is_some_and(|text| text.split('\0').nth(2) == Some("fluvio-secret"));
    if !is_chosen {
        return DriverState::Missing;
    }
    match git.answer(["config", "--get", DRIVER_KEY]) {
        Ok(driver) => {
            missing_program(driver, path).map_or(DriverState::Ready, DriverState::NoProgram)
        }
        Err(_) => DriverState::Mixes,
    }
}

/// The program of a driver that is not there. One that you have written yourself may be anything for a shell.
fn missing_program(driver: OsString, path: Option<&OsStr>) -> Option<PathBuf> {
    let driver = driver.into_string().ok()?;
    let word = driver.strip_suffix(DRIVER_ARGUMENTS)?;
    let plain = match word.strip_prefix('\'').and_then(|word| word.strip_suffix('\'')) {
        Some(word) => word.replace("'\\''", "'"),
        None => word.to_owned(),
    };
    let program = PathBuf::from(plain.replace("%%", "%"));
    let is_there = match program.is_absolute() {
        true => on_path::is_program(&program),
        false => program.components().count() > 1 || !on_path::all(&plain, path).is_empty(),
    };
    (!is_there).then_some(program)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::{driver_of, missing_program};

    #[test]
    fn a_driver_names_a_program_that_is_there_or_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let program = directory.path().join("100% it's");
        let driver = driver_of(&program).expect("text");
        assert!(driver.ends_with("/100%% it'\\''s' git-merge %O %A %B %P"), "{driver}");
        assert_eq!(missing_program(driver.clone().into(), None), Some(program.clone()));
        fs::write(&program, "").expect("a file");
        assert_eq!(missing_program(driver.clone().into(), None), Some(program.clone()));
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a mode");
        assert_eq!(missing_program(driver.into(), None), None);
        let own = "fluvio-secret git-merge %O %A %B %P";
        assert_eq!(missing_program(own.into(), None), Some("fluvio-secret".into()));
        assert_eq!(missing_program("if true; then …".into(), None), None);
    }
}
