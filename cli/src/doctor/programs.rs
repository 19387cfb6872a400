//! Our programs and Fluvio's, and who stands in front of whom.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fluvio_secret_protocol::{CLI, DAEMON, SHIM};
use fluvio_secret_system::shell;

use super::{Condition, Found, Look, Machine};
use crate::on_path;
use fluvio_secret_system::places::Places;

const RELEASE: &str = env!("CARGO_PKG_VERSION");

pub(super) fn look(machine: &Machine, places: &Places) -> Vec<Found> {
    let this = env::current_exe().and_then(|path| path.canonicalize()).unwrap_or_default();
    let mut found = ours(&this);
    found.extend(cdk(machine, &this.with_file_name(SHIM), &places.programs()));
    found.extend(fluvio(machine, &this));
    found
}

/// Whether the three programs are together, and of one release.
fn ours(this: &Path) -> Vec<Found> {
    let folder = this.parent().unwrap_or(Path::new("/")).display();
    let remedy = format!("install the three programs of one release in {folder}");
    let fault = |name: &str| {
        let path = this.with_file_name(name);
        if !on_path::is_program(&path) {
            return Some(format!("{name} is not in {folder}, where {CLI} is; {remedy}"));
        }
        match release(&path, name) {
            Some(release) if release == RELEASE => None,
            Some(release) => {
                Some(format!("{name} is of release {release}, {CLI} of {RELEASE}; {remedy}"))
            }
            None => Some(format!("{name} does not run; {remedy}")),
        }
    };
    let faults: Vec<_> = [DAEMON, SHIM].into_iter().filter_map(fault).collect();
    if faults.is_empty() {
        let text = format!("{CLI}, {DAEMON} and {SHIM} in {folder} are of release {RELEASE}");
        return vec![Look::Programs.right(text)];
    }
    faults.into_iter().map(|fault| Look::Programs.wrong(fault)).collect()
}

/// What a program says its release is.
fn release(path: &Path, name: &str) -> Option<String> {
    let output = Command::new(path).arg("--version").stdin(Stdio::null()).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let release = said.trim().strip_prefix(name)?.trim().to_owned();
    // It goes to a terminal.
    (!release.is_empty() && !release.contains(char::is_control)).then_some(release)
}

/// Whether Fluvio's `cdk` is there, and our link in front of it.
fn cdk(machine: &Machine, shim: &Path, folder: &Path) -> Vec<Found> {
    let programs = machine.programs("cdk");
    let real = programs.iter().find(|path| !is_shim(path));
    let mut found = vec![fluvios(Look::Cdk, "cdk", real, machine)];
    found.extend(match programs.first().filter(|first| is_shim(first)) {
        Some(first) => Some(in_front(first, shim, folder)),
        None => not_in_front(machine, real.is_some(), folder),
    });
    found
}

/// Whether a path leads to a shim, ours or another's.
fn is_shim(path: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| path.file_name() == Some(OsStr::new(SHIM)))
}

/// A shim is what a shell runs as `cdk`.
fn in_front(first: &Path, shim: &Path, folder: &Path) -> Found {
    let target = first.canonicalize().unwrap_or_default();
    if target == shim {
        return Look::Shim.right(format!("cdk is {}, ours", first.display()));
    }
    let (first_shown, target) = (first.display(), target.display());
    let text = format!("cdk, {first_shown}, is the shim of another fluvio-secret, {target}");
    Look::Shim.wrong(text).mended_by(install(first, folder))
}

/// None is; `None` when there is nothing to be in front of.
fn not_in_front(machine: &Machine, has_real: bool, folder: &Path) -> Option<Found> {
    let link = folder.join("cdk");
    let shown = link.display();
    let has_link = link.symlink_metadata().is_ok();
    if has_link && !link.exists() {
        let to = fs::read_link(&link).unwrap_or_default();
        let text = format!("{shown} leads to {}, which is not there", to.display());
        Some(Look::Shim.wrong(text).mended_by(install(&link, folder)))
    } else if has_link {
        let text =
            format!("{shown} is not in front on PATH, so plain cdk gives connectors no secrets");
        let line = on_path::line(folder, machine.shell.as_deref());
        Some(Look::Shim.wrong(text).mended_by(line))
    } else if has_real {
        let text = "nothing of ours is in front of cdk, so plain cdk gives connectors no secrets";
        Some(Look::Shim.note(text).mended_by(install(&link, folder)))
    } else {
        None
    }
}

/// The command that makes a link anew.
fn install(link: &Path, folder: &Path) -> String {
    match link.parent() {
        Some(other) if other != folder => format!(
            "fluvio-secret cdk --install --dir {}",
            shell::word(&other.display().to_string())
        ),
        _ => "fluvio-secret cdk --install".to_owned(),
    }
}

