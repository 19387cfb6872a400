//! Our programs and Fluvio's, and which of them comes first on PATH.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fluvio_secret_protocol::{CLI, DAEMON, SHIM};

use super::finding::{Condition, Diagnosis, DoctorCheck};
use super::fix::Fix;
use super::machine::Machine;
use crate::on_path;
use crate::sync::sync_places::FLUVIO_VARIABLE;
use fluvio_secret_system::places::Places;

const RELEASE: &str = env!("CARGO_PKG_VERSION");

pub(super) fn check(machine: &Machine, places: &Places) -> Vec<Diagnosis> {
    let this = env::current_exe().and_then(|path| path.canonicalize()).unwrap_or_default();
    let mut found = ours(&this);
    found.extend(cdk(machine, &this.with_file_name(SHIM), &places.programs));
    found.extend(fluvio(machine, &this));
    found
}

fn ours(this: &Path) -> Vec<Diagnosis> {
    let directory = this.parent().unwrap_or(Path::new("/")).display();
    let advice = format!("install all three programs of one version in {directory}");
    let fault = |name: &str| {
        let path = this.with_file_name(name);
        if !on_path::is_program(&path) {
            return Some(format!("{name} is not in {directory}, where {CLI} is"));
        }
        match release(&path, name) {
            Some(release) if release == RELEASE => None,
            Some(release) => {
                Some(format!("{name} has version {release}, but {CLI} has version {RELEASE}"))
            }
            None => Some(format!("{name} does not run")),
        }
    };
    let faults: Vec<_> = [DAEMON, SHIM].into_iter().filter_map(fault).collect();
    if faults.is_empty() {
        let text = format!("{CLI}, {DAEMON} and {SHIM} in {directory} have version {RELEASE}");
        return vec![DoctorCheck::Programs.ok(text)];
    }
    let found = |fault| DoctorCheck::Programs.error(fault).advising(&*advice);
    faults.into_iter().map(found).collect()
}

fn release(path: &Path, name: &str) -> Option<String> {
    let output = Command::new(path).arg("--version").stdin(Stdio::null()).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let release = said.trim().strip_prefix(name)?.trim().to_owned();
    // It goes to a terminal.
    (!release.is_empty() && !release.contains(char::is_control)).then_some(release)
}

/// Whether Fluvio's `cdk` is there, and our link in front of it.
fn cdk(machine: &Machine, shim: &Path, folder: &Path) -> Vec<Diagnosis> {
    let programs = machine.programs("cdk");
    let real = programs.iter().find(|path| !is_shim(path));
    let mut found = vec![fluvios(DoctorCheck::Cdk, "cdk", real, machine)];
    found.extend(match programs.first().filter(|first| is_shim(first)) {
        Some(first) => Some(in_front(first, shim, folder)),
        None => not_in_front(machine, real.is_some(), folder),
    });
    found
}

/// Whether a path points to a shim, ours or that of another installation.
fn is_shim(path: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| path.file_name() == Some(OsStr::new(SHIM)))
}

/// A shim is what a shell runs as `cdk`.
fn in_front(first: &Path, shim: &Path, folder: &Path) -> Diagnosis {
    let target = first.canonicalize().unwrap_or_default();
    if target == shim {
        return DoctorCheck::Shim.ok(format!("cdk is {}, which points to {SHIM}", first.display()));
    }
    let (first_shown, target) = (first.display(), target.display());
    let text = format!("cdk is {first_shown}, which points to another {SHIM}, {target}");
    DoctorCheck::Shim.error(text).fixed_by(install(first, folder))
}

/// None is; `None` when there is nothing to be in front of.
fn not_in_front(machine: &Machine, has_real: bool, folder: &Path) -> Option<Diagnosis> {
    let link = folder.join("cdk");
    let shown = link.display();
    let has_link = link.symlink_metadata().is_ok();
    if has_link && !link.exists() {
        let to = fs::read_link(&link).unwrap_or_default();
        let text = format!("{shown} points to {}, which does not exist", to.display());
        Some(DoctorCheck::Shim.error(text).fixed_by(install(&link, folder)))
    } else if has_link {
        let text =
            format!("{shown} does not come first on PATH, so cdk passes no secrets to connectors");
        let line = on_path::line(folder, machine.shell.as_deref());
        Some(DoctorCheck::Shim.error(text).fixed_by(Fix::new(line)))
    } else if has_real {
        let text = "cdk is not wrapped, so it passes no secrets to connectors";
        Some(DoctorCheck::Shim.warning(text).fixed_by(install(&link, folder)))
    } else {
        None
    }
}

