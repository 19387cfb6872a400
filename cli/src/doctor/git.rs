//! Whether git tracks a key, or would add one.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use fluvio_secret_system::places::Places;

use super::finding::{Diagnosis, DoctorCheck};
use super::fix::Fix;
use super::machine::Machine;
use crate::git::GitProgram;

/// The files in the configuration directory that hold a key: the identity, the next and an old one, and
/// what an interrupted write of one has left behind.
const KEYS: [&str; 2] = ["identity*", ".tmp-*"];

pub(super) fn check(machine: &Machine, places: &Places) -> Vec<Diagnosis> {
    let config = &*places.config;
    // Without git or a work tree, the list is empty.
    let keys = |which: &[&str]| listed(machine, config, which, &KEYS).unwrap_or_default();
    let tracked = keys(&["--cached"]);
    let addable = keys(&["--others", "--exclude-standard"]);
    let mut found: Vec<_> = tracked.iter().map(|key| judge_tracked(config, key)).collect();
    found.extend(addable.iter().map(|key| judge_addable(config, key)));
    if let Some(path) = &places.state.external_identity {
        found.extend(external_identity(machine, path));
    }
    if found.is_empty() {
        found.push(DoctorCheck::Git.ok("git neither tracks a key nor would add one"));
    }
    found
}

/// An identity's file that the environment names is not ours, so there is no command that fixes it.
fn external_identity(machine: &Machine, path: &Path) -> Option<Diagnosis> {
    let name = format!(":(literal){}", path.file_name()?.to_str()?);
    let has = |which: &[&str]| {
        listed(machine, path.parent()?, which, &[&name]).filter(|found| !found.is_empty())
    };
    let shown = path.display();
    if has(&["--cached"]).is_some() {
        let text =
            format!("git tracks {shown}, so anyone who has the repository can decrypt its secrets");
        let found = DoctorCheck::Git.error(text);
        return Some(found.advising("replace the key, then set those secrets to new values"));
    }
    has(&["--others", "--exclude-standard"]).map(|_| {
        let text = format!("`git add` would add {shown}, which decrypts the secrets");
        DoctorCheck::Git.error(text).advising("move it out of the work tree, or have git ignore it")
    })
}

fn judge_tracked(config: &Path, key: &Path) -> Diagnosis {
    let text = format!(
        "git tracks {}, so anyone who has the repository can decrypt its secrets",
        key.display()
    );
    let forget = Fix::new("git -C").path(config).words("rm --quiet --cached").path(key);
    let found = DoctorCheck::Git.error(text);
    found
        .advising("replace the key, then set those secrets to new values")
        .fixed_by(forget.and(&Fix::new("fluvio-secret key rotate")))
}

fn judge_addable(config: &Path, key: &Path) -> Diagnosis {
    let text = format!("`git add` would add {}, which decrypts the secrets", key.display());
    let ignore = Fix::new("echo '*' >>").path(&config.join(".gitignore"));
    DoctorCheck::Git.error(text).fixed_by(ignore)
}

/// The files that `git ls-files` lists below a directory; `None` when it cannot say.
pub(super) fn listed(
    machine: &Machine,
    directory: &Path,
    which: &[&str],
    patterns: &[&str],
) -> Option<BTreeSet<PathBuf>> {
    let mut git = GitProgram::at(directory, machine.path.as_deref())?.command();
    let output = git.args(["ls-files", "-z"]).args(which).arg("--").args(patterns).output().ok()?;
    if !output.status.success() {
        return None;
    }
    let paths = output.stdout.split(|&byte| byte == 0).filter(|path| !path.is_empty());
    Some(paths.map(|path| directory.join(OsStr::from_bytes(path))).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{check, judge_addable, judge_tracked};
    use crate::doctor::finding::Condition;
    use crate::doctor::machine::tests::Made;
    use fluvio_secret_system::places::Places;

    #[test]
    fn a_key_in_gits_reach_is_an_error_with_the_command_that_takes_it_out() {
        let (config, key) = (Path::new("/it's/config"), Path::new("/it's/config/identity.txt"));
        for (found, command) in [
            (
                judge_tracked(config, key),
                r"git -C '/it'\''s/config' rm --quiet --cached '/it'\''s/config/identity.txt' && fluvio-secret key rotate",
            ),
            (judge_addable(config, key), r"echo '*' >> '/it'\''s/config/.gitignore'"),
        ] {
            assert_eq!(found.condition, Condition::Error);
            assert_eq!(found.command(), Some(command));
        }
    }

    #[test]
    fn without_git_there_is_nothing_to_report() {
        let made = Made::new();
        let found = check(&made.machine, &Places::under(&made.at("home/ada")).expect("places"));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].condition, Condition::Ok);
    }
}
