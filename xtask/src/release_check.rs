//! `cargo xtask release-check`: what has to be so before a release is tagged, each with what fixes it.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::programs::root;
use crate::{Outcome, cases, say};

/// Something that keeps a release from being made.
type Fault = String;

pub(crate) fn run() -> Outcome {
    let release = env!("CARGO_PKG_VERSION");
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap_or_default();
    let sources = sources();
    let mut faults = Vec::new();
    match cargo_metadata("Cargo.toml")? {
        Ok(metadata) => faults.extend(versions(&metadata, release)),
        Err(fault) => faults.push(fault),
    }
    // A workspace of its own, which is built of the same packages.
    faults.extend(cargo_metadata("fuzz/Cargo.toml")?.err());
    faults.extend(changelog(&read("CHANGELOG.md"), release));
    if root().join("packaging/debian/changelog").exists() {
        faults.extend(debian_changelog(&read("packaging/debian/changelog"), release));
    }
    faults.extend(protocol(&read("protocol/src/lib.rs"), &read("docs/PROTOCOL.md")));
    faults.extend(promises(&read("docs/THREATS.md"), &tests(&sources)));
    faults.extend(modules(&read("tests/main.rs"), &sources));
    faults.extend(tree(&git(&["status", "--porcelain"])?, &git(&["tag", "--list"])?, release));
    if faults.is_empty() {
        say(&format!("release {release} can be tagged: git tag --annotate v{release}"));
        return Ok(());
    }
    faults.iter().for_each(|fault| say(fault));
    Err(format!("{} to fix before release {release}", faults.len()).into())
}

/// What Cargo knows of a workspace, when its lock file needs no change.
fn cargo_metadata(manifest: &str) -> Result<Result<Value, Fault>, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--locked", "--format-version", "1", "--manifest-path", manifest])
        .current_dir(root())
        .output()?;
    if output.status.success() {
        return Ok(Ok(serde_json::from_slice(&output.stdout)?));
    }
    let why = String::from_utf8_lossy(&output.stderr);
    let lock = manifest.replace(".toml", ".lock");
    let fix = format!("cargo update --workspace --manifest-path {manifest}");
    Ok(Err(format!("{lock}: {}; fix it with: {fix}", why.trim())))
}

