//! Finds the real `cdk` on PATH, which is not this program.

use std::env;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::error::NotFound;

pub(crate) const CDK_PROGRAM: &str = "cdk";

/// The variable with the id of the process that became the real `cdk`, and how many shims are nested.
/// Exec keeps the id, so a shim that finds its own id was found in place of the real one.
pub(crate) const CDK_GUARD: &str = "FLUVIO_SECRET_CDK_SHIM";

/// More nested shims than any build that runs `cdk` has.
const DEEPEST_SHIM: usize = 16;

/// The first `cdk` on PATH that is another file than the shim.
pub(crate) fn find(shim: Option<&Path>) -> Result<PathBuf, NotFound> {
    let this = shim.map_or_else(env::current_exe, |shim| Ok(shim.to_owned()));
    let this = this.and_then(|path| path.canonicalize()).ok();
    let path = env::var_os("PATH").ok_or(NotFound::Nothing)?;
    find_in(&path, this.as_deref())
}

fn find_in(path: &OsStr, this: Option<&Path>) -> Result<PathBuf, NotFound> {
    let mut why = NotFound::Nothing;
    for folder in env::split_paths(path) {
        // An empty entry is the current directory. A name without a slash would be searched on PATH again.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
        let program = folder.join(CDK_PROGRAM);
        if !is_program(&program) {
            continue;
        }
        if this.is_some() && program.canonicalize().ok().as_deref() == this {
            why = NotFound::OnlyUs;
            continue;
        }
        return Ok(program);
    }
    Err(why)
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// The guard for the next program, unless there would be no end.
pub(crate) fn guard() -> Option<String> {
    next_guard(env::var(CDK_GUARD).ok().as_deref(), std::process::id())
}

fn next_guard(guard: Option<&str>, pid: u32) -> Option<String> {
    let guard = guard.and_then(|guard| {
        let (pid, depth) = guard.split_once(' ')?;
        Some((pid.parse::<u32>().ok()?, depth.parse::<usize>().ok()?))
    });
    match guard {
        Some((before, depth)) if before == pid || depth >= DEEPEST_SHIM => None,
        Some((_, depth)) => Some(format!("{pid} {}", depth + 1)),
        None => Some(format!("{pid} 1")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::{DEEPEST_SHIM, find_in, next_guard};
    use crate::error::NotFound;

    #[test]
    fn the_real_one_is_the_first_that_is_not_us() {
        let made = tempfile::tempdir().expect("a folder");
        let root = made.path();
        let folder = |name: &str| {
            let folder = root.join(name);
            fs::create_dir_all(&folder).expect("a folder");
            folder
        };
        let program = |name: &str, mode: u32| {
            let path = folder(name).join("cdk");
            fs::write(&path, "").expect("a file");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
            path
        };
        let ours = program("ours", 0o755);
        symlink(&ours, folder("link").join("cdk")).expect("a link");
        program("text", 0o644);
        let real = program("real", 0o755);
        let this = ours.canonicalize().expect("a path");
        let found = |names: &[&str]| {
            let path = std::env::join_paths(names.iter().map(|name| root.join(name)));
            find_in(&path.expect("a PATH"), Some(&this))
        };
        assert_eq!(found(&["link", "text", "none", "real"]), Ok(real.clone()));
        assert_eq!(found(&["real", "link"]), Ok(real));
        assert_eq!(found(&["link", "ours"]), Err(NotFound::OnlyUs));
        assert_eq!(found(&["text", "none"]), Err(NotFound::Nothing));
    }

    #[test]
    fn loops_end() {
        let first = next_guard(None, 7).expect("no loop");
        assert_eq!(next_guard(Some(&first), 7), None, "the same process");
        let mut pids = 8..;
        let deeper = |guard: &String| next_guard(Some(guard), pids.next()?);
        assert_eq!(std::iter::successors(Some(first), deeper).count(), DEEPEST_SHIM);
        assert!(next_guard(Some("nothing of ours"), 7).is_some());
    }
}
