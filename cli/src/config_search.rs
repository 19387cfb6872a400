//! The configurations below a directory, and the secrets in them.
//!
//! The search is bounded, so that it does not take long in a home directory. What git ignores counts: a
//! configuration for this machine alone is often not in git.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::{self, DirEntry, FileType};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fluvio_secret_config::{Document, is_configuration};
use fluvio_secret_protocol::{SecretName, limits};

use crate::error::CliError;
use crate::{config_file, format, output};

/// How long a search may take. You would not wait longer for a list.
const SEARCH_TIME: Duration = Duration::from_millis(800);
/// What is searched in that time on a usual machine.
const MOST_SEARCHED: usize = 200_000;

/// Further configurations that cannot be read are only counted.
const MOST_WARNINGS: usize = 8;

/// What was found below a directory, and what was not searched.
#[derive(Debug, Default)]
pub(crate) struct ConfigSearch {
    /// Each configuration that has secrets, with their names.
    pub(crate) configs: BTreeMap<PathBuf, BTreeSet<SecretName>>,
    /// Configurations that cannot be read, each with the reason.
    pub(crate) unread: BTreeMap<PathBuf, String>,
    /// Kinds of directories that were left out.
    pub(crate) left_out: BTreeSet<&'static str>,
    /// Whether the search stopped before its end.
    pub(crate) is_partial: bool,
}

impl ConfigSearch {
    /// Searches a directory, the nearest files first. An empty path is the current directory.
    pub(crate) fn below(directory: &Path) -> Result<Self, CliError> {
        let failed = |why: io::Error| CliError::Search {
            directory: shown(directory).to_owned(),
            why: why.into(),
            help: None,
        };
        fs::read_dir(shown(directory)).map_err(failed)?;
        let mut search = Self::default();
        search.walk(directory, Instant::now() + SEARCH_TIME, MOST_SEARCHED);
        Ok(search)
    }

    fn walk(&mut self, directory: &Path, end: Instant, mut left: usize) {
        let mut directories = VecDeque::from([directory.to_owned()]);
        while let Some(directory) = directories.pop_front() {
            let Ok(entries) = fs::read_dir(shown(&directory)) else {
                self.left_out.insert("directories that cannot be read");
                continue;
            };
            for entry in entries.flatten() {
                if left == 0 || Instant::now() >= end {
                    self.is_partial = true;
                    return;
                }
                left -= 1;
                let Ok(kind) = entry.file_type() else { continue };
                let path = directory.join(entry.file_name());
                match self.is_left_out(&entry, kind) {
                    true => {}
                    false if kind.is_dir() => directories.push_back(path),
                    false if config_file::is_yaml(&path) => self.read(path),
                    false => {}
                }
            }
        }
    }

    /// Whether a directory is not searched.
    fn is_left_out(&mut self, entry: &DirEntry, kind: FileType) -> bool {
        let name = entry.file_name();
        let why = if kind.is_symlink() && entry.path().is_dir() {
            "links to directories"
        } else if !kind.is_dir() {
            return false;
        } else if name.as_bytes().starts_with(b".") {
            "hidden directories"
        } else {
            let of_tool = TOOL_DIRECTORIES.iter().find(|of_tool| name == **of_tool);
            let Some(of_tool) = of_tool else { return false };
            of_tool
        };
        self.left_out.insert(why);
        true
    }

    fn read(&mut self, path: PathBuf) {
        // A larger one is not delivered to.
        if path
            .metadata()
            .is_ok_and(|found| !found.is_file() || found.len() > limits::CONFIG_BYTES as u64)
        {
            return;
        }
        let bytes = match config_file::read(&path) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.unread.insert(path, error.to_string());
                return;
            }
        };
        // In each form of reference. Most files are not even parsed.
        if !bytes.windows(6).any(|word| word == b"secret") {
            return;
        }
        match Document::read(&bytes).mentions() {
            Ok(names) if names.is_empty() => {}
            Ok(names) => drop(self.configs.insert(path, names)),
            Err(error) if is_configuration(&bytes) => {
                let why = format!("cannot read the configuration {}: {error}", path.display());
                self.unread.insert(path, why);
            }
            Err(_) => {}
        }
    }

    /// Reports what is not known, and why.
    pub(crate) fn report(&self) {
        for why in self.unread.values().take(MOST_WARNINGS) {
            output::say(&format!("warning: {why}, so its secrets are unknown"));
        }
        if let Some(more @ 1..) = self.unread.len().checked_sub(MOST_WARNINGS) {
            let more = format::count(more, "more configuration");
            output::say(&format!("warning: {more} cannot be read"));
        }
        if !self.left_out.is_empty() {
            let left_out: Vec<_> = self.left_out.iter().copied().collect();
            output::say(&format!("note: not searched: {}", left_out.join(", ")));
        }
    }

    /// The configurations that have a secret.
    pub(crate) fn with(&self, name: &SecretName) -> impl Iterator<Item = &Path> {
        let with = self.configs.iter().filter(|(_, names)| names.contains(name));
        with.map(|(path, _)| path.as_path())
    }
}

