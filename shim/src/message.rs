//! Lines to standard error and standard output.

use std::io::{self, Write};
use std::process::ExitCode;

use fluvio_secret_protocol::SHIM;
use fluvio_secret_system::{output, printable};

/// Prints a result.
pub(crate) fn print(text: &str) -> ExitCode {
    output::print_of(SHIM, text)
}

/// Writes to standard error, where the connector writes too. The line is written at once: so does a
/// supervisor.
pub(crate) fn say(line: &str) {
    let line = printable::lines(&format!("{SHIM}: {line}\n"));
    let _ = io::stderr().write_all(line.as_bytes());
}
