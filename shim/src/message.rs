//! Lines to standard error and standard output.

use std::io::{self, Write};
use std::process::ExitCode;

use fluvio_secret_system::{output, printable};

/// The program's name, which begins every line that it writes to standard error: the connector's own
/// lines follow there.
const PROGRAM: &str = "fluvio-secret-shim";

/// Prints a result.
pub(crate) fn print(text: &str) -> ExitCode {
    output::print_of(PROGRAM, text)
}

/// Writes to standard error, in one piece: under a supervisor, that writes there too.
pub(crate) fn say(line: &str) {
    let line = printable::lines(&format!("{PROGRAM}: {line}\n"));
    let _ = io::stderr().write_all(line.as_bytes());
}
