//! Lines to standard error and standard output.

use std::io::{self, Write};

use fluvio_secret_system::{output, printable};

/// Prints a result, and returns the exit status.
pub(crate) fn print(text: &str) -> u8 {
    output::print_result(text)
}

/// Writes to standard error, where the connector and its supervisor write too. So each message is one write.
pub(crate) fn say(message: &str) {
    let message = printable::lines(&format!("{message}\n"));
    let _ = io::stderr().write_all(message.as_bytes());
}

/// Writes a note of the daemon, if there is one.
pub(crate) fn note(note: Option<&str>) {
    if let Some(note) = note {
        say(&format!("note: {note}"));
    }
}
