//! `check` against tables of what Fluvio's own code did with configurations and values.
//!
//! The directory has `configs.tsv` with the files in `configs/`, and `matrix.tsv` with the small
//! configurations of `matrix-contexts.json`. The real programs check them, with a vault of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::programs::{SHIPPED, cargo};
use crate::{Outcome, say};

/// The most rows whose verdict may differ. Each is printed.
const MOST_OTHER: usize = 6;

pub(crate) fn run(folder: &str) -> Outcome {
    let folder = Path::new(folder);
    let vault = Vault::new()?;
    let configs = configs(folder, &vault)?;
    let matrix = matrix(folder, &vault)?;
    vault.command().args(["daemon", "stop"]).output()?;
    let other = configs + matrix;
    if other > MOST_OTHER {
        return Err(
            format!("{other} rows are other than Fluvio's, {MOST_OTHER} are the most").into()
        );
    }
    Ok(())
}

/// A vault, and the command line for it.
struct Vault {
    home: TempDir,
    program: PathBuf,
}

impl Vault {
    fn new() -> Result<Self, Box<dyn Error>> {
        let built = cargo(&["build", "--package", "fluvio-secret", "--bins"])?;
        let program = built.iter().find(|program| program.name == SHIPPED[0]);
        let program = program.ok_or("the programs were not built")?.path.clone();
        Ok(Self { home: tempfile::tempdir()?, program })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("FLUVIO_SECRET_HOME", self.home.path()).stdin(Stdio::null());
        command
    }

    fn import(&self, lines: &str) -> Outcome {
        let file = self.home.path().join("secrets.txt");
        fs::write(&file, lines)?;
        succeeded(&self.command().args(["import", "--overwrite"]).arg(&file).output()?)
    }

    fn set(&self, name: &str, value: &str) -> Outcome {
        let file = self.home.path().join("value");
        fs::write(&file, value)?;
        succeeded(&self.command().args(["set", name, "--file"]).arg(&file).output()?)
    }

    /// The findings of each of these files.
    fn check(&self, files: &[PathBuf]) -> Result<Vec<Value>, Box<dyn Error>> {
        let output = self.command().args(["check", "-O", "json"]).args(files).output()?;
        match serde_json::from_slice(&output.stdout)? {
            Value::Array(checked) if checked.len() == files.len() => Ok(checked),
            _ => Err("not one result for each file".into()),
        }
    }
}

fn succeeded(output: &Output) -> Outcome {
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
}

/// The rows of a table below its head.
fn rows(path: &Path) -> Result<Vec<Vec<String>>, Box<dyn Error>> {
    let text = fs::read_to_string(path)?;
    let row = |line: &str| line.split('\t').map(str::to_owned).collect();
    Ok(text.lines().skip(1).map(row).collect())
}

/// Compares the configurations. Returns how many differ in their verdict or names.
fn configs(folder: &Path, vault: &Vault) -> Result<usize, Box<dyn Error>> {
    let rows = rows(&folder.join("configs.tsv"))?;
    let names = |column: &str| -> BTreeSet<String> {
        column.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    let all: BTreeSet<_> =
        rows.iter().flat_map(|row| [&row[2], &row[3], &row[4]]).flat_map(|c| names(c)).collect();
    vault.import(&all.iter().map(|name| format!("{name}=v\n")).collect::<String>())?;
    let files: Vec<_> = rows.iter().map(|row| folder.join("configs").join(&row[0])).collect();
    let mut other = 0;
    for (row, checked) in rows.iter().zip(vault.check(&files)?) {
        let verdict = verdict(&checked);
        let granted: BTreeSet<_> = strings(&checked["secrets"]).collect();
        let is_same = verdict == row[1] && (row[1] != "ok" || granted == names(&row[2]));
        if !is_same {
            other += 1;
            say(&format!(
                "{}: {verdict} {granted:?}, Fluvio: {} {:?} {} ({})",
                row[0],
                row[1],
                row[2],
                row[5],
                codes(&checked).join(" ")
            ));
        }
    }
    say(&format!("configs: {} of {} are Fluvio's", rows.len() - other, rows.len()));
    Ok(other)
}

/// Compares each value in each context. Returns how many differ.
fn matrix(folder: &Path, vault: &Vault) -> Result<usize, Box<dyn Error>> {
    let rows = rows(&folder.join("matrix.tsv"))?;
    let contexts: BTreeMap<String, String> =
        serde_json::from_slice(&fs::read(folder.join("matrix-contexts.json"))?)?;
    let files = tempfile::tempdir()?;
    for (context, text) in &contexts {
        fs::write(files.path().join(context), text)?;
    }
    let mut by_value: BTreeMap<&str, Vec<&Vec<String>>> = BTreeMap::new();
    for row in &rows {
        by_value.entry(&row[1]).or_default().push(row);
    }
    let mut other = 0;
    for (value, rows) in by_value {
        vault.set("S", &serde_json::from_str::<String>(value)?)?;
        let paths: Vec<_> = rows.iter().map(|row| files.path().join(&row[0])).collect();
        for (row, checked) in rows.iter().zip(vault.check(&paths)?) {
            let found = match verdict(&checked) {
                "ok" => "same",
                "changed" => "changed",
                _ => "error",
            };
            if found != row[2] {
                other += 1;
                let codes = codes(&checked).join(" ");
                say(&format!("{} {value}: {found}, Fluvio: {} ({codes})", row[0], row[2]));
            }
        }
    }
    say(&format!("matrix: {} of {} are Fluvio's", rows.len() - other, rows.len()));
    Ok(other)
}

fn strings(value: &Value) -> impl Iterator<Item = String> {
    let values = value.as_array().into_iter().flatten();
    values.filter_map(Value::as_str).map(str::to_owned)
}

fn codes(checked: &Value) -> Vec<&str> {
    let findings = checked["findings"].as_array().into_iter().flatten();
    let errors = findings.filter(|finding| finding["severity"] == "error");
    errors.filter_map(|finding| finding["code"].as_str()).collect()
}

/// Fluvio's verdict for the findings: the step of its start at which a connector would stop.
fn verdict(checked: &Value) -> &'static str {
    let codes = codes(checked);
    let of = |code: &&str| match *code {
        "undefined" | "undeclared" | "no-api-version" | "filter" | "unclosed-template"
        | "too-many-templates" => "render-error",
        "breaks-the-file" => "yaml-error",
        "refused-with-value" => "bad-config-after-render",
        "changes-the-file" => "changed",
        _ => "bad-config",
    };
    // The earliest step of a start counts.
    let steps = ["bad-config", "render-error", "yaml-error", "bad-config-after-render", "changed"];
    let found: Vec<_> = codes.iter().map(of).collect();
    steps.into_iter().find(|step| found.contains(step)).unwrap_or("ok")
}
