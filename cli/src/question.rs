//! Asks on the terminal whether something is meant.

use std::io::{self, BufRead, Write};

use crate::error::CliError;

/// Whether the answer is yes; anything else is no.
pub(crate) fn is_yes(question: &str) -> Result<bool, CliError> {
    let mut stderr = io::stderr();
    let mut answer = String::new();
    stderr
        .write_all(format!("{question} [y/N] ").as_bytes())
        .and_then(|()| stderr.flush())
        .and_then(|()| io::stdin().lock().read_line(&mut answer))
        .map_err(CliError::System)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
