//! Results to standard output, everything else to standard error.

use std::io::{self, Write};

use fluvio_secret_system::{output, printable};

use crate::error::CliError;

/// Prints a result, which ends with its line end or gets one.
pub(crate) fn print(text: &str) -> Result<(), CliError> {
    print_while_read(text).map(|_| ())
}

/// Confirms what was done. That the confirmation cannot be written does not undo it, so it is no failure.
pub(crate) fn confirm(text: &str) {
    if let Err(error) = output::print(&printable::lines(text)) {
        say(&format!("warning: it is done, but the result cannot be written: {error}"));
    }
}

/// Prints a part of a result that has no end of its own, and gives whether anybody still reads.
pub(crate) fn print_while_read(text: &str) -> Result<bool, CliError> {
    output::print(&printable::lines(text)).map_err(CliError::Output)
}

/// Says a line on standard error, without what could drive a terminal, reorder or hide text.
pub(crate) fn say(line: &str) {
    say_colored(&printable::lines(line));
}

/// The same for a line that has colors, and whose other text is safe already.
pub(crate) fn say_colored(line: &str) {
    // At once, or what the shim says at the same moment could be in the middle of it. Nobody is left to
    // be told that nobody listens.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}