fn git(args: &[&str]) -> Result<String, Box<dyn Error>> {
    let output = Command::new("git").args(args).current_dir(root()).output()?;
    if !output.status.success() {
        return Err(format!("git {} failed", args.join(" ")).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// All packages of the workspace are of one release.
fn versions(metadata: &Value, release: &str) -> Vec<Fault> {
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    if packages.is_empty() {
        return vec!["cargo metadata names no package".to_owned()];
    }
    // Those from elsewhere have a source.
    let ours = packages.iter().filter(|package| package["source"].is_null());
    let others = ours.filter(|package| package["version"] != release);
    let fault = |package: &Value| {
        let of = |field: &str| package[field].as_str().unwrap_or_default();
        let (name, version) = (of("name"), of("version"));
        format!("{name} has version {version}, not {release}: write `version.workspace = true`")
    };
    others.map(fault).collect()
}

/// The newest entry is about this release, has its day, and says something.
fn changelog(text: &str, release: &str) -> Vec<Fault> {
    let Some((_, newest)) = text.split_once("\n## ") else {
        return vec!["CHANGELOG.md has no entry: begin one with `## RELEASE (YYYY-MM-DD)`".into()];
    };
    let entry = newest.split("\n## ").next().unwrap_or_default();
    let (title, body) = entry.split_once('\n').unwrap_or((entry, ""));
    let mut faults = Vec::new();
    let (version, day) = title.split_once(' ').unwrap_or((title, ""));
    if version != release {
        faults.push(format!("the newest entry of CHANGELOG.md is about {version}, not {release}"));
    }
    let shape: String = day.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    if shape != "(0000-00-00)" {
        faults.push(format!("CHANGELOG.md has no day behind {version}: write (YYYY-MM-DD)"));
    }
    if !body.lines().any(|line| line.starts_with("* ")) {
        faults.push(format!("CHANGELOG.md says nothing about {version}"));
    }
    faults
}

/// The Debian package's entry is about this release.
fn debian_changelog(text: &str, release: &str) -> Vec<Fault> {
    let version = text.split_once('(').and_then(|(_, rest)| rest.split(')').next());
    match version {
        Some(version) if version == release => Vec::new(),
        version => {
            let version = version.unwrap_or("no release");
            vec![format!("packaging/debian/changelog is about {version}, not {release}")]
        }
    }
}

/// The protocol's version is the same in the code and in its document.
fn protocol(code: &str, document: &str) -> Vec<Fault> {
    let in_code =
        code.split_once("PROTOCOL_VERSION: u32 = ").and_then(|(_, rest)| rest.split(';').next());
    let in_document =
        document.split_once("It is version **").and_then(|(_, rest)| rest.split("**").next());
    match (in_code, in_document) {
        (Some(code), Some(document)) if code == document => Vec::new(),
        (code, document) => vec![format!(
            "protocol/src/lib.rs has version {} of the protocol, docs/PROTOCOL.md {}",
            code.unwrap_or("none"),
            document.unwrap_or("none")
        )],
    }
}

/// A source file of ours, by its path in the repository.
type Source = (PathBuf, String);

/// All Rust files that belong to us.
fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let mut directories = vec![root().to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let is_hidden = name.to_string_lossy().starts_with('.');
            if path.is_dir() && !is_hidden && name != "target" {
                directories.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let inside = path.strip_prefix(root()).unwrap_or(&path).to_owned();
                found.push((inside, fs::read_to_string(&path).unwrap_or_default()));
            }
        }
    }
    found.sort();
    found
}

/// The names of all test functions.
fn tests(sources: &[Source]) -> BTreeSet<&str> {
    let functions = sources.iter().flat_map(|(_, text)| text.split("#[test]").skip(1));
    let names = functions.filter_map(|rest| rest.split_once("fn ")?.1.split('(').next());
    names.collect()
}

/// Each promise has a test that begins with its number.
fn promises(document: &str, tests: &BTreeSet<&str>) -> Vec<Fault> {
    let promises = cases::promises(document);
    if promises.is_empty() {
        return vec!["docs/THREATS.md promises nothing".to_owned()];
    }
    let without =
        promises.iter().filter(|(case, _)| !tests.iter().any(|test| cases::is_of(test, case)));
    without.map(|(case, _)| format!("no test is called {}_…", case.to_lowercase())).collect()
}

/// Each file of end-to-end tests is part of the test program: one that is forgotten never fails.
fn modules(main: &str, sources: &[Source]) -> Vec<Fault> {
    let is_test = |path: &Path| path.parent() == Some(Path::new("tests"));
    let files = sources.iter().filter(|(path, _)| is_test(path));
    let names = files.filter_map(|(path, _)| path.file_stem()?.to_str());
    let forgotten = names.filter(|name| *name != "main" && !main.contains(&format!("mod {name};")));
    forgotten.map(|name| format!("tests/main.rs does not have: mod {name};")).collect()
}

/// Everything is committed, and the release is a new one.
fn tree(status: &str, tags: &str, release: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    if !status.is_empty() {
        faults.push(format!("the tree is not clean; commit or remove:\n{}", status.trim_end()));
    }
    if tags.lines().any(|tag| tag == format!("v{release}")) {
        faults.push(format!("v{release} is tagged already; raise `version` in Cargo.toml"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::json;

    use super::{changelog, debian_changelog, modules, promises, protocol, tests, tree, versions};

    #[test]
    fn all_packages_are_of_one_release() {
        let of = |version| {
            let other = json!({"name": "age", "version": "0.1.0", "source": "registry"});
            json!({"packages": [{"name": "a", "version": version, "source": null}, other]})
        };
        assert!(versions(&of("1.2.3"), "1.2.3").is_empty());
        assert_eq!(versions(&of("1.2.2"), "1.2.3").len(), 1);
        assert_eq!(versions(&json!({}), "1.2.3").len(), 1);
        let debian = "fluvio-secret (1.2.3) unstable; urgency=medium\n";
        assert!(debian_changelog(debian, "1.2.3").is_empty());
        assert_eq!(debian_changelog(debian, "1.2.4").len(), 1);
    }

    #[test]
    fn the_changelog_begins_with_the_release_its_day_and_what_is_new() {
        let with = |title: &str, body: &str| {
            format!("# Changes\n\n## {title}\n\n{body}\n\n## 0.1.0 (2020-01-01)\n\n* x\n")
        };
        assert!(changelog(&with("1.2.3 (2026-11-26)", "* new"), "1.2.3").is_empty());
        for (title, body) in [
            ("1.2.3 (unreleased)", "* new"),
            ("1.2.4 (2026-11-26)", "* new"),
            ("1.2.3 (2026-11-26)", "nothing"),
            ("1.2.3", "* new"),
        ] {
            assert_eq!(changelog(&with(title, body), "1.2.3").len(), 1, "{title}");
        }
        assert_eq!(changelog("", "1.2.3").len(), 1);
    }

    #[test]
    fn code_and_document_speak_of_one_protocol() {
        let code = "pub const PROTOCOL_VERSION: u32 = 2;";
        assert!(protocol(code, "It is version **2**. The").is_empty());
        assert_eq!(protocol(code, "It is version **1**. The").len(), 1);
        assert_eq!(protocol(code, "").len(), 1);
    }

    #[test]
    fn promises_have_tests_and_test_files_are_modules() {
        let file = |path: &str, text: &str| (PathBuf::from(path), text.to_owned());
        let sources = [
            file("tests/audit.rs", "#[test]\nfn a1_x() {}\n#[test]\nfn other() {}"),
            file("tests/main.rs", "mod audit;"),
        ];
        let found = tests(&sources);
        assert_eq!(found.iter().copied().collect::<Vec<_>>(), ["a1_x", "other"]);
        let document = "| A1 | nothing is lost | `x` |\n| A2 | nor this | `x` |\n";
        assert_eq!(promises(document, &found), ["no test is called a2_…"]);
        assert_eq!(promises("", &found).len(), 1);
        assert!(modules("mod audit;\n", &sources).is_empty());
        assert_eq!(modules("mod other;\n", &sources).len(), 1);
    }

    #[test]
    fn what_is_not_committed_or_tagged_already_is_no_release() {
        assert!(tree("", "v0.1.0\n", "0.1.1").is_empty());
        assert_eq!(tree(" M README.md\n", "v0.1.1\n", "0.1.1").len(), 2);
    }
}
