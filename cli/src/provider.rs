//! A value that a program prints, such as the command line of a password manager.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};

use fluvio_secret_protocol::{Secret, limits};
use fluvio_secret_system::help::{Help, Helpful};
use thiserror::Error;

use crate::input::{at_most, without_line_end};

/// A program that prints a value, with its arguments.
#[derive(Debug)]
pub(crate) struct Provider {
    program: OsString,
    args: Vec<OsString>,
}

/// Why there is no value. Nothing of what was printed is in it, and no argument.
#[derive(Debug, Error)]
pub(crate) enum ProviderError {
    #[error("{program} printed nothing")]
    Empty { program: String },
    #[error("{program} {}", describe(*.status))]
    Failed { program: String, status: ExitStatus },
    #[error("{program} printed more than {} bytes", limits::VALUE_BYTES)]
    Large { program: String },
    #[error("the command after --command is missing")]
    Missing,
    #[error("an option stands after --command")]
    Misplaced,
    #[error("the name of the secret is missing before --")]
    Nameless,
    #[error("cannot run {program}: {source}")]
    Run { program: String, source: io::Error },
}

/// What helps where a value is needed and missing.
pub(crate) fn help_without_value() -> Help {
    Help::command("pass a value, or set an empty one with", "fluvio-secret set NAME ''")
}

impl Helpful for ProviderError {
    fn help(&self) -> Option<Help> {
        Some(match self {
            Self::Empty { .. } => help_without_value(),
            Self::Missing => Help::advice("put it at the end of the line, after --"),
            Self::Misplaced => {
                Help::advice("put options before --command, and -- before the command")
            }
            Self::Nameless => {
                Help::command("name it, as in", "fluvio-secret import --command NAME -- COMMAND")
            }
            Self::Run { .. } => Help::advice("pass the path of a program, or a name on PATH"),
            Self::Failed { .. } | Self::Large { .. } => return None,
        })
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, signal) => format!("was stopped by signal {}", signal.unwrap_or_default()),
    }
}

impl Provider {
    /// The program that these words name. Two dashes may come first. An option of ours is refused, because it would be
    /// taken for the program.
    pub(crate) fn of(words: &[OsString]) -> Result<Self, ProviderError> {
        let after_dashes = words.strip_prefix(&[OsString::from("--")]);
        let (program, args) =
            after_dashes.unwrap_or(words).split_first().ok_or(ProviderError::Missing)?;
        if after_dashes.is_none() && program.as_bytes().starts_with(b"-") {
            return Err(ProviderError::Misplaced);
        }
        Ok(Self { program: program.clone(), args: args.to_vec() })
    }

    /// Its name, as it was typed.
    pub(crate) fn name(&self) -> String {
        self.program.to_string_lossy().into_owned()
    }

    /// Runs it, and returns what it printed, and whether a line end was removed from that. Its prompts and messages
    /// go to the terminal.
    pub(crate) fn value(&self) -> Result<(Secret, bool), ProviderError> {
        let program = self.name();
        let failed = |source| ProviderError::Run { program: self.name(), source };
        let mut command = Command::new(&self.program);
        let mut child = command.args(&self.args).stdout(Stdio::piped()).spawn().map_err(failed)?;
        // Closed after the limit, so that an endless output ends.
        let read = child.stdout.take().map(|stdout| at_most(stdout, limits::VALUE_BYTES + 3));
        let status = child.wait().map_err(failed)?;
        let printed = read.transpose().map_err(failed)?.unwrap_or_default();
        let length = printed.len();
        let value = without_line_end(printed);
        match () {
            () if value.len() > limits::VALUE_BYTES => Err(ProviderError::Large { program }),
            () if !status.success() => Err(ProviderError::Failed { program, status }),
            () if value.is_empty() => Err(ProviderError::Empty { program }),
            () => {
                let is_shorter = value.len() < length;
                Ok((Secret::new(value), is_shorter))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Provider, ProviderError};

    fn value(script: &str) -> Result<Vec<u8>, ProviderError> {
        let words = ["--", "sh", "-c", script].map(Into::into);
        let (value, _) = Provider::of(&words).expect("a program").value()?;
        Ok(value.expose().to_vec())
    }

    #[test]
    fn what_a_program_prints_is_the_value_without_one_line_break() {
        for (script, expected) in [
            ("printf %s ' a b '", &b" a b "[..]),
            ("echo a", b"a"),
            ("printf 'a\\r\\n'", b"a"),
            ("printf 'a\\n\\n'", b"a\n"),
            ("printf '\\nb\\377'", b"\nb\xff"),
        ] {
            assert_eq!(value(script).expect(script), expected, "{script}");
        }
        let most = value("head -c 1048576 /dev/zero").expect("the largest value");
        assert_eq!(most.len(), 1 << 20);
    }

    #[test]
    fn a_program_that_fails_or_prints_nothing_gives_no_value() {
        for (script, why) in [
            ("echo cnry; exit 3", "sh exited with status 3"),
            ("echo cnry; kill -9 $$", "sh was stopped by signal 9"),
            ("true", "sh printed nothing"),
            ("echo", "sh printed nothing"),
            ("yes cnry", "sh printed more than 1048576 bytes"),
        ] {
            let error = value(script).expect_err(script);
            assert_eq!(error.to_string(), why);
            assert!(!format!("{error:?}").contains("cnry"), "{error:?}");
        }
        let none = Provider::of(&["no-such-program".into(), "cnry".into()]).expect("a program");
        let error = none.value().expect_err("there is no such program").to_string();
        assert!(error.starts_with("cannot run no-such-program: No such file"), "{error}");
        for words in [&["--"][..], &[]] {
            let words: Vec<_> = words.iter().map(Into::into).collect();
            assert!(matches!(Provider::of(&words), Err(ProviderError::Missing)), "{words:?}");
        }
        for words in [&["--dry-run", "--", "true"][..], &["--overwrite"], &["-x", "true"]] {
            let words: Vec<_> = words.iter().map(Into::into).collect();
            assert!(matches!(Provider::of(&words), Err(ProviderError::Misplaced)), "{words:?}");
        }
    }
}
