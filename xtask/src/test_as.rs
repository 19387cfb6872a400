//! The built tests as another user: some promises are about a user whom modes stop.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::programs::{Program, cargo, root};
use crate::results::Results;
use crate::{Outcome, say};

/// What a test prints that needs a plain user and is run by root (tests/harness/need.rs).
const FOR_A_PLAIN_USER: &str = "runs as a plain user";

/// Runs the tests as this user: all of them, or those that a run by root left out, as its log says.
pub(crate) fn run(uid: &str, log: Option<&str>) -> Outcome {
    let uid: u32 = uid.parse().map_err(|_| "UID is a number")?;
    let names = match log {
        Some(log) => left_out(&Results::read(log)?),
        None => Vec::new(),
    };
    if let (Some(log), true) = (log, names.is_empty()) {
        return Err(format!("{log} names no test that was left out").into());
    }
    // Both build. The second also reports where the tested programs are.
    let tests = cargo(&["test", "--no-run"])?;
    let programs = cargo(&["build", "--bins"])?;
    // The user may not be able to enter our directories, so everything goes to one of its own.
    let directory = tempfile::Builder::new().prefix("test-as-").tempdir()?;
    give(directory.path(), uid)?;
    for program in programs.iter().filter(|program| !program.is_test) {
        copy(&program.path, &directory.path().join(&program.name), uid)?;
    }
    let mut failed = Vec::new();
    for test in tests.iter().filter(|program| program.is_test) {
        if !run_one(test, &names, directory.path(), uid)? {
            failed.push(test.name.clone());
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed as uid {uid}: {failed:?}").into()) }
}

/// The tests that a run by root left out, because modes do not stop root.
fn left_out(run: &Results) -> Vec<String> {
    let tests = run.elsewhere.iter().filter(|(_, words)| words.starts_with(FOR_A_PLAIN_USER));
    tests.map(|(test, _)| test.clone()).collect()
}

/// Runs one test program, and reports whether its tests passed: these, or all if there are no names.
fn run_one(
    test: &Program,
    names: &[String],
    directory: &Path,
    uid: u32,
) -> Result<bool, std::io::Error> {
    let name = test.path.file_name().unwrap_or(test.path.as_os_str());
    let copied = directory.join(name);
    copy(&test.path, &copied, uid)?;
    let (home, tmp) = (directory.join("home"), directory.join("tmp"));
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
        .env("FLUVIO_SECRET_TEST_PROGRAMS", directory);
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
    use crate::results::Results;

    #[test]
    fn what_root_left_out_is_in_its_results() {
        let of = |test: &str, words: &str| (test.to_owned(), words.to_owned());
        let plain = of("a::b", "runs as a plain user: cargo xtask test-as UID");
        let elsewhere = vec![plain, of("a::c", "runs beside its sources")];
        assert_eq!(left_out(&Results { elsewhere, ..Results::default() }), ["a::b"]);
    }
}
