//! `check`: what would keep a connector from starting, before it starts.

use std::path::PathBuf;

use clap::Args;

use fluvio_secret_config::{Document, Values};
use fluvio_secret_protocol::check::{Checked, Finding, Severity};
use fluvio_secret_protocol::{Check, Client, SecretName};
use fluvio_secret_system::printable;
use serde::Serialize;
use zeroize::Zeroizing;

use super::unused::check_unused;
use crate::connection::client;
use crate::error::CliError;
use crate::format::OutputArgs;
use crate::style::{self, Styled};
use crate::vault_choice::VaultArgs;
use crate::{config_file, format, output};

/// Check configurations before you start connectors
#[derive(Args, Debug)]
#[command(after_help = "\
The command finds missing secrets, templates that a connector cannot render, and values that break
the file. Each finding has its line and a help. No value of a secret is printed. Without FILE, the configuration
in the current directory is checked, if there is exactly one.

With --unused, the secrets are listed that no configuration below DIR references, each with its last
delivery in the audit log. Hidden directories, node_modules, target and venv are not searched.

Exit status: 0 without errors, even if there are warnings, 78 with errors, or 1 if a configuration
cannot be read.

Example:
  fluvio-secret check sample-config.yaml
  fluvio-secret check --offline -O json sample-config.yaml
  fluvio-secret check --unused ./")]
pub(crate) struct CheckArgs {
    /// Configuration to check, like FILE
    #[arg(short, long, value_name = "FILE")]
    config: Vec<PathBuf>,

    /// Skip the checks that need the vault
    #[arg(long)]
    offline: bool,

    /// List the secrets that no configuration below DIR references
    #[arg(long, value_name = "DIR", conflicts_with_all = ["files", "config", "offline"])]
    unused: Option<PathBuf>,

    #[command(flatten)]
    vault: VaultArgs,

    #[command(flatten)]
    output: OutputArgs,

    /// Configurations of connectors
    #[arg(value_name = "FILE", num_args = 1..)]
    files: Vec<PathBuf>,
}

impl CheckArgs {
    /// The configurations that you named, or the only one of the current directory.
    fn configs(&self) -> Result<Vec<PathBuf>, CliError> {
        let named: Vec<_> = self.config.iter().chain(&self.files).cloned().collect();
        if named.is_empty() { Ok(vec![config_file::find()?]) } else { Ok(named) }
    }
}

pub(super) fn check(check: &CheckArgs) -> Result<(), CliError> {
    if let Some(directory) = &check.unused {
        return check_unused(directory, &check.vault, check.output.format);
    }
    let configs = check.configs()?;
    let mut client = if check.offline { None } else { Some(client()?) };
    let mut files = Vec::new();
    let mut is_one_unread = false;
    for path in &configs {
        let mut vault = None;
        let (text, checked) = match config_file::read(path) {
            Ok(config) => {
                let text = String::from_utf8_lossy(&config).into_owned();
                if let Some(open) = client.take() {
                    vault = check.vault.of_config(path)?;
                    client = Some(open.about(vault.clone()));
                }
                (Some(text), look(client.as_mut(), config)?)
            }
            // The others are checked all the same.
            Err(error) => {
                output::error(&error);
                is_one_unread = true;
                (None, Checked { unchecked: Some(error.to_string()), ..Checked::default() })
            }
        };
        let vault = vault.map(|vault| vault.path);
        files.push(Looked { path: path.display().to_string(), text, vault, checked });
    }
    let has_errors = files.iter().any(|file| file.checked.has_errors());
    let reports = || files.iter().map(Looked::report).collect();
    format::print(
        check.output.format,
        || Styled { text: reports(), color: style::message },
        || files.iter().map(Looked::listed).collect::<Vec<_>>(),
    )?;
    match (has_errors, is_one_unread) {
        (true, _) => Err(CliError::Checked),
        (false, true) => Err(CliError::Some),
        (false, false) => Ok(()),
    }
}

fn look(client: Option<&mut Client>, config: Zeroizing<Vec<u8>>) -> Result<Checked, CliError> {
    match client {
        Some(client) => Ok(client.call(Check { config })?),
        None => Ok(Document::read(&config).check(Values::NotAsked)),
    }
}

struct Looked {
    path: String,
    /// Its text, unless it can't be read.
    text: Option<String>,
    /// The directory of its project's vault.
    vault: Option<String>,
    checked: Checked,
}

/// The same for programs.
#[derive(Serialize)]
struct ShownCheck<'a> {
    file: &'a str,
    vault: Option<&'a str>,
    secrets: &'a [SecretName],
    findings: &'a [Finding],
    unchecked: Option<&'a str>,
}

impl Looked {
    fn report(&self) -> String {
        let Self { path, text, checked, .. } = self;
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
        let path = printable::line(path);
        checked.report(&path, text) + &format!("{path}: {summary}\n")
    }

    fn listed(&self) -> ShownCheck<'_> {
        ShownCheck {
            file: &self.path,
            vault: self.vault.as_deref(),
            secrets: &self.checked.names,
            findings: &self.checked.findings,
            unchecked: self.checked.unchecked.as_deref(),
        }
    }
}

/// More names than these are only counted.
const MOST_NAMES: usize = 5;

/// What is referenced, for who expects something else.
fn referenced(names: &[SecretName]) -> String {
    match names {
        [] => "it references no secrets".to_owned(),
        names if names.len() > MOST_NAMES => format!("it references {} secrets", names.len()),
        names => {
            let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            format!("it references {}", names.join(", "))
        }
    }
}
