//! From nothing to a running connector with a secret in three commands, in the account of a new user: by
//! each way to install. Then what was installed is removed, and nothing of it is left.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::demo::{RECEIVE_TIMEOUT, Server, configuration, random_header};
use crate::package::packages;
use crate::programs::{cargo, path_of, root, run as run_program, target};
use crate::user::User;
use crate::{Outcome, say};

/// All ways. For root, who alone can make a user.
pub(crate) fn run() -> Outcome {
    let made = packages();
    for path in [&made.debian, &made.archive] {
        if !path.exists() {
            return Err(format!("{} is not there: cargo xtask package", path.display()).into());
        }
    }
    // As the demonstration has built it.
    let built = cargo(&["build", "--bins"])?;
    let connector = path_of(&built, "connector")?;
    by_package(&made.debian, &connector)?;
    by_archive(&made.archive, &connector)?;
    by_cargo(&connector)
}

fn step(text: &str) {
    say(&format!("\n── {text}"));
}

/// The Debian package, in a directory that stands for the root of a machine.
fn by_package(package: &Path, connector: &Path) -> Outcome {
    step("By the Debian package");
    let user = User::new()?;
    let machine = tempfile::Builder::new().prefix("machine-").tempdir_in("/var/tmp")?;
    run_program(Command::new("chmod").arg("755").arg(machine.path()))?;
    for directory in ["var/lib/dpkg/info", "var/lib/dpkg/updates"] {
        fs::create_dir_all(machine.path().join(directory))?;
    }
    fs::write(machine.path().join("var/lib/dpkg/status"), "")?;
    let before = listing(&machine.path().join("usr"))?;
    // Of what the package depends on, nothing is in the directory; the real machine has it.
    dpkg(machine.path(), &["--force-depends", "--install"], package)?;
    let path = format!("{}:", machine.path().join("usr/bin").display());
    connect(&user, &path, connector)?;
    user.types(&path, "fluvio-secret daemon stop", "")?;
    dpkg(machine.path(), &["--purge"], Path::new("fluvio-secret"))?;
    nothing_is_left(&before, &listing(&machine.path().join("usr"))?)
}

fn dpkg(machine: &Path, args: &[&str], what: &Path) -> Outcome {
    say(&format!("    # dpkg {} {}", args.join(" "), what.display()));
    run_program(
        Command::new("dpkg")
            .arg(format!("--root={}", machine.display()))
            .arg("--log=/dev/null")
            .args(args)
            .arg(what),
    )
}

/// The archive, in the home of the user.
fn by_archive(archive: &Path, connector: &Path) -> Outcome {
    step("By the archive, twice over and into a directory with a space");
    let user = User::new()?;
    let home = user.home();
    let unpack = format!("tar xf {}", user_copy(&user, archive)?.display());
    user.types("", &unpack, "")?;
    let name = archive.file_name().unwrap_or_default().to_string_lossy();
    let install = format!("./{}/install.sh", name.trim_end_matches(".tar.gz"));
    // Where fluvio is, its directory of extensions gets a link.
    fs::create_dir(home.join(".fluvio"))?;
    symlink("/nothing", home.join(".fluvio/other"))?;
    user.owns(&home.join(".fluvio"))?;
    let before = listing(&home)?;
    user.types("", &install, "")?;
    // As if that had been an earlier release, with a file that this one has not.
    let made = home.join(".local/lib/fluvio-secret/made");
    let earlier = home.join(".local/share/of-an-earlier-release");
    fs::write(&earlier, "")?;
    fs::write(&made, format!("{}file {}\n", fs::read_to_string(&made)?, earlier.display()))?;
    user.types("", &install, "")?;
    if earlier.exists() {
        return Err("a file of an earlier release is still there".into());
    }
    let extension = home.join(".fluvio/extensions/fluvio-secret");
    run_program(Command::new(extension).arg("--version"))?;
    user.types("", "~/.local/lib/fluvio-secret/uninstall.sh", "")?;
    nothing_is_left(&before, &listing(&home)?)?;
    let tools = home.join("my tools");
    user.types("", &format!("{install} --prefix ~/'my tools'"), "")?;
    units_are_sound(&tools.join("share/systemd/user"))?;
    user.types("", "~/'my tools'/lib/fluvio-secret/uninstall.sh", "")?;
    nothing_is_left(&before, &listing(&home)?)?;

    step("By the archive");
    user.types("", &install, "")?;
    // A login puts ~/.local/bin on PATH when it is there.
    connect(&user, "", connector)?;
    user.types("", "~/.local/lib/fluvio-secret/uninstall.sh", "")?;
    if !user.processes().is_empty() {
        return Err(format!("processes are left: {:?}", user.processes()).into());
    }
    let left = listing(&home)?;
    let is_ours = |path: &&PathBuf| {
        [".config", ".local/share", ".local/state"].iter().any(|place| {
            let place = Path::new(place).join("fluvio-secret");
            path.starts_with(&place) || place.starts_with(path)
        })
    };
    nothing_is_left(&before, &left.iter().filter(|path| !is_ours(path)).cloned().collect())?;
    if !left.iter().any(|path| path.ends_with("vault/AUTH_HEADER.age")) {
        return Err("the secret was removed with the programs".into());
    }
    Ok(())
}

