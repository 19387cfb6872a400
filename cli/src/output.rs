//! Results to standard output, everything else to standard error.

use std::fs;
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
    print_while_read(&Styled { text: as_typed(&result.text), ..*result }).map(|_| ())
}

/// Prints a result for programs.
pub(crate) fn print_plain(text: &str) -> Result<(), CliError> {
    let result = Styled { text: text.to_owned(), color: str::to_owned };
    print_while_read(&result).map(|_| ())
}

/// Confirms what was done. If the confirmation cannot be written, the command has still succeeded.
pub(crate) fn confirm(text: &str) {
    if let Err(error) = output::print(&printable::lines(text)) {
        say(&format!("warning: the command succeeded, but its result cannot be written: {error}"));
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

/// Prints a message to standard error, without characters that drive a terminal, reorder or hide text.
pub(crate) fn say(message: &str) {
    let message = printable::lines(&as_typed(message));
    say_colored(&if style::colors_errors() { style::message(&message) } else { message });
}

/// The same for a message that has colors, and whose other text is safe already.
pub(crate) fn say_colored(message: &str) {
    // In one call, or a line of the shim could be in the middle of it. An error cannot be reported anywhere.
    let _ = io::stderr().write_all(format!("{message}\n").as_bytes());
}

/// A message whose help names our commands as you typed this one: `fluvio secret …` if `fluvio` started it.
pub(crate) fn as_typed(message: &str) -> String {
    // Most messages have no help, so the parent need not be looked up.
    let is_for_fluvio = message.contains(HELP_LABEL) && is_started_by_fluvio();
    if is_for_fluvio { for_fluvio(message) } else { message.to_owned() }
}

/// How a line begins that has a next step.
pub(crate) const HELP_LABEL: &str = "help: ";

fn is_started_by_fluvio() -> bool {
    let parent = rustix::process::getppid().map(rustix::process::Pid::as_raw_nonzero);
    let comm = parent.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).ok());
    comm.is_some_and(|comm| comm.trim_end() == "fluvio")
}

/// Replaces `fluvio-secret` where a command of a help line begins.
fn for_fluvio(message: &str) -> String {
    const COMMAND_STARTS: [&str; 4] = [": ", "&& ", "| ", "`"];
    let line = |line: &str| match line.contains(HELP_LABEL) {
        true => COMMAND_STARTS.iter().fold(line.to_owned(), |line, start| {
            line.replace(&format!("{start}fluvio-secret "), &format!("{start}fluvio secret "))
        }),
        false => line.to_owned(),
    };
    message.split_inclusive('\n').map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::for_fluvio;

    #[test]
    fn only_the_commands_of_help_are_named_for_fluvio() {
        for (message, expected) in [
            (
                "error: a\nhelp: set it with: fluvio-secret set A\n",
                "error: a\nhelp: set it with: fluvio secret set A\n",
            ),
            ("error: x: fluvio-secret set A", "error: x: fluvio-secret set A"),
            (
                "   = help: set it with: fluvio-secret set A",
                "   = help: set it with: fluvio secret set A",
            ),
            (
                "help: decrypt it first: a | fluvio-secret import -",
                "help: decrypt it first: a | fluvio secret import -",
            ),
            ("help: see: fluvio-secret-shim --help", "help: see: fluvio-secret-shim --help"),
            ("help: fix it with: rm /fluvio-secret /x", "help: fix it with: rm /fluvio-secret /x"),
        ] {
            assert_eq!(for_fluvio(message), expected);
        }
    }
}
