//! Asks on the terminal whether something is meant.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::error::CliError;

/// Asks before what cannot be undone. `done` says what is not done without a yes.
///
/// Without a terminal, as in a loop of the shell, only `--yes` counts.
pub(crate) fn ask(question: &str, done: &'static str) -> Result<(), CliError> {
    if !io::stdin().is_terminal() {
        return Err(CliError::Unasked(done));
    }
    if is_yes(question)? { Ok(()) } else { Err(CliError::Declined(done)) }
}

/// Whether the answer is yes; anything else is no.
fn is_yes(question: &str) -> Result<bool, CliError> {
    let mut stderr = io::stderr();
    let mut answer = String::new();
    stderr
        .write_all(format!("{question} [y/N] ").as_bytes())
        .and_then(|()| stderr.flush())
        .and_then(|()| io::stdin().lock().read_line(&mut answer))
        .map_err(CliError::System)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
