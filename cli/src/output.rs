//! Results to standard output, everything else to standard error.

use std::io::{self, Write};

use fluvio_secret_system::{output, printable};

use crate::error::CliError;

/// Prints a result, which ends with its line end or gets one.
pub(crate) fn print(text: &str) -> Result<(), CliError> {
    print_while_read(text).map(|_| ())
}

/// Confirms what was done. If the confirmation cannot be written, the command has still succeeded.
pub(crate) fn confirm(text: &str) {
    if let Err(error) = output::print(&printable::lines(text)) {
        say(&format!("warning: it is done, but the result cannot be written: {error}"));
    }
}

/// Prints a part of an endless result. Returns whether its reader is still there.
pub(crate) fn print_while_read(text: &str) -> Result<bool, CliError> {
    output::print(&printable::lines(text)).map_err(CliError::Output)
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
    say_colored(&printable::lines(line));
}

/// The same for a line that has colors, and whose other text is safe already.
pub(crate) fn say_colored(line: &str) {
    // In one call, or a line of the shim could be in the middle of it. An error cannot be reported anywhere.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}