/// Directories that tools fill, whose files you have not written.
pub(crate) const TOOL_DIRECTORIES: [&str; 3] = ["node_modules", "target", "venv"];

fn shown(directory: &Path) -> &Path {
    if directory.as_os_str().is_empty() { Path::new(".") } else { directory }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;
    use std::time::{Duration, Instant};

    use super::ConfigSearch;

    fn write(directory: &Path, name: &str, text: &str) {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    fn config(name: &str) -> String {
        format!(
            "meta: {{name: c, type: t, topic: t, version: 0.1.0}}\na: {{secret: {{name: {name}}}}}\n"
        )
    }

    #[test]
    fn configurations_below_a_directory_are_found_with_their_secrets() {
        let made = tempfile::tempdir().expect("a directory");
        let root = made.path();
        write(root, "a.yaml", &config("A"));
        write(root, "b/c/d.yml", &config("D"));
        // What git ignores counts, and so does a file for `run --as-is`.
        write(root, ".gitignore", "local.yaml\n");
        write(root, "local.yaml", &config("LOCAL"));
        write(root, "as-is.yaml", "value: {secret: {name: AS_IS}}\n");
        // Without `apiVersion`, Fluvio ignores what is declared. It is meant all the same.
        write(root, "old.yaml", "meta: {name: c, type: t, topic: t, secrets: [{name: OLD}]}\n");
        write(root, "bad.yaml", &(config("BAD") + "x: [\n"));
        write(root, "k8s.yaml", "volumes: [{secret: {name: not-ours}}, {secretName: X}]\n");
        write(root, "compose.yaml", "secrets: {A: {file: ./a}}\n");
        write(root, "large.yaml", &(config("LARGE") + &"#".repeat(64 << 10)));
        for skipped in [".git/a.yaml", "target/a.yaml", "b/node_modules/a.yaml"] {
            write(root, skipped, &config("SKIPPED"));
        }
        symlink("b", root.join("link")).expect("a link");
        symlink("b/c/d.yml", root.join("link.yaml")).expect("a link");
        symlink("nothing", root.join("dangling.yaml")).expect("a link");
        let mut search = ConfigSearch::default();
        search.walk(root, Instant::now() + Duration::from_secs(1000), 1000);
        let names: Vec<_> = search.configs.values().flatten().map(ToString::to_string).collect();
        assert_eq!(names, ["A", "AS_IS", "D", "D", "LOCAL", "OLD"]);
        let with: Vec<_> = search.with(&"D".parse().expect("a name")).collect();
        assert_eq!(with, [root.join("b/c/d.yml"), root.join("link.yaml")]);
        let unread: Vec<_> = search.unread.keys().collect();
        assert_eq!(unread, [&root.join("bad.yaml"), &root.join("dangling.yaml")]);
        let left_out: Vec<_> = search.left_out.iter().copied().collect();
        assert_eq!(
            left_out,
            ["hidden directories", "links to directories", "node_modules", "target"]
        );
        assert!(!search.is_partial);
        assert!(ConfigSearch::below(&root.join("none")).is_err());
    }

    #[test]
    fn a_search_stops_at_its_bounds_after_the_nearest_files() {
        let made = tempfile::tempdir().expect("a directory");
        write(made.path(), "near.yaml", &config("NEAR"));
        for number in 0..20 {
            write(made.path(), &format!("deep/{number}/far.yaml"), &config("FAR"));
        }
        let later = Instant::now() + Duration::from_secs(1000);
        let mut search = ConfigSearch::default();
        search.walk(made.path(), later, 10);
        assert!(search.is_partial && search.configs.len() == 1, "{search:?}");
        let mut search = ConfigSearch::default();
        search.walk(made.path(), Instant::now(), 1000);
        assert!(search.is_partial && search.configs.is_empty(), "{search:?}");
        let mut search = ConfigSearch::default();
        search.walk(made.path(), later, 1000);
        assert!(!search.is_partial && search.configs.len() == 21, "{search:?}");
    }
}
