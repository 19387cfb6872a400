//! The fuzz targets of `fuzz/`, each for some seconds.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::programs::root;
use crate::{Outcome, say};

/// The targets, each with the directories that its first inputs come from.
const TARGETS: [(&str, &[&str]); 12] = [
    ("request_frame", &["protocol/samples"]),
    ("response_frame", &["protocol/samples"]),
    ("service", &["protocol/samples", "fuzz/seeds/service"]),
    ("references", &["fuzz/seeds/references"]),
    ("check", &["fuzz/seeds/references", "fuzz/seeds/check"]),
    ("record", &["fuzz/seeds/record"]),
    ("identity", &["fuzz/seeds/identity"]),
    ("signed_record", &["vault/vectors/records"]),
    ("member_list", &["vault/vectors/lists"]),
    ("join_request", &["vault/vectors/requests"]),
    (
        "topic_document",
        &[
            "vault/vectors/lists",
            "vault/vectors/records",
            "vault/vectors/requests",
            "vault/vectors/topics",
        ],
    ),
    ("secrets_file", &["fuzz/seeds/secrets_file"]),
];

/// What one input may take. The sanitizer makes everything several times slower and larger.
const BOUNDS: [&str; 4] = [
    "-timeout=10",
    "-rss_limit_mb=512",
    // The longest header or part is much smaller.
    "-malloc_limit_mb=64",
    // Longer than a frame with the longest header or configuration.
    "-max_len=70000",
];

pub(crate) fn run(seconds: &str) -> Outcome {
    let seconds: u32 = seconds.parse().map_err(|_| "SECONDS is a number")?;
    check_tools()?;
    if !cargo_fuzz(&["build"]).status()?.success() {
        return Err("the targets cannot be built".into());
    }
    let mut found = Vec::new();
    for (target, seeds) in TARGETS {
        if run_one(target, seeds, seconds)? {
            found.push(target);
        }
    }
    let what = "an input in fuzz/artifacts; what it shows becomes a case of `cargo test`";
    if found.is_empty() { Ok(()) } else { Err(format!("found by {found:?}: {what}").into()) }
}

/// Fuzzing needs what most work here does not, so it is not installed on the way.
fn check_tools() -> Outcome {
    let output = cargo_fuzz(&["--version"]).output()?;
    if output.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let install = "rustup toolchain install nightly && cargo install cargo-fuzz";
    Err(format!("cargo-fuzz does not run on nightly: {why}\ninstall both with: {install}").into())
}

/// Runs a target, prints a line, and says whether it found something.
fn run_one(target: &str, seeds: &[&str], seconds: u32) -> Result<bool, Box<dyn Error>> {
    let corpus = root().join("fuzz/corpus").join(target);
    fs::create_dir_all(&corpus)?;
    // The vaults of a target whose process is killed would stay.
    let directory = tempfile::Builder::new().prefix("fuzz-").tempdir_in(memory())?;
    let output = cargo_fuzz(&["run", target])
        .arg(&corpus)
        .args(seeds.iter().map(|directory| root().join(directory)))
        .args(["--", "-print_final_stats=1", &format!("-max_total_time={seconds}")])
        .args(BOUNDS)
        .env("TMPDIR", directory.path())
        .stdin(Stdio::null())
        .output()?;
    let executions = executions(&output).unwrap_or("an unknown number of".to_owned());
    let is_found = !output.status.success();
    let verdict = if is_found { "found something" } else { "found nothing" };
    say(&format!("{target:15} {executions:>10} executions in {seconds} s: {verdict}"));
    if is_found {
        say(&String::from_utf8_lossy(&output.stderr));
    }
    Ok(is_found)
}

fn cargo_fuzz(args: &[&str]) -> Command {
    // Not the Cargo that runs us: rustup's, which knows what `+nightly` is.
    let mut command = Command::new("cargo");
    command.args(["+nightly", "fuzz"]).args(args).current_dir(root());
    command
}

/// A file system whose fsync costs nothing, where there is one.
fn memory() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }
}

fn executions(output: &Output) -> Option<String> {
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    line.map(|count| count.trim().to_owned())
}
