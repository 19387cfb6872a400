//! Files with secrets in plain text in the project of the current directory.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use fluvio_secret_system::regular::{self, Links};
use zeroize::Zeroizing;

use super::finding::{Diagnosis, DoctorCheck};
use super::fix::Fix;
use super::git;
use super::machine::Machine;
use crate::config_search::TOOL_DIRECTORIES;
use crate::secrets_file::{self, FileFormat, format_by_name};

/// What people call the file that they give to `--secrets`.
const PLAIN_FILE_NAMES: [&str; 4] = ["secrets.txt", "secret.txt", "secrets", ".env"];

/// How many levels of directories are searched, and how many entries.
const DEEPEST_DIRECTORY: usize = 4;
const MOST_ENTRIES: usize = 10_000;
const READ_BYTES: u64 = 64 << 10;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Git {
    /// The project is no work tree of git's, or there is no git to ask.
    None,
    Tracks,
    Untracked,
}

/// Why `import --remove` would not delete a file, and what to do about it.
type WhyKept = (String, Option<&'static str>);

pub(super) fn check(machine: &Machine) -> Vec<Diagnosis> {
    let folder = &machine.folder;
    let tree = folder.ancestors().find(|folder| is_work_tree(folder));
    // Without git the project has no known end: the directory above may be the home.
    let mut files = match tree {
        Some(tree) => plain_files(tree, DEEPEST_DIRECTORY),
        None => plain_files(folder, 0),
    };
    let tracked = tree.and_then(|tree| tracked(tree, machine));
    for file in tracked.iter().flatten() {
        // One that is deleted and still tracked has to be taken out of git, too.
        if !file.exists() || is_plain(file) {
            files.insert(file.clone());
        }
    }
    let found = files.iter().map(|file| {
        let git = match &tracked {
            None => Git::None,
            Some(tracked) if tracked.contains(file) => Git::Tracks,
            Some(_) => Git::Untracked,
        };
        judge(machine.typed(file), file.exists(), git, secrets_file::why_kept(file))
    });
    let found: Vec<_> = found.collect();
    if found.is_empty() {
        let place = tree.unwrap_or(folder).display();
        return vec![DoctorCheck::Project.ok(format!("no secrets in plain text are in {place}"))];
    }
    found
}

/// Whether a directory is a work tree of git. One of another user, as in /tmp, does not count: git refuses it.
fn is_work_tree(folder: &Path) -> bool {
    let ours = rustix::process::geteuid().as_raw();
    fs::metadata(folder.join(".git")).is_ok_and(|found| found.uid() == ours)
}

fn judge(file: &Path, is_there: bool, git: Git, why_kept: Option<WhyKept>) -> Diagnosis {
    let shown = file.display();
    let text = match (git, is_there) {
        (Git::Tracks, true) => format!("{shown} has secrets in plain text, and git tracks it"),
        (Git::Tracks, false) => format!("{shown} is deleted, but git still tracks it"),
        (Git::Untracked, _) => {
            format!("{shown} has secrets in plain text, which git does not track")
        }
        (Git::None, _) => format!("{shown} has secrets in plain text"),
    };
    // A path that begins with a dash would be read as an option.
    let is_dashed = file.as_os_str().as_bytes().starts_with(b"-");
    let typed = if is_dashed { Path::new(".").join(file) } else { file.to_owned() };
    let import = Fix::new("fluvio-secret import --remove").path(&typed);
    let forget = Fix::new("git rm --quiet --cached").path(&typed);
    // The program that reads a .env needs it, so the file stays where it is.
    let stays = !is_there || format_by_name(file) == Some(FileFormat::Dotenv);
    let (text, help, is_imported) = match why_kept {
        Some((why, help)) if !stays => {
            (format!("{text}, and `import --remove` would keep it: {why}"), help, false)
        }
        _ => (text, None, !stays),
    };
    let found = match git {
        Git::Tracks => DoctorCheck::Project
            .error(text)
            .advising("its secrets stay in git's history, so also set them to new values"),
        Git::Untracked | Git::None => {
            let found = DoctorCheck::Project.warning(text);
            Diagnosis { advice: help.map(str::to_owned), ..found }
        }
    };
    match (is_imported, git) {
        (true, Git::Tracks) => found.fixed_by(import.and(&forget)),
        (true, _) => found.fixed_by(import),
        (false, Git::Tracks) => found.fixed_by(forget),
        (false, _) => found,
    }
}

/// The files of those names that have secrets, not far below a directory.
fn plain_files(folder: &Path, depth: usize) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    let mut left = MOST_ENTRIES;
    while let Some((folder, at)) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten().take(left) {
            left -= 1;
            let name = entry.file_name();
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && at < depth && !is_made_by_tools(&name.to_string_lossy()) {
                folders.push((entry.path(), at + 1));
            } else if PLAIN_FILE_NAMES.iter().any(|wanted| name == *wanted)
                && is_plain(&entry.path())
            {
                files.insert(entry.path());
            }
        }
    }
    files
}

fn is_made_by_tools(folder: &str) -> bool {
    folder.starts_with('.') || TOOL_DIRECTORIES.contains(&folder)
}

