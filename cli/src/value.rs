//! Where the value of `set` comes from.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

use fluvio_secret_protocol::{Secret, SecretName, limits};

use crate::error::CliError;
use crate::input::{at_most, without_line_end};
use crate::prompt::{PromptError, Terminal};

#[derive(Debug)]
pub(crate) enum Source {
    Argument(Secret),
    /// In a file, all of it.
    File(PathBuf),
    /// Typed at a prompt if standard input is a terminal. Otherwise on standard input.
    Ask,
    Input,
}

/// Reads the value, at most [`limits::VALUE_BYTES`].
pub(crate) fn read(source: Source, name: &SecretName) -> Result<Secret, CliError> {
    let value = match source {
        Source::Argument(value) => value,
        // A terminal would show what is typed.
        Source::Input if io::stdin().is_terminal() => ask(name)?,
        Source::Ask => {
            let given = if io::stdin().is_terminal() { ask(name)? } else { from_input()? };
            // From Enter alone, a cron job or a closed descriptor. None of them means an empty value.
            if given.is_empty() {
                return Err(CliError::Empty);
            }
            given
        }
        Source::File(path) => File::open(&path)
            .and_then(|file| at_most(&file, limits::VALUE_BYTES + 1))
            .map(Secret::new)
            .map_err(|source| CliError::File { path, source })?,
        Source::Input => from_input()?,
    };
    if value.len() > limits::VALUE_BYTES { Err(CliError::Large) } else { Ok(value) }
}

fn ask(name: &SecretName) -> Result<Secret, CliError> {
    let prompt = format!("Value of {name}: ");
    let asked = Terminal::standard(&prompt).map_err(PromptError::Io).and_then(|it| it.ask());
    asked.map_err(|error| match error {
        PromptError::Cancelled => CliError::Cancelled,
        error => CliError::Input(error.into()),
    })
}

/// All of standard input without one line end at its end, which `echo` adds.
fn from_input() -> Result<Secret, CliError> {
    let bytes = at_most(io::stdin().lock(), limits::VALUE_BYTES + 3);
    let bytes = bytes.map_err(|error| CliError::Input(error.into()))?;
    Ok(Secret::new(without_line_end(bytes)))
}
