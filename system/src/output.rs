//! Results to standard output.

use std::io::{self, Write};

/// Prints the one result of a program, and returns its exit status. A failure is reported on standard error.
#[must_use]
pub fn print_result(text: &str) -> u8 {
    match print(text) {
        Ok(_) => 0,
        Err(error) => {
            // If standard error is closed too, nothing can be reported.
            let _ = writeln!(io::stderr(), "error: cannot write the result: {error}");
            1
        }
    }
}

/// Prints a text with a line end, and returns whether it is still read. A reader that closed its end has what
/// it wanted.
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
