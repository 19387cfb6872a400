//! The built tests as another user: some promises are about a user whom modes stop.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::programs::{Program, cargo, root};
use crate::{Outcome, say};

/// What a test prints that needs a plain user and is run by root (tests/harness/need.rs).
const FOR_A_PLAIN_USER: &str = " runs as a plain user";

/// Runs the tests as this user: all of them, or those that a run by root left out, as its log says.
pub(crate) fn run(uid: &str, log: Option<&str>) -> Outcome {
    let uid: u32 = uid.parse().map_err(|_| "UID is a number")?;
    let names = match log {
        Some(log) => left_out(&fs::read_to_string(log).map_err(|error| format!("{log}: {error}"))?),
        None => Vec::new(),
    };
    if let (Some(log), true) = (log, names.is_empty()) {
        return Err(format!("{log} names no test that was left out").into());
    }
    // Both build. The second also reports where the tested programs are.
    let tests = cargo(&["test", "--no-run"])?;
    let programs = cargo(&["build"])?;
    // The user may not be able to enter our directories, so everything goes to one of its own.
    let folder = tempfile::Builder::new().prefix("test-as-").tempdir()?;
    give(folder.path(), uid)?;
    for program in programs.iter().filter(|program| !program.is_test) {
        copy(&program.path, &folder.path().join(&program.name), uid)?;
    }
    let mut failed = Vec::new();
    for test in tests.iter().filter(|program| program.is_test) {
        if !run_one(test, &names, folder.path(), uid)? {
            failed.push(test.name.clone());
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed as uid {uid}: {failed:?}").into()) }
}

/// The tests that a run by root left out, because modes do not stop root.
fn left_out(log: &str) -> Vec<String> {
    let lines = log.lines().filter(|line| line.starts_with("not here ("));
    let names = lines.filter_map(|line| {
        let (name, _) = line.split_once("): ")?.1.split_once(FOR_A_PLAIN_USER)?;
        Some(name.to_owned())
    });
    names.collect()
}

/// Runs one test program, and reports whether its tests passed: these, or all if there are no names.
fn run_one(
    test: &Program,
    names: &[String],
    folder: &Path,
    uid: u32,
) -> Result<bool, std::io::Error> {
    let name = test.path.file_name().unwrap_or(test.path.as_os_str());
    let copied = folder.join(name);
    copy(&test.path, &copied, uid)?;
    let (home, tmp) = (folder.join("home"), folder.join("tmp"));
    for place in [&home, &tmp] {
        if !place.exists() {
            fs::create_dir(place)?;
            give(place, uid)?;
        }
    }
    let package = test.package.strip_prefix(root()).unwrap_or(&test.package);
    say(&format!("as uid {uid}: {} of ./{}", test.name, package.display()));
    let mut command = Command::new(&copied);
    command
        .uid(uid)
        .gid(uid)
        .current_dir(&home)
        .env("HOME", &home)
        .env("TMPDIR", &tmp)
        .env("FLUVIO_SECRET_TEST_PROGRAMS", folder);
    if !names.is_empty() {
        command.arg("--exact").args(names);
    }
    // A test of a package's own program finds it beside itself, too.
    command.env_remove("CARGO_MANIFEST_DIR");
    Ok(command.status()?.success())
}

/// Links a program, or copies it where that fails. A copy is synced before the tests begin: a
/// gigabyte of dirty pages would make each sync in a test wait.
fn copy(from: &Path, to: &Path, uid: u32) -> std::io::Result<()> {
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to)?;
    fs::File::open(to)?.sync_all()?;
    give(to, uid)
}

fn give(path: &Path, uid: u32) -> std::io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    chown(path, Some(uid), Some(uid))
}

#[cfg(test)]
mod tests {
    use super::left_out;

    #[test]
    fn what_root_left_out_is_read_from_its_log() {
        let log = "not here (1 so far): a::b runs as a plain user: cargo xtask test-as UID\n\
                   not here (2 so far): a::c runs beside its sources\ntest a::b ... ok\n";
        assert_eq!(left_out(log), ["a::b"]);
    }
}