/// A program of Fluvio's: on PATH, or where Fluvio's installer puts it.
fn fluvios(look: Look, name: &str, program: Option<&PathBuf>, machine: &Machine) -> Found {
    if let Some(program) = program {
        return look.right(format!("Fluvio's is {}", program.display()));
    }
    let folder = machine.home.as_ref().map(|home| home.join(".fluvio/bin"));
    match folder.filter(|folder| on_path::is_program(&folder.join(name))) {
        Some(folder) => {
            let text = format!("{}, Fluvio's, is not on PATH", folder.join(name).display());
            look.note(text).mended_by(on_path::line(&folder, machine.shell.as_deref()))
        }
        None => look.note(format!("Fluvio's {name} is not on PATH")).mended_by("fvm install"),
    }
}

/// Whether `fluvio` is there, and shows us in its help.
fn fluvio(machine: &Machine, this: &Path) -> Vec<Found> {
    let program = machine.programs("fluvio").into_iter().next();
    let mut found = vec![fluvios(Look::Fluvio, "fluvio", program.as_ref(), machine)];
    let Some(home) = &machine.home else { return found };
    let folder = home.join(".fluvio/extensions");
    let extension = folder.join(CLI);
    let has_one = extension.symlink_metadata().is_ok();
    if has_one || program.is_some() {
        let word = |path: &Path| shell::word(&path.display().to_string());
        let mend =
            format!("mkdir -p {} && ln -sfn {} {}", word(&folder), word(this), word(&extension));
        let look = extension_of(&extension, this);
        let is_right = look.condition == Condition::Right;
        found.push(if is_right { look } else { look.mended_by(mend) });
    }
    found
}

