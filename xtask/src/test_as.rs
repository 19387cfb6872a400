//! The built tests as another user: some promises are about a user whom modes stop.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::programs::{Program, cargo, root};
use crate::{Outcome, say};

pub(crate) fn run(uid: &str) -> Outcome {
    let uid: u32 = uid.parse().map_err(|_| "UID is a number")?;
    // Both build what they say; the second also tells where the tested programs are.
    let tests = cargo(&["test", "--no-run"])?;
    let programs = cargo(&["build"])?;
    // The user may not be able to enter our folders, so everything goes to one of its own.
    let folder = tempfile::Builder::new().prefix("test-as-").tempdir()?;
    give(folder.path(), uid)?;
    for program in programs.iter().filter(|program| !program.is_test) {
        copy(&program.path, &folder.path().join(&program.name), uid)?;
    }
    let mut failed = Vec::new();
    for test in tests.iter().filter(|program| program.is_test) {
        if !run_one(test, folder.path(), uid)? {
            failed.push(test.name.clone());
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed as uid {uid}: {failed:?}").into()) }
}

fn run_one(test: &Program, folder: &Path, uid: u32) -> Result<bool, std::io::Error> {
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
    // A test of a package's own program finds it beside itself, too.
    command.env_remove("CARGO_MANIFEST_DIR");
    Ok(command.status()?.success())
}

/// Gives a program a second name, or where that cannot be, copies it. What is copied is on the disk
/// before the tests begin: writing a gigabyte back meanwhile would have them wait for each sync.
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
