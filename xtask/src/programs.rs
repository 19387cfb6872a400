//! Builds with Cargo, and finds what it built.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// The programs that are installed.
pub(crate) const SHIPPED: [&str; 3] = ["fluvio-secret", "fluvio-secretd", "fluvio-secret-shim"];

/// A program that Cargo built.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// Whether it is a test program.
    pub(crate) is_test: bool,
    /// The directory of its package.
    pub(crate) package: PathBuf,
}

/// Runs Cargo, whose progress goes to standard error as ever, and gives the programs that it built
/// or found built.
pub(crate) fn cargo(args: &[&str]) -> Result<Vec<Program>, Box<dyn Error>> {
    built_by(Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into())).args(args))
}

/// Builds the programs as they are packaged: linked statically, because loading libraries takes a part of
/// each start of a connector, and with the list of their dependencies in them, for `cargo audit bin`.
pub(crate) fn packaged() -> Result<Vec<Program>, Box<dyn Error>> {
    let output = Command::new("rustc").args(["--print", "host-tuple"]).output()?;
    let host = std::str::from_utf8(&output.stdout)?.trim();
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default() + " -C target-feature=+crt-static";
    // With a target, the flags are not for procedural macros, which cannot be linked statically.
    let args = [
        "auditable",
        "build",
        "--release",
        "--package",
        "fluvio-secret",
        "--bins",
        "--target",
        host,
    ];
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    built_by(cargo.args(args).env("RUSTFLAGS", flags))
}

fn built_by(cargo: &mut Command) -> Result<Vec<Program>, Box<dyn Error>> {
    let output = cargo
        .arg("--message-format=json-render-diagnostics")
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("{cargo:?} failed").into());
    }
    let messages = std::str::from_utf8(&output.stdout)?.lines().map(serde_json::from_str::<Value>);
    let messages = messages.collect::<Result<Vec<_>, _>>()?;
    Ok(messages.iter().filter_map(program).collect())
}

fn program(message: &Value) -> Option<Program> {
    let path = message["executable"].as_str()?;
    let manifest = Path::new(message["manifest_path"].as_str()?);
    Some(Program {
        name: message["target"]["name"].as_str()?.to_owned(),
        path: path.into(),
        is_test: message["profile"]["test"].as_bool()?,
        package: manifest.parent()?.to_owned(),
    })
}

/// The program of this name among those that were built.
pub(crate) fn path_of(built: &[Program], name: &str) -> Result<PathBuf, String> {
    let program = built.iter().find(|program| program.name == name && !program.is_test);
    program.map(|program| program.path.clone()).ok_or(format!("{name} was not built"))
}

/// Runs a program, which must succeed.
pub(crate) fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |why: String| format!("{name}: {why}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(status.to_string()).into()),
        Err(error) => Err(failed(error.to_string()).into()),
    }
}

/// Where what is made is put.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a directory of the workspace")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::program;

    #[test]
    fn programs_are_told_from_libraries() {
        let message = |executable| {
            json!({
                "reason": "compiler-artifact",
                "manifest_path": "/w/cli/Cargo.toml",
                "target": {"name": "fluvio-secret"},
                "profile": {"test": true},
                "executable": executable,
            })
        };
        let found = program(&message(json!("/w/target/x"))).expect("a program");
        assert_eq!((found.name.as_str(), found.is_test), ("fluvio-secret", true));
        assert_eq!(found.package, std::path::Path::new("/w/cli"));
        assert!(program(&message(json!(null))).is_none());
        assert!(program(&json!({"reason": "build-finished"})).is_none());
    }
}
