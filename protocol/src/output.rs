//! Results to standard output.

use std::io::{self, Write};

/// A text of several lines for a terminal, with a mark in place of what would drive it: names of files may
/// be anybody's.
#[must_use]
pub fn shown(text: &str) -> String {
    text.replace(|c: char| c.is_control() && c != '\n' && c != '\t', "\u{fffd}")
}

/// Prints a text, which ends with its line end or gets one, and gives whether anybody still reads: a
/// reader that closed its end has what it wanted, and that is no error.
///
/// # Errors
///
/// Those of write(2), but `EPIPE`.
pub fn print(text: &str) -> io::Result<bool> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| {
        if !text.ends_with('\n') {
            stdout.write_all(b"\n")?;
        }
        stdout.flush()
    });
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true),
    }
}
