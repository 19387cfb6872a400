//! Finds the real `cdk`: on PATH, and not ourselves.

use std::env;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The program's name.
pub(crate) const NAME: &str = "cdk";

/// Has the id of a process that one of our kind has become something else in. When that something is
/// one of our kind again, there is no end.
pub(crate) const GUARD: &str = "FLUVIO_SECRET_CDK_SHIM";

/// Why there is no real one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotFound {
    /// Nothing on PATH is called so.
    Nothing,
    /// What is called so is us.
    OnlyUs,
}

/// The first `cdk` on PATH that is another file than this program.
pub(crate) fn find() -> Result<PathBuf, NotFound> {
    let this = env::current_exe().and_then(|path| path.canonicalize()).ok();
    let path = env::var_os("PATH").unwrap_or_default();
    find_in(&path, this.as_deref())
}

fn find_in(path: &OsStr, this: Option<&Path>) -> Result<PathBuf, NotFound> {
    let mut why = NotFound::Nothing;
    for folder in env::split_paths(path) {
        let program = folder.join(NAME);
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

/// Whether one of our kind became us in this very process.
pub(crate) fn is_in_a_loop() -> bool {
    env::var_os(GUARD).is_some_and(|pid| pid == *std::process::id().to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::{NotFound, find_in};

    #[test]
    fn the_real_one_is_the_first_that_is_not_us() {
        let root = std::env::temp_dir().join(format!("shim-cdk-{}", std::process::id()));
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
        fs::remove_dir_all(&root).expect("removed");
    }
}
