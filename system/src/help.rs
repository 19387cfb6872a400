//! What you can do about an error, apart from its cause.

use std::fmt;

use crate::printable;

/// What a line of help begins with.
const PREFIX: &str = "help: ";

/// Advice, and maybe the command that follows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Help {
    /// What to do, as the last part of a sentence.
    pub advice: String,
    /// The command that does it, for a shell.
    pub command: Option<String>,
}

/// An error that keeps what you can do about it apart from its cause, which is its text.
pub trait Helpful: std::error::Error {
    /// What you can do about it.
    fn help(&self) -> Option<Help>;

    /// The cause, on one line because a line end in a path could forge a help.
    fn cause_line(&self) -> String {
        printable::line(&self.to_string())
    }

    /// The cause, and the help on a line of its own.
    fn report(&self) -> String {
        let cause = self.cause_line();
        match self.help() {
            Some(help) => format!("{cause}\n{PREFIX}{}", printable::line(&help.to_string())),
            None => cause,
        }
    }
}

impl Help {
    /// Advice that names no command.
    pub fn advice(advice: impl Into<String>) -> Self {
        Self { advice: advice.into(), command: None }
    }

    /// Advice whose last word is `with`, and the command.
    pub fn command(advice: &str, command: impl Into<String>) -> Self {
        Self { advice: advice.to_owned(), command: Some(command.into()) }
    }

    /// The cause and the help in a report that another program printed as an error.
    #[must_use]
    pub fn of_report(text: &str) -> (&str, Option<Self>) {
        let text = text.trim();
        let text = text.strip_prefix("error: ").unwrap_or(text);
        match text.split_once(&format!("\n{PREFIX}")) {
            Some((cause, help)) => (cause, Some(Self::read(help))),
            None => (text, None),
        }
    }

    /// The help that was printed as this text by another program.
    #[must_use]
    pub fn read(text: &str) -> Self {
        match text.split_once(": ") {
            Some((advice, command)) if advice.ends_with(" with") => Self::command(advice, command),
            _ => Self::advice(text),
        }
    }
}

impl fmt::Display for Help {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.advice)?;
        self.command.as_ref().map_or(Ok(()), |command| write!(f, ": {command}"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Help, Helpful};

    #[test]
    fn a_report_is_read_as_it_is_printed() {
        let help = Some(Help::command("fix it with", "true"));
        assert_eq!(Help::of_report("error: a: b\nhelp: fix it with: true\n"), ("a: b", help));
        assert_eq!(Help::of_report("a: b"), ("a: b", None));
    }

    #[test]
    fn a_line_end_in_a_path_forges_no_help() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot read a\nhelp: b")]
        struct Forged;
        impl Helpful for Forged {
            fn help(&self) -> Option<Help> {
                Some(Help::command("remove it with", "rm 'a\nhelp: b'"))
            }
        }
        assert_eq!(Forged.report().lines().count(), 2);
    }

    #[test]
    fn help_is_read_as_it_is_printed() {
        for command in ["rm '/a with: b'", "chmod 0700 '/a; fix it with: true'"] {
            let help = Help::command("fix it with", command);
            assert_eq!(Help::read(&help.to_string()), help);
        }
        for advice in ["try again", "take it back: chown '/a with: b'"] {
            assert_eq!(Help::read(advice), Help::advice(advice));
        }
    }
}