/// systemd finds nothing wrong in the units of a directory.
fn units_are_sound(directory: &Path) -> Outcome {
    let units = ["fluvio-secretd.socket", "fluvio-secretd.service", "fluvio-secret-sync.service"];
    let units = units.map(|name| directory.join(name));
    // It makes directories there, as for a session.
    let session = tempfile::tempdir()?;
    run_program(
        Command::new("systemd-analyze")
            .args(["--user", "--man=no", "--recursive-errors=yes", "verify"])
            .args(units)
            .env("XDG_RUNTIME_DIR", session.path()),
    )
}

/// `cargo install`, into the user's `~/.cargo`. Cargo itself is run by root, who has built everything.
fn by_cargo(connector: &Path) -> Outcome {
    step("By cargo install");
    let user = User::new()?;
    let cargo_home = user.home().join(".cargo");
    say("    # cargo install --locked --path .");
    run_program(
        Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
            .args(["install", "--path", ".", "--locked", "--quiet", "--no-track", "--root"])
            .arg(&cargo_home)
            .arg("--target-dir")
            .arg(target())
            .current_dir(root()),
    )?;
    user.owns(&cargo_home)?;
    let path = format!("{}:", cargo_home.join("bin").display());
    connect(&user, &path, connector)?;
    user.types(&path, "fluvio-secret daemon stop", "")
}

/// The two commands after installing; and a server that receives the secret.
fn connect(user: &User, path: &str, connector: &Path) -> Outcome {
    let server = Server::start()?;
    let (token, header) = random_header()?;
    let connector = user_copy(user, connector)?;
    let config = user.home().join("cat-facts.yaml");
    fs::write(&config, configuration(server.port))?;
    user.owns(&config)?;
    user.types(path, "fluvio-secret set AUTH_HEADER", &header)?;
    let line = format!("fluvio-secret run --config cat-facts.yaml -- {}", connector.display());
    let mut running = user.starts(path, &line)?;
    let received = server.requests.recv_timeout(RECEIVE_TIMEOUT);
    // It became the connector, so this ends the connector.
    run_program(Command::new("kill").arg(running.id().to_string()))?;
    running.wait()?;
    fs::remove_file(&config)?;
    match received? {
        Some(value) if value == format!("bearer {token}") => {
            say("    the server received the secret   ✓");
            Ok(())
        }
        _ => Err("the server received no secret, or another".into()),
    }
}

/// A copy of a file that the user can read.
fn user_copy(user: &User, file: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let name = file.file_name().ok_or("a file has a name")?;
    let copy = user.home().with_file_name(name);
    fs::copy(file, &copy)?;
    Ok(copy)
}

/// Everything below a directory, by its path from there.
fn listing(directory: &Path) -> Result<BTreeSet<PathBuf>, Box<dyn Error>> {
    let mut found = BTreeSet::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop().filter(|next| next.exists()) {
        for entry in fs::read_dir(next)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                directories.push(entry.path());
            }
            found.insert(entry.path().strip_prefix(directory)?.to_owned());
        }
    }
    Ok(found)
}

fn nothing_is_left(before: &BTreeSet<PathBuf>, after: &BTreeSet<PathBuf>) -> Outcome {
    let (left, gone): (Vec<_>, Vec<_>) =
        (after.difference(before).collect(), before.difference(after).collect());
    if !left.is_empty() || !gone.is_empty() {
        return Err(format!("left by the removal: {left:?}; missing after it: {gone:?}").into());
    }
    say("    nothing is left of it   ✓");
    Ok(())
}
