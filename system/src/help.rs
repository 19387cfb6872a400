//! What you can do about an error, apart from its cause.

use std::fmt;

/// Advice, and maybe the command that follows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Help {
    /// What to do, as the last part of a sentence.
    pub advice: String,
    /// The command that does it, for a shell.
    pub command: Option<String>,
}

impl Help {
    /// Advice that names no command.
    pub fn advice(advice: impl Into<String>) -> Self {
        Self { advice: advice.into(), command: None }
    }

    /// A command that fixes the cause.
    pub fn fix(command: impl Into<String>) -> Self {
        Self { advice: "fix it with".to_owned(), command: Some(command.into()) }
    }
}

impl fmt::Display for Help {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.advice)?;
        self.command.as_ref().map_or(Ok(()), |command| write!(f, ": {command}"))
    }
}