fn install(link: &Path, folder: &Path) -> Fix {
    let install = Fix::new("fluvio-secret cdk --install");
    match link.parent() {
        Some(other) if other != folder => install.words("--dir").path(other),
        _ => install,
    }
}

/// A program of Fluvio's: on PATH, or where Fluvio's installer puts it.
fn fluvios(
    check: DoctorCheck,
    name: &str,
    program: Option<&PathBuf>,
    machine: &Machine,
) -> Diagnosis {
    if let Some(program) = program {
        return check.ok(format!("Fluvio's command {name} is {}", program.display()));
    }
    let folder = machine.home.as_ref().map(|home| home.join(".fluvio/bin"));
    match folder.filter(|folder| on_path::is_program(&folder.join(name))) {
        Some(folder) => {
            let text = format!("Fluvio's {} is not on PATH", folder.join(name).display());
            check.warning(text).fixed_by(Fix::new(on_path::line(&folder, machine.shell.as_deref())))
        }
        None => {
            let missing = check.warning(format!("Fluvio's command {name} is not on PATH"));
            match machine.programs("fvm").is_empty() {
                true => missing.advising("install Fluvio: https://www.fluvio.io"),
                false => missing.fixed_by(Fix::new("fvm install")),
            }
        }
    }
}

/// Whether `fluvio` is there, and shows us in its help.
fn fluvio(machine: &Machine, this: &Path) -> Vec<Diagnosis> {
    let named = machine.fluvio.as_deref().map(Path::new);
    let program = match named.filter(|path| path.components().count() > 1) {
        Some(path) => Some(path.to_owned()).filter(|path| on_path::is_program(path)),
        None => on_path::first(named.unwrap_or(Path::new("fluvio")), machine.path.as_deref()),
    };
    let mut found = vec![match (&program, named) {
        (None, Some(named)) => {
            let text =
                format!("{FLUVIO_VARIABLE} names {}, which is not a program", named.display());
            let advice =
                format!("set {FLUVIO_VARIABLE} to the path of Fluvio's fluvio, or unset it");
            DoctorCheck::Fluvio.warning(text).advising(advice)
        }
        _ => fluvios(DoctorCheck::Fluvio, "fluvio", program.as_ref(), machine),
    }];
    let Some(home) = &machine.home else { return found };
    let folder = home.join(".fluvio/extensions");
    let extension = folder.join(CLI);
    let has_one = extension.symlink_metadata().is_ok();
    if has_one || program.is_some() {
        let link = Fix::new("ln -sfn").path(this).path(&extension);
        let fix = Fix::new("mkdir -p").path(&folder).and(&link);
        let diagnosis = extension_of(&extension, this);
        let is_ok = diagnosis.condition == Condition::Ok;
        found.push(if is_ok { diagnosis } else { diagnosis.fixed_by(fix) });
    }
    found
}

