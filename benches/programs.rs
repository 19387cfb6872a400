//! The release programs, and how long one runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;

/// The programs that are measured: ours, which are in one directory, and what they are measured against.
pub(crate) struct Programs {
    pub(crate) cli: PathBuf,
    pub(crate) daemon: PathBuf,
    pub(crate) shim: PathBuf,
    pub(crate) exec_true: PathBuf,
}

/// Builds them: `cargo bench` itself builds no examples.
pub(crate) fn build() -> Outcome<Programs> {
    let args = ["build", "--release", "--package", "fluvio-secret", "--bins"];
    let output = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(args)
        .args(["--example", "exec_true", "--message-format", "json-render-diagnostics"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("the release programs were not built".into());
    }
    let messages = std::str::from_utf8(&output.stdout)?.lines().map(serde_json::from_str);
    let messages = messages.collect::<Result<Vec<serde_json::Value>, _>>()?;
    let built: Vec<_> =
        messages.iter().filter_map(|built| built["executable"].as_str()).map(Path::new).collect();
    let find = |name: &str| -> Outcome<PathBuf> {
        let found = built.iter().find(|path| path.file_name().is_some_and(|file| file == name));
        Ok(found.ok_or(format!("{name} was not built"))?.to_path_buf())
    };
    Ok(Programs {
        cli: find("fluvio-secret")?,
        daemon: find("fluvio-secretd")?,
        shim: find("fluvio-secret-shim")?,
        exec_true: find("exec_true")?,
    })
}

/// Runs a program, which must succeed, from its start to its end.
pub(crate) fn time(command: &mut Command) -> Outcome<Duration> {
    let begin = Instant::now();
    let status = command.status()?;
    let took = begin.elapsed();
    if status.success() { Ok(took) } else { Err(format!("{command:?}: {status}").into()) }
}
