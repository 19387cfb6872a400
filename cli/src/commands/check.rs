//! `check`: what would keep a connector from starting, before it starts.

use std::fs::OpenOptions;
use std::io::Read;
use std::path::Path;

use fluvio_secret_config::{Document, Values};
use fluvio_secret_protocol::check::{Checked, Finding, Severity};
use fluvio_secret_protocol::{Client, SecretName, limits};
use fluvio_secret_system::regular::{self, Links};
use serde::Serialize;
use zeroize::Zeroizing;

use super::client;
use crate::args::{Check, Format};
use crate::error::CliError;
use crate::{format, output};

pub(crate) fn check(check: &Check) -> Result<(), CliError> {
    let mut client = if check.offline { None } else { Some(client()?) };
    let mut files = Vec::new();
    let mut is_one_unread = false;
    for path in &check.files {
        let (text, checked) = match read_config(path) {
            Ok(config) => {
                let text = String::from_utf8_lossy(&config).into_owned();
                (Some(text), look(client.as_mut(), config)?)
            }
            // The others are checked all the same.
            Err(error) => {
                error.print();
                is_one_unread = true;
                (None, Checked { unchecked: Some(error.to_string()), ..Checked::default() })
            }
        };
        files.push(Looked { path: path.display().to_string(), text, checked });
    }
    let has_errors = files.iter().any(|file| file.checked.has_errors());
    match check.output.format {
        Format::Table => {
            let reports: String = files.iter().map(Looked::report).collect();
            output::print(&reports)?;
        }
        form => format::print(form, String::new, || {
            files.iter().map(Looked::listed).collect::<Vec<_>>()
        })?,
    }
    match (has_errors, is_one_unread) {
        (true, _) => Err(CliError::Checked),
        (false, true) => Err(CliError::Some),
        (false, false) => Ok(()),
    }
}

fn look(client: Option<&mut Client>, config: Zeroizing<Vec<u8>>) -> Result<Checked, CliError> {
    match client {
        Some(client) => Ok(client.check(config)?),
        None => Ok(Document::read(&config).check(Values::NotAsked)),
    }
}

/// Reads a configuration. People write values into them too, so it is wiped like one.
pub(crate) fn read_config(path: &Path) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let failed = |why: String| CliError::Config { path: path.to_owned(), why };
    let opened = regular::open(OpenOptions::new().read(true), path, Links::Follow);
    let (file, _) = opened.map_err(|error| failed(error.to_string()))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(limits::CONFIG_BYTES + 1));
    let most = limits::CONFIG_BYTES as u64 + 1;
    file.take(most).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    if bytes.len() > limits::CONFIG_BYTES {
        return Err(failed(format!("it has more than {} bytes", limits::CONFIG_BYTES)));
    }
    Ok(bytes)
}

/// A file, and what was found in it.
struct Looked {
    path: String,
    /// Its text, unless it can't be read.
    text: Option<String>,
    checked: Checked,
}

/// The same for programs.
#[derive(Serialize)]
struct Listed<'a> {
    file: &'a str,
    secrets: &'a [SecretName],
    findings: &'a [Finding],
    unchecked: Option<&'a str>,
}

impl Looked {
    fn report(&self) -> String {
        let Self { path, text, checked } = self;
        // Why it can't be read is on standard error.
        let Some(text) = text else { return String::new() };
        let count = |severity| {
            checked.findings.iter().filter(|finding| finding.severity == severity).count()
        };
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let summary = match (errors, warnings) {
            (0, 0) => format!("nothing found; {}", referenced(&checked.names)),
            _ => format!(
                "{}, {}",
                format::count(errors, "error"),
                format::count(warnings, "warning")
            ),
        };
        checked.report(path, text) + &format!("{path}: {summary}\n")
    }

    fn listed(&self) -> Listed<'_> {
        Listed {
            file: &self.path,
            secrets: &self.checked.names,
            findings: &self.checked.findings,
            unchecked: self.checked.unchecked.as_deref(),
        }
    }
}

/// More names than these are only counted.
const SHOWN: usize = 5;

/// What is referenced, for who expects something else.
fn referenced(names: &[SecretName]) -> String {
    match names {
        [] => "it references no secrets".to_owned(),
        names if names.len() > SHOWN => format!("it references {} secrets", names.len()),
        names => {
            let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            format!("it references {}", names.join(", "))
        }
    }
}
