//! Results to standard output.

use std::io::{self, Write};
use std::process::ExitCode;

/// Prints the one result of a program, and gives the status that it ends with. What fails is told on
/// standard error.
#[must_use]
pub fn print_of(program: &str, text: &str) -> ExitCode {
    match print(text) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to be told that nobody listens.
            let _ = writeln!(io::stderr(), "{program}: cannot write the result: {error}");
            ExitCode::FAILURE
        }
    }
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
