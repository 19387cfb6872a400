//! Results to standard output, everything else to standard error.

use std::io::{self, Write};

use fluvio_secret_system::{output, printable};

use crate::error::CliError;
use crate::style::{self, Styled};

/// Prints a result of words, which ends with its line end or gets one.
pub(crate) fn print(text: &str) -> Result<(), CliError> {
    print_styled(&Styled { text: text.to_owned(), color: style::message })
}

/// Prints a result with its colors.
pub(crate) fn print_styled(result: &Styled) -> Result<(), CliError> {
    print_while_read(result).map(|_| ())
}

/// Prints a result for programs.
pub(crate) fn print_plain(text: &str) -> Result<(), CliError> {
    print_styled(&Styled { text: text.to_owned(), color: str::to_owned })
}

/// Confirms what was done. If the confirmation cannot be written, the command has still succeeded.
pub(crate) fn confirm(text: &str) {
    if let Err(error) = output::print(&printable::lines(text)) {
        say(&format!("warning: it is done, but the result cannot be written: {error}"));
    }
}

/// Prints a part of an endless result. Returns whether its reader is still there.
pub(crate) fn print_while_read(result: &Styled) -> Result<bool, CliError> {
    let text = printable::lines(&result.text);
    let text = if style::colors_output() { (result.color)(&text) } else { text };
    output::print(&text).map_err(CliError::Output)
}

/// Prints an error to standard error, unless it was reported already.
pub(crate) fn error(error: &CliError) {
    let text = error.text();
    if !text.is_empty() {
        say(&text);
    }
}

/// Prints a line to standard error, without characters that drive a terminal, reorder or hide text.
pub(crate) fn say(line: &str) {
    let line = printable::lines(line);
    say_colored(&if style::colors_errors() { style::message(&line) } else { line });
}

/// The same for a line that has colors, and whose other text is safe already.
pub(crate) fn say_colored(line: &str) {
    // In one call, or a line of the shim could be in the middle of it. An error cannot be reported anywhere.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}
