//! The release programs, and how long one runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Outcome;

/// The programs that are measured, and what they are measured against.
pub(crate) struct Programs {
    /// As `cargo install` builds them.
    pub(crate) installed: Built,
    /// As the packages have them: linked statically.
    pub(crate) packaged: Built,
    pub(crate) exec_true: PathBuf,
    /// In place of Fluvio's program.
    pub(crate) fluvio: PathBuf,
    _copies: TempDir,
}

/// Our programs, which are in one directory.
pub(crate) struct Built {
    pub(crate) cli: PathBuf,
    pub(crate) daemon: PathBuf,
    pub(crate) shim: PathBuf,
}

/// Builds them: `cargo bench` itself builds no examples.
pub(crate) fn build() -> Outcome<Programs> {
    let installed = cargo(&["--bins", "--example", "exec_true"], "")?;
    let host = Command::new("rustc").args(["--print", "host-tuple"]).output()?;
    let host = std::str::from_utf8(&host.stdout)?.trim();
    let packaged = cargo(&["--bins", "--target", host], " -C target-feature=+crt-static")?;
    let stand_in = cargo(&["--package", "fluvio-stand-in"], "")?;
    let copies = tempfile::tempdir_in(find(&installed, "exec_true")?.with_file_name(""))?;
    let [installed, packaged] = [("installed", installed), ("packaged", packaged)]
        .map(|(name, built)| install(&built, &copies.path().join(name)));
    let (installed, packaged) = (installed?, packaged?);
    Ok(Programs {
        fluvio: find(&stand_in, "fluvio-stand-in")?,
        exec_true: find(&installed, "exec_true")?,
        installed: Built::among(&installed)?,
        packaged: Built::among(&packaged)?,
        _copies: copies,
    })
}

/// Copies programs, as an installation does. A linker writes a file in pieces, whose pages the kernel maps one by one.
fn install(built: &[PathBuf], directory: &Path) -> Outcome<Vec<PathBuf>> {
    fs::create_dir(directory)?;
    let copies = built.iter().map(|program| {
        let copy = directory.join(program.file_name().ok_or("a program has a name")?);
        fs::copy(program, &copy)?;
        Ok(copy)
    });
    copies.collect()
}

impl Built {
    fn among(built: &[PathBuf]) -> Outcome<Self> {
        Ok(Self {
            cli: find(built, "fluvio-secret")?,
            daemon: find(built, "fluvio-secretd")?,
            shim: find(built, "fluvio-secret-shim")?,
        })
    }
}

fn find(built: &[PathBuf], name: &str) -> Outcome<PathBuf> {
    let found = built.iter().find(|path| path.file_name().is_some_and(|file| file == name));
    Ok(found.ok_or(format!("{name} was not built"))?.clone())
}

fn cargo(args: &[&str], more_flags: &str) -> Outcome<Vec<PathBuf>> {
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default() + more_flags;
    let output = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["build", "--release", "--package", "fluvio-secret"])
        .args(["--message-format", "json-render-diagnostics"])
        .args(args)
        .env("RUSTFLAGS", flags)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("the release programs were not built".into());
    }
    let messages = std::str::from_utf8(&output.stdout)?.lines().map(serde_json::from_str);
    let messages = messages.collect::<Result<Vec<serde_json::Value>, _>>()?;
    let built = messages.iter().filter_map(|built| built["executable"].as_str());
    Ok(built.map(|path| Path::new(path).to_owned()).collect())
}

/// Runs a program, which must succeed, from its start to its end.
pub(crate) fn time(command: &mut Command) -> Outcome<Duration> {
    let begin = Instant::now();
    let status = command.status()?;
    let took = begin.elapsed();
    if status.success() { Ok(took) } else { Err(format!("{command:?}: {status}").into()) }
}
