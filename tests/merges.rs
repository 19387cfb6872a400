//! A vault in git: no file of it ever gets a conflict marker.

use std::fs;
use std::path::Path;

use crate::harness::{Home, Said, need, said};

fn git(folder: &Path, home: &Home, args: &[&str]) -> Said {
    let mut git = home.foreign("git");
    git.args(["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]);
    said(git.args(args).current_dir(folder))
}

/// A vault in git with a clone; both have changed each of these files, in the lines of the other.
struct Clones {
    home: Home,
    clone: std::path::PathBuf,
}

impl Clones {
    fn new() -> Self {
        let home = Home::new();
        let clone = home.path("clone");
        Self { home, clone }
    }

    fn ok(&self, folder: &Path, args: &[&str]) -> Said {
        let said = git(folder, &self.home, args);
        assert!(said.status.success(), "git {args:?}: {said:?}");
        said
    }

    fn commit(&self, folder: &Path) {
        self.ok(folder, &["add", "--all"]);
        self.ok(folder, &["commit", "--quiet", "--message", "x"]);
    }

    /// Commits what `ours` and `theirs` make of the same vault, and merges them.
    fn merge(&self, ours: impl Fn(&Path), theirs: impl Fn(&Path)) -> Said {
        let vault = self.home.vault();
        self.ok(&vault, &["init", "--quiet"]);
        self.commit(&vault);
        self.ok(&vault, &["clone", "--quiet", ".", self.clone.to_str().unwrap()]);
        theirs(&self.clone);
        self.commit(&self.clone);
        ours(&vault);
        self.commit(&vault);
        let said = git(
            &vault,
            &self.home,
            &["pull", "--no-rebase", "--no-edit", self.clone.to_str().unwrap(), "main"],
        );
        for file in fs::read_dir(&vault).unwrap().flatten() {
            let Ok(bytes) = fs::read(file.path()) else { continue };
            let markers = ["<<<<<<<", "=======", ">>>>>>>"];
            let has = |marker: &&str| bytes.windows(7).any(|part| part == marker.as_bytes());
            assert!(!markers.iter().any(has), "{}: {said:?}", file.path().display());
        }
        said
    }
}

#[test]
fn a19_git_merges_each_file_of_the_vault_whole() {
    if !need::tool("git") {
        return;
    }
    // Git takes some encrypted files for text, depending on their bytes: with many files, several are.
    let clones = Clones::new();
    let names: Vec<_> = (0..30).map(|n| format!("S{n}")).collect();
    let (home, all) = (&clones.home, [".members/1", ".vault-id", ".gitignore", ".gitattributes"]);
    let set_all = |value: &str| {
        let lines: String = names.iter().map(|name| format!("{name}={value}\n")).collect();
        let file = home.write("all.txt", lines);
        home.ok(&["import", "--overwrite", file.to_str().unwrap()]);
    };
    set_all("one");
    let sealed = |folder: &Path, name: &str| fs::read(folder.join(name)).unwrap();
    let mut files: Vec<_> = names.iter().map(|name| format!("{name}.age")).collect();
    files.extend(all.map(str::to_owned));
    let theirs = |folder: &Path| {
        let vault = home.vault();
        set_all("theirs");
        for name in &names {
            fs::copy(vault.join(format!("{name}.age")), folder.join(format!("{name}.age")))
                .unwrap();
        }
        for file in all {
            fs::write(
                folder.join(file),
                format!("# theirs\n{}", fs::read_to_string(folder.join(file)).unwrap()),
            )
            .unwrap();
        }
    };
    let ours = |folder: &Path| {
        set_all("ours");
        for file in all {
            fs::write(
                folder.join(file),
                format!("# ours\n{}", fs::read_to_string(folder.join(file)).unwrap()),
            )
            .unwrap();
        }
    };
    let said = clones.merge(ours, theirs);
    assert!(!said.status.success(), "a conflict is told: {said:?}");
    for file in &files {
        let sides = ["HEAD", "FETCH_HEAD"].map(|side| {
            let mut show = home.foreign("git");
            show.args(["show", &format!("{side}:{file}")])
                .current_dir(home.vault())
                .output()
                .unwrap()
                .stdout
        });
        let found = sealed(&home.vault(), file);
        assert!(sides.contains(&found), "{file} is neither side whole");
        assert_ne!(sides[0], sides[1], "{file} was changed on both");
    }
}

#[test]
fn a19_the_attributes_are_written_into_a_vault_that_has_none() {
    let home = Home::new();
    assert!(home.set("A", "one").status.success());
    home.kill_daemon();
    let file = home.vault().join(".gitattributes");
    fs::write(&file, "*.age diff=age").unwrap();
    home.ok(&["list"]);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("*.age -text -diff merge=binary\n"), "{text}");
    assert!(text.ends_with("\n*.age diff=age"), "a user's own line counts more: {text}");
    home.kill_daemon();
    fs::remove_file(&file).unwrap();
    home.ok(&["list"]);
    assert!(fs::read_to_string(&file).unwrap().starts_with("*.age -text"));
    // What cannot be written is no reason not to start.
    home.kill_daemon();
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    home.ok(&["list"]);
}

#[test]
fn a19_line_ends_are_never_changed() {
    if !need::tool("git") {
        return;
    }
    let clones = Clones::new();
    let home = &clones.home;
    for n in 0..20 {
        assert!(home.set(&format!("S{n}"), "x\r\ny\n").status.success());
    }
    let vault = home.vault();
    clones.ok(&vault, &["init", "--quiet"]);
    clones.ok(&vault, &["config", "core.autocrlf", "true"]);
    clones.commit(&vault);
    clones.ok(
        &vault,
        &["-c", "core.autocrlf=true", "clone", "--quiet", ".", clones.clone.to_str().unwrap()],
    );
    for n in 0..20 {
        let file = format!("S{n}.age");
        assert_eq!(
            fs::read(clones.clone.join(&file)).unwrap(),
            fs::read(vault.join(&file)).unwrap()
        );
    }
    for file in [".members/1", ".vault-id"] {
        assert_eq!(fs::read(clones.clone.join(file)).unwrap(), fs::read(vault.join(file)).unwrap());
    }
}
