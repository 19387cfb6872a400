//! A connector's project, and a `cdk` for it: the stand-in of `tests/cdk-stand-in`, or with `CDK=PATH`
//! Fluvio's own.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Home, Said, program, said};

/// A project in a home, with a `cdk` on PATH and our shim in front of it.
pub(crate) struct Project<'a> {
    home: &'a Home,
    /// Fluvio's own, when that is to be tried.
    real: Option<PathBuf>,
}

/// Shows what it was given, and then runs until it is stopped.
const CONNECTOR: &str = r#"#!/bin/sh
echo "arguments: $*"
while [ $# -gt 0 ]; do
    case $1 in --secrets) cat "$2" > "$PROJECT/given"; secrets=$2 ;; esac
    shift
done
[ "$secrets" ] || printenv A > "$PROJECT/given"
trap 'exit 0' TERM INT HUP
touch "$PROJECT/runs-$$"
while :; do sleep 0.02; done
"#;

const MAIN: &str = r#"use std::os::unix::process::CommandExt;
fn main() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/connector");
    panic!("{}", std::process::Command::new(script).args(std::env::args_os().skip(1)).exec());
}
"#;

/// A build script of Cargo's that runs the one that the test wrote, if it did.
const BUILD: &str = r#"fn main() {
    println!("cargo::rerun-if-changed=always");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/build");
    if std::path::Path::new(script).exists() {
        assert!(std::process::Command::new(script).status().unwrap().success());
    }
}
"#;

const CONNECTOR_TOML: &str = r#"[package]
name = "project"
group = "test"
version = "0.1.0"
apiVersion = "0.1.0"
fluvio = "0.10.0"

[direction]
source = true

[deployment]
binary = "project"

[custom]
type = "object"
[custom.properties]
"#;

impl<'a> Project<'a> {
    pub(crate) fn new(home: &'a Home) -> Self {
        let project = Self { home, real: std::env::var_os("CDK").map(PathBuf::from) };
        for folder in ["project/src", "front", "behind"] {
            fs::create_dir_all(home.path(folder)).unwrap();
        }
        project.script("connector", CONNECTOR);
        let front = home.path("front");
        home.ok(&["cdk", "--install", "--dir", front.to_str().unwrap()]);
        let behind = project.real.clone().unwrap_or_else(|| program("cdk-stand-in"));
        symlink(behind, home.path("behind/cdk")).unwrap();
        if project.real.is_some() {
            project.write("Cargo.toml", "[package]\nname = \"project\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n");
            project.write("Connector.toml", CONNECTOR_TOML);
            project.write("src/main.rs", MAIN);
            project.write("build.rs", BUILD);
        }
        project
    }

    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.home.path("project").join(inside)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// Writes a program of shell.
    pub(crate) fn script(&self, name: &str, text: &str) {
        let path = self.write(name, text);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Writes a configuration of a connector of this name that references these secrets.
    pub(crate) fn config(&self, connector: &str, names: &[&str]) -> String {
        let references = names.iter().map(|name| format!("  - secret: {{name: {name}}}\n"));
        let file = format!("{connector}.yaml");
        let text = format!(
            "apiVersion: 0.1.0\nmeta:\n  version: 0.1.0\n  name: {connector}\n  type: project-source\n  topic: test\ncustom:\n{}",
            references.collect::<String>()
        );
        self.write(&file, &text);
        file
    }

    /// Any program, in the project, where `cdk` is the shim.
    pub(crate) fn foreign(&self, program: &str) -> Command {
        let folder = |name: &str| self.home.path(name).display().to_string();
        let path = std::env::var("PATH").unwrap();
        let mut command = self.home.foreign("env");
        command
            .arg(program)
            .env("PATH", format!("{}:{}:{path}", folder("front"), folder("behind")))
            .env("PROJECT", self.path(""))
            .current_dir(self.path(""));
        // The real one builds with Cargo.
        for name in ["CARGO_HOME", "RUSTUP_HOME", "HOME"] {
            if let Some(value) = std::env::var_os(name).filter(|_| self.real.is_some()) {
                command.env(name, value);
            }
        }
        command
    }

    /// A command line of `cdk`, as it is typed.
    pub(crate) fn cdk(&self, line: &str) -> Command {
        let mut cdk = self.foreign("cdk");
        cdk.args(line.split(' '));
        cdk
    }

    /// Runs it.
    pub(crate) fn said(&self, line: &str) -> Said {
        said(&mut self.cdk(line))
    }

    /// Starts a connector, which must succeed, and gives its process id.
    pub(crate) fn start(&self, config: &str) -> u32 {
        let said = self.said(&format!("deploy start --config {config}"));
        assert!(said.status.success(), "{said:?}");
        let told = [&*said.out, &*said.err].concat();
        let (_, rest) = told.split_once("process id: ").unwrap_or_else(|| panic!("{told}"));
        rest.lines().next().unwrap().trim().parse().unwrap()
    }

    /// Whether the connector has begun its work.
    pub(crate) fn runs(&self, pid: u32) -> bool {
        self.path(&format!("runs-{pid}")).exists()
    }

    /// What the last connector was given.
    pub(crate) fn given(&self) -> String {
        fs::read_to_string(self.path("given")).unwrap_or_default()
    }
}

/// The leases of a home, by their directories.
pub(crate) fn leases(home: &Home) -> Vec<PathBuf> {
    let uid = rustix::process::geteuid().as_raw();
    let mut found = Vec::new();
    let shared = [PathBuf::from("/dev/shm"), format!("/run/user/{uid}").into()];
    for place in home.memory().map(Path::to_owned).into_iter().chain(shared) {
        for vault in entries(&place.join(format!("fluvio-secret-{uid}"))) {
            found.extend(entries(&vault).into_iter().filter(|lease| is_of(lease, home)));
        }
    }
    found
}

/// Whether a lease is of this home: others may be there at the same time.
fn is_of(lease: &Path, home: &Home) -> bool {
    let about = fs::read_to_string(lease.join("about.json")).unwrap_or_default();
    about.contains(home.path("").to_str().unwrap())
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}