fn extension_of(extension: &Path, this: &Path) -> Found {
    let look = Look::Extension;
    let shown = extension.display();
    if extension.symlink_metadata().is_err() {
        return look.note(format!("fluvio --help does not show us: {shown} is not there"));
    }
    let Ok(target) = extension.canonicalize() else {
        return look.wrong(format!("{shown} leads to nothing"));
    };
    let is_alone = [DAEMON, SHIM].iter().any(|name| !target.with_file_name(name).exists());
    if target == this {
        look.right(format!("fluvio --help shows us, by {shown}"))
    } else if is_alone {
        look.wrong(format!("{shown} is a copy without the other two programs"))
    } else {
        look.note(format!("{shown} is another fluvio-secret, {}", target.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use fluvio_secret_system::shell;

    use super::{RELEASE, cdk, fluvio, ours};
    use crate::doctor::machine::tests::{Made, link};
    use crate::doctor::{Condition, Found, Look};

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

    fn one(found: &[Found], look: Look) -> &Found {
        let mut of_look = found.iter().filter(|found| found.look == look);
        let one = of_look.next().expect("a line");
        assert!(of_look.next().is_none(), "{found:?}");
        one
    }

    /// Runs what a line names.
    fn mend(made: &Made, found: &Found) {
        let command = found.mend.as_ref().expect("a command");
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", command]).env("HOME", made.machine.home.as_ref().expect("a home"));
        assert!(shell.status().expect("a shell").success(), "{command}");
    }

    #[test]
    fn programs_are_together_and_of_one_release() {
        let made = made();
        let this = made.at("bin/fluvio-secret");
        let look = || ours(&this);
        assert_eq!(one(&look(), Look::Programs).condition, Condition::Right, "{:?}", look());
        let shim = made.at("bin/fluvio-secret-shim");
        fs::remove_file(&shim).expect("removed");
        assert!(one(&look(), Look::Programs).text.contains("fluvio-secret-shim is not in"));
        made.program("bin/fluvio-secret-shim", &says("fluvio-secret-shim", "0.0.1"));
        let found = look();
        assert_eq!(one(&found, Look::Programs).condition, Condition::Wrong);
        assert!(one(&found, Look::Programs).text.contains("of release 0.0.1"), "{found:?}");
        made.program("bin/fluvio-secret-shim", "#!/bin/sh\nexit 1\n");
        assert!(one(&look(), Look::Programs).text.contains("does not run"));
        // What is said to be done mends it.
        made.program("bin/fluvio-secret-shim", &says("fluvio-secret-shim", RELEASE));
        assert_eq!(one(&look(), Look::Programs).condition, Condition::Right);
    }

    #[test]
    fn cdk_is_fluvios_with_our_link_in_front() {
        let mut made = made();
        let shim = made.at("bin/fluvio-secret-shim").canonicalize().expect("a path");
        let folder = made.at("home/ada/.local/share/fluvio-secret/bin");
        made.set_path(&["none"]);
        let look = |made: &Made| cdk(&made.machine, &shim, &folder);
        let found = look(&made);
        assert_eq!(one(&found, Look::Cdk).condition, Condition::Note);
        assert_eq!(one(&found, Look::Cdk).mend.as_deref(), Some("fvm install"));
        assert_eq!(found.len(), 1, "there is nothing to be in front of: {found:?}");

        made.program("home/ada/.fluvio/bin/cdk", "");
        let found = look(&made);
        assert!(one(&found, Look::Cdk).text.contains(".fluvio/bin/cdk, Fluvio's, is not on PATH"));
        mend(&made, one(&found, Look::Cdk));
        let line = fs::read_to_string(made.at("home/ada/.bashrc")).expect("a line");
        // The temporary directory may have a space in its path.
        let first = shell::word(made.at("home/ada/.fluvio/bin").to_str().expect("a text"));
        assert!(line.contains(&format!("PATH={first}:\"$PATH\"")), "{line}");
        made.set_path(&["home/ada/.fluvio/bin"]);
        let found = look(&made);
        assert_eq!(one(&found, Look::Cdk).condition, Condition::Right);
        assert_eq!(one(&found, Look::Shim).condition, Condition::Note);
        let install = Some("fluvio-secret cdk --install");
        assert_eq!(one(&found, Look::Shim).mend.as_deref(), install);

        link(Path::new("/none/fluvio-secret-shim"), &folder.join("cdk"));
        let found = look(&made);
        assert!(one(&found, Look::Shim).text.contains("which is not there"), "{found:?}");
        assert_eq!(one(&found, Look::Shim).mend.as_deref(), install);

        fs::remove_file(folder.join("cdk")).expect("removed");
        link(&shim, &folder.join("cdk"));
        let found = look(&made);
        assert_eq!(one(&found, Look::Shim).condition, Condition::Wrong);
        assert!(one(&found, Look::Shim).text.contains("not in front on PATH"), "{found:?}");
        mend(&made, one(&found, Look::Shim));
        let lines = fs::read_to_string(made.at("home/ada/.bashrc")).expect("lines");
        assert!(lines.contains("fluvio-secret/bin:\"$PATH\""), "{lines}");
        made.set_path(&["home/ada/.local/share/fluvio-secret/bin", "home/ada/.fluvio/bin"]);
        let found = look(&made);
        assert!(found.iter().all(|found| found.condition == Condition::Right), "{found:?}");

        let other = made.program("other/fluvio-secret-shim", "");
        link(&other, &made.at("front/cdk"));
        made.set_path(&["front", "home/ada/.fluvio/bin"]);
        let found = look(&made);
        assert!(one(&found, Look::Shim).text.contains("shim of another fluvio-secret"));
        let expected = format!("--install --dir {}", made.at("front").display());
        assert!(one(&found, Look::Shim).mend.as_ref().expect("a command").ends_with(&expected));
    }

    #[test]
    fn fluvio_shows_us_in_its_help() {
        let mut made = made();
        let this = made.at("bin/fluvio-secret").canonicalize().expect("a path");
        made.set_path(&["none"]);
        let look = |made: &Made| fluvio(&made.machine, &this);
        let found = look(&made);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(one(&found, Look::Fluvio).mend.as_deref(), Some("fvm install"));
        made.program("fluvio/fluvio", "");
        made.set_path(&["fluvio"]);
        let extension = made.at("home/ada/.fluvio/extensions/fluvio-secret");
        let mends = |made: &Made, told: &str, condition: Condition| {
            let found = look(made);
            let one = one(&found, Look::Extension);
            assert!(one.text.contains(told), "{found:?}");
            assert_eq!(one.condition, condition, "{found:?}");
            mend(made, one);
            let found = look(made);
            assert!(found.iter().all(|found| found.condition == Condition::Right), "{found:?}");
        };
        mends(&made, "does not show us", Condition::Note);
        fs::remove_file(&extension).expect("removed");
        link(Path::new("/none/fluvio-secret"), &extension);
        mends(&made, "leads to nothing", Condition::Wrong);
        fs::remove_file(&extension).expect("removed");
        made.program("home/ada/.fluvio/extensions/fluvio-secret", "");
        mends(&made, "a copy without the other two programs", Condition::Wrong);
        for name in ["fluvio-secret", "fluvio-secretd", "fluvio-secret-shim"] {
            made.program(&format!("other/{name}"), "");
        }
        fs::remove_file(&extension).expect("removed");
        link(&made.at("other/fluvio-secret"), &extension);
        mends(&made, "another fluvio-secret", Condition::Note);
    }
}
