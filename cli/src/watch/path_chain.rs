//! The chain of names on the path to a file. A change of any of them is noticed.
//!
//! A file is watched by its name in its directory, because a save may put another file in its place. A link in
//! the path, such as Kubernetes' `..data`, may change, and a directory may be moved. So each name is watched.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// More links than this are a circle (the kernel allows 40).
const LINKS: usize = 40;

/// A name in a directory. The path of the directory has no link.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Step {
    pub(crate) folder: PathBuf,
    pub(crate) name: OsString,
}

/// The names on an absolute path, in order, up to the first missing one.
pub(crate) fn steps(path: &Path) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut seen = BTreeSet::new();
    let mut at = PathBuf::from("/");
    let mut rest: Vec<OsString> = names(path.as_os_str());
    let mut links = 0;
    // The names that are left, the next one last.
    rest.reverse();
    while let Some(name) = rest.pop() {
        if name == ".." {
            at.pop();
            continue;
        }
        let step = Step { folder: at.clone(), name };
        let next = at.join(&step.name);
        if seen.insert(step.clone()) {
            steps.push(step);
        }
        match fs::read_link(&next) {
            Ok(target) => {
                links += 1;
                if links > LINKS {
                    break;
                }
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                rest.extend(names(target.as_os_str()).into_iter().rev());
            }
            Err(_) if next.is_dir() || rest.is_empty() => at = next,
            // Nothing is there yet, so nothing can be behind it.
            Err(_) => break,
        }
    }
    steps
}

fn names(path: &OsStr) -> Vec<OsString> {
    let name = |component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    };
    Path::new(path).components().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::{Step, steps};

    #[test]
    fn every_name_that_leads_to_a_file_is_on_the_way() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a path");
        // As Kubernetes has it.
        fs::create_dir(root.join("..1")).expect("a folder");
        fs::write(root.join("..1/c.yaml"), "x").expect("a file");
        symlink("..1", root.join("..data")).expect("a link");
        symlink("..data/c.yaml", root.join("c.yaml")).expect("a link");
        let way = steps(&root.join("c.yaml"));
        let step = |folder: &str, name: &str| Step { folder: root.join(folder), name: name.into() };
        let expected =
            [step("", "c.yaml"), step("", "..data"), step("", "..1"), step("..1", "c.yaml")];
        assert_eq!(way[way.len() - 4..], expected);
        assert_eq!(way[0].folder.to_str(), Some("/"));
    }

    #[test]
    fn a_way_ends_where_nothing_is_and_goes_round_no_circle() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a path");
        let last = |path: &str| steps(&root.join(path)).pop().map(|step| step.name);
        assert_eq!(last("none/c.yaml"), Some("none".into()));
        assert_eq!(last("c.yaml"), Some("c.yaml".into()));
        symlink("b", root.join("a")).expect("a link");
        symlink("a", root.join("b")).expect("a link");
        assert_eq!(last("a"), Some("b".into()));
        assert_eq!(last("x/../a"), Some("x".into()), "the folder x is not there");
    }
}