fn extension_of(extension: &Path, this: &Path) -> Diagnosis {
    let check = DoctorCheck::Extension;
    let shown = extension.display();
    if extension.symlink_metadata().is_err() {
        return check
            .warning(format!("`fluvio secret` does not work, because {shown} does not exist"));
    }
    let Ok(target) = extension.canonicalize() else {
        return check.error(format!("{shown} points to a file that does not exist"));
    };
    let is_alone = [DAEMON, SHIM].iter().any(|name| !target.with_file_name(name).exists());
    if target == this {
        check.ok(format!("`fluvio secret` works, through {shown}"))
    } else if is_alone {
        check.error(format!("{shown} is a copy that lacks the other two programs"))
    } else {
        check.warning(format!("{shown} points to another fluvio-secret, {}", target.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use fluvio_secret_system::shell;

    use super::{RELEASE, cdk, fluvio, ours};
    use crate::doctor::finding::{Condition, Diagnosis, DoctorCheck};
    use crate::doctor::machine::tests::{Made, link};

    /// A machine with three programs that say their release.
    fn made() -> Made {
        let made = Made::new();
        for name in ["fluvio-secret", "fluvio-secretd", "fluvio-secret-shim"] {
            made.program(&format!("bin/{name}"), &says(name, RELEASE));
        }
        made
    }

    fn says(name: &str, release: &str) -> String {
        format!("#!/bin/sh\necho {name} {release}\n")
    }

    fn one(found: &[Diagnosis], check: DoctorCheck) -> &Diagnosis {
        let mut of_check = found.iter().filter(|found| found.check == check);
        let one = of_check.next().expect("a line");
        assert!(of_check.next().is_none(), "{found:?}");
        one
    }

    /// Runs what a line names.
    fn fix(made: &Made, found: &Diagnosis) {
        let command = found.command().expect("a command");
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", command]).env("HOME", made.machine.home.as_ref().expect("a home"));
        assert!(shell.status().expect("a shell").success(), "{command}");
    }

    #[test]
    fn programs_are_together_and_of_one_release() {
        let made = made();
        let this = made.at("bin/fluvio-secret");
        let check = || ours(&this);
        assert_eq!(one(&check(), DoctorCheck::Programs).condition, Condition::Ok, "{:?}", check());
        let shim = made.at("bin/fluvio-secret-shim");
        fs::remove_file(&shim).expect("removed");
        assert!(one(&check(), DoctorCheck::Programs).text.contains("fluvio-secret-shim is not in"));
        made.program("bin/fluvio-secret-shim", &says("fluvio-secret-shim", "0.0.1"));
        let found = check();
        assert_eq!(one(&found, DoctorCheck::Programs).condition, Condition::Error);
        assert!(one(&found, DoctorCheck::Programs).text.contains("version 0.0.1"), "{found:?}");
        made.program("bin/fluvio-secret-shim", "#!/bin/sh\nexit 1\n");
        assert!(one(&check(), DoctorCheck::Programs).text.contains("does not run"));
        // The advice fixes it.
        made.program("bin/fluvio-secret-shim", &says("fluvio-secret-shim", RELEASE));
        assert_eq!(one(&check(), DoctorCheck::Programs).condition, Condition::Ok);
    }

    #[test]
    fn cdk_is_fluvios_with_our_link_in_front() {
        let mut made = made();
        let shim = made.at("bin/fluvio-secret-shim").canonicalize().expect("a path");
        let folder = made.at("home/ada/.local/share/fluvio-secret/bin");
        made.set_path(&["none"]);
        let check = |made: &Made| cdk(&made.machine, &shim, &folder);
        let found = check(&made);
        assert_eq!(one(&found, DoctorCheck::Cdk).condition, Condition::Warning);
        assert_eq!(one(&found, DoctorCheck::Cdk).command(), None);
        made.program("none/fvm", "");
        let found = check(&made);
        assert_eq!(one(&found, DoctorCheck::Cdk).command(), Some("fvm install"));
        assert_eq!(found.len(), 1, "there is nothing to be in front of: {found:?}");

        made.program("home/ada/.fluvio/bin/cdk", "");
        let found = check(&made);
        assert!(one(&found, DoctorCheck::Cdk).text.ends_with(".fluvio/bin/cdk is not on PATH"));
        fix(&made, one(&found, DoctorCheck::Cdk));
        let line = fs::read_to_string(made.at("home/ada/.bashrc")).expect("a line");
        // The temporary directory may have a space in its path.
        let first = shell::word(made.at("home/ada/.fluvio/bin").to_str().expect("a text"));
        assert!(line.contains(&format!("PATH={first}:\"$PATH\"")), "{line}");
        made.set_path(&["home/ada/.fluvio/bin"]);
        let found = check(&made);
        assert_eq!(one(&found, DoctorCheck::Cdk).condition, Condition::Ok);
        assert_eq!(one(&found, DoctorCheck::Shim).condition, Condition::Warning);
        let install = Some("fluvio-secret cdk --install");
        assert_eq!(one(&found, DoctorCheck::Shim).command(), install);

        link(Path::new("/none/fluvio-secret-shim"), &folder.join("cdk"));
        let found = check(&made);
        assert!(one(&found, DoctorCheck::Shim).text.contains("which does not exist"), "{found:?}");
        assert_eq!(one(&found, DoctorCheck::Shim).command(), install);

        fs::remove_file(folder.join("cdk")).expect("removed");
        link(&shim, &folder.join("cdk"));
        let found = check(&made);
        assert_eq!(one(&found, DoctorCheck::Shim).condition, Condition::Error);
        assert!(
            one(&found, DoctorCheck::Shim).text.contains("does not come first on PATH"),
            "{found:?}"
        );
        fix(&made, one(&found, DoctorCheck::Shim));
        let lines = fs::read_to_string(made.at("home/ada/.bashrc")).expect("lines");
        // The directory is in quotes if its path has a space.
        let is_in_front = lines.contains("fluvio-secret/bin") && lines.contains(":\"$PATH\"");
        assert!(is_in_front, "{lines}");
        made.set_path(&["home/ada/.local/share/fluvio-secret/bin", "home/ada/.fluvio/bin"]);
        let found = check(&made);
        assert!(found.iter().all(|found| found.condition == Condition::Ok), "{found:?}");

        let other = made.program("other/fluvio-secret-shim", "");
        link(&other, &made.at("front/cdk"));
        made.set_path(&["front", "home/ada/.fluvio/bin"]);
        let found = check(&made);
        assert!(
            one(&found, DoctorCheck::Shim).text.contains("points to another fluvio-secret-shim")
        );
        let front = shell::word(&made.at("front").display().to_string());
        let expected = format!("--install --dir {front}");
        assert!(one(&found, DoctorCheck::Shim).command().expect("a command").ends_with(&expected));
    }

    #[test]
    fn fluvio_is_the_program_that_you_name() {
        let mut made = made();
        let this = made.at("bin/fluvio-secret").canonicalize().expect("a path");
        made.set_path(&["none"]);
        let path = made.program("elsewhere/fluvio-7", "");
        let found = |made: &Made| one(&fluvio(&made.machine, &this), DoctorCheck::Fluvio).clone();
        made.machine.fluvio = Some(path.clone().into());
        let named = found(&made);
        assert_eq!(named.condition, Condition::Ok);
        assert!(named.text.ends_with(path.to_str().expect("text")), "{named:?}");
        made.machine.fluvio = Some("fluvio-7".into());
        assert!(found(&made).text.starts_with("FLUVIO names fluvio-7, which is not"));
        made.set_path(&["elsewhere"]);
        assert_eq!(found(&made).condition, Condition::Ok);
    }

    #[test]
    fn fluvio_shows_us_in_its_help() {
        let mut made = made();
        let this = made.at("bin/fluvio-secret").canonicalize().expect("a path");
        made.set_path(&["none"]);
        let check = |made: &Made| fluvio(&made.machine, &this);
        let found = check(&made);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(one(&found, DoctorCheck::Fluvio).command(), None);
        made.program("fluvio/fluvio", "");
        made.set_path(&["fluvio"]);
        let extension = made.at("home/ada/.fluvio/extensions/fluvio-secret");
        let fixes = |made: &Made, told: &str, condition: Condition| {
            let found = check(made);
            let one = one(&found, DoctorCheck::Extension);
            assert!(one.text.contains(told), "{found:?}");
            assert_eq!(one.condition, condition, "{found:?}");
            fix(made, one);
            let found = check(made);
            assert!(found.iter().all(|found| found.condition == Condition::Ok), "{found:?}");
        };
        fixes(&made, "does not work", Condition::Warning);
        fs::remove_file(&extension).expect("removed");
        link(Path::new("/none/fluvio-secret"), &extension);
        fixes(&made, "points to a file that does not exist", Condition::Error);
        fs::remove_file(&extension).expect("removed");
        made.program("home/ada/.fluvio/extensions/fluvio-secret", "");
        fixes(&made, "a copy that lacks the other two programs", Condition::Error);
        for name in ["fluvio-secret", "fluvio-secretd", "fluvio-secret-shim"] {
            made.program(&format!("other/{name}"), "");
        }
        fs::remove_file(&extension).expect("removed");
        link(&made.at("other/fluvio-secret"), &extension);
        fixes(&made, "another fluvio-secret", Condition::Warning);
    }
}