/// Whether a file has a line `NAME=VALUE`, as a secrets file has.
fn is_plain(path: &Path) -> bool {
    let opened = regular::open(OpenOptions::new().read(true), path, Links::Follow);
    let Ok((file, _)) = opened else { return false };
    let mut bytes = Zeroizing::new(Vec::with_capacity(READ_BYTES as usize));
    if file.take(READ_BYTES).read_to_end(&mut bytes).is_err() {
        return false;
    }
    secrets_file::is_plain(&bytes)
}

/// The files of those names that git tracks, wherever in the work tree; `None` when it cannot say.
fn tracked(tree: &Path, machine: &Machine) -> Option<BTreeSet<PathBuf>> {
    let patterns = PLAIN_FILE_NAMES.map(|name| format!(":(glob)**/{name}"));
    let patterns: Vec<_> = patterns.iter().map(String::as_str).collect();
    git::listed(machine, tree, &["--cached"], &patterns)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{DEEPEST_DIRECTORY, Git, check, judge, plain_files};
    use crate::doctor::finding::Condition;
    use crate::doctor::machine::tests::Made;

    #[test]
    fn a_secrets_file_is_told_from_others_by_its_lines() {
        let made = Made::new();
        made.write("p/secrets.txt", "# comment\n\nAPI_TOKEN = cnry\n");
        made.write("p/a/b/.env", "export X=1\nTOKEN=cnry\n");
        made.write("p/secret.txt", "TOKEN=\nno line of ours\n");
        made.write("p/secrets", "{\"sops\": \"=\"}\n");
        made.write("p/other.txt", "TOKEN=cnry\n");
        made.write("p/target/secrets.txt", "TOKEN=cnry\n");
        made.write("p/.hidden/secrets.txt", "TOKEN=cnry\n");
        made.write("p/1/2/3/4/5/secrets.txt", "TOKEN=cnry\n");
        made.write("p/dir/secrets/TOKEN", "TOKEN=cnry\n");
        let found: Vec<_> = plain_files(&made.at("p"), DEEPEST_DIRECTORY).into_iter().collect();
        assert_eq!(found, [made.at("p/a/b/.env"), made.at("p/secrets.txt")]);
    }

    #[test]
    fn what_git_does_with_a_file_makes_the_difference() {
        let file = Path::new("it's/secrets.txt");
        let word = "'it'\\''s/secrets.txt'";
        let tracked = judge(file, true, Git::Tracks, None);
        assert_eq!(tracked.condition, Condition::Error);
        assert!(tracked.text.contains("git tracks it"), "{tracked:?}");
        let (import, forget) = (
            format!("fluvio-secret import --remove {word}"),
            format!("git rm --quiet --cached {word}"),
        );
        assert_eq!(tracked.command(), Some(&*format!("{import} && {forget}")));
        let deleted = judge(file, false, Git::Tracks, None);
        assert_eq!((deleted.condition, deleted.command()), (Condition::Error, Some(&*forget)));
        let dashed = judge(Path::new("-x/secrets"), true, Git::None, None);
        assert_eq!(dashed.command(), Some("fluvio-secret import --remove ./-x/secrets"));
        for git in [Git::Untracked, Git::None] {
            let found = judge(file, true, git, None);
            assert_eq!((found.condition, found.command()), (Condition::Warning, Some(&*import)));
        }
    }

    #[test]
    fn e16_the_removal_of_a_env_is_never_recommended() {
        for name in [".env", "a/.env", ".env.local"] {
            for (git, is_there) in [
                (Git::Tracks, true),
                (Git::Tracks, false),
                (Git::Untracked, true),
                (Git::None, true),
            ] {
                let found = judge(Path::new(name), is_there, git, None);
                assert!(!found.line().contains("--remove"), "{found:?}");
                assert_eq!(found.fix.is_some(), git == Git::Tracks, "{found:?}");
            }
        }
    }

    #[test]
    fn a_file_that_another_tool_encrypted_is_not_plain() {
        let made = Made::new();
        made.write("p/.env", "TOKEN=ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\nsops_version=3\n");
        let cipher = "Ab1+".repeat(12);
        made.write(
            "p/a/.env",
            &format!("DOTENV_PUBLIC_KEY=\"03\"\nTOKEN=\"encrypted:{cipher}\"\n"),
        );
        made.write("p/b/.env", "TOKEN='two\nlines'\n");
        made.write("p/c/.env", "A-B=1\nTOKEN=$OTHER\n");
        let found: Vec<_> = plain_files(&made.at("p"), DEEPEST_DIRECTORY).into_iter().collect();
        assert_eq!(found, [made.at("p/b/.env"), made.at("p/c/.env")]);
    }

    #[test]
    fn without_git_only_the_present_folder_is_the_project() {
        let mut made = Made::new();
        made.write("p/secrets.txt", "TOKEN=cnry\n");
        made.write("p/below/secrets.txt", "TOKEN=cnry\n");
        made.machine.folder = made.at("p");
        let found = check(&made.machine);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].text, "secrets.txt has secrets in plain text");
        assert!(!format!("{found:?}").contains("cnry"));
        made.machine.folder = made.at("home/ada");
        assert_eq!(check(&made.machine)[0].condition, Condition::Ok);
    }
}
