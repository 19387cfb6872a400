//! Where the value of `set` comes from.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

use fluvio_secret_protocol::{Secret, SecretName, limits};
use zeroize::Zeroizing;

use crate::error::CliError;
use crate::prompt::{PromptError, Terminal};

#[derive(Debug)]
pub(crate) enum Source {
    Argument(Secret),
    /// In a file, all of it.
    File(PathBuf),
    /// Typed at a prompt if standard input is a terminal. Otherwise on standard input.
    Ask,
    Input,
}

/// Reads the value, at most [`limits::VALUE_BYTES`].
pub(crate) fn read(source: Source, name: &SecretName) -> Result<Secret, CliError> {
    let value = match source {
        Source::Argument(value) => value,
        // A terminal would show what is typed.
        Source::Input if io::stdin().is_terminal() => ask(name)?,
        Source::Ask => {
            let given = if io::stdin().is_terminal() { ask(name)? } else { from_input()? };
            // From Enter alone, a cron job or a closed descriptor. None of them means an empty value.
            if given.is_empty() {
                return Err(CliError::Empty);
            }
            given
        }
        Source::File(path) => File::open(&path)
            .and_then(|file| at_most(&file, limits::VALUE_BYTES + 1))
            .map(Secret::new)
            .map_err(|source| CliError::File { path, source })?,
        Source::Input => from_input()?,
    };
    if value.len() > limits::VALUE_BYTES { Err(CliError::Large) } else { Ok(value) }
}

fn ask(name: &SecretName) -> Result<Secret, CliError> {
    let prompt = format!("Value of {name}: ");
    let asked = Terminal::standard(&prompt).map_err(PromptError::Io).and_then(|it| it.ask());
    asked.map_err(|error| match error {
        PromptError::Cancelled => CliError::Cancelled,
        error => CliError::Input(error.into()),
    })
}

/// All of standard input without one line end at its end, which `echo` adds.
fn from_input() -> Result<Secret, CliError> {
    let bytes = at_most(io::stdin().lock(), limits::VALUE_BYTES + 3);
    let bytes = bytes.map_err(|error| CliError::Input(error.into()))?;
    Ok(Secret::new(without_line_end(bytes)))
}

pub(crate) fn without_line_end(mut bytes: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    bytes
}

/// Reads to the end, or to `most` bytes of an endless source. The buffer never grows, which would
/// leave copies of the value behind.
pub(crate) fn at_most(source: impl Read, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(most));
    source.take(most as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::{at_most, without_line_end};

    #[test]
    fn one_line_end_at_the_end_is_removed() {
        for (given, kept) in [
            (&b"a\n"[..], &b"a"[..]),
            (b"a\r\n", b"a"),
            (b"a\n\n", b"a\n"),
            (b"\n", b""),
            (b"\r\n", b""),
            (b"a\r", b"a\r"),
            (b"a\nb", b"a\nb"),
            (b"", b""),
        ] {
            assert_eq!(&without_line_end(Zeroizing::new(given.to_vec()))[..], kept, "{given:?}");
        }
    }

    #[test]
    fn an_endless_source_is_read_to_the_limit() {
        let bytes = at_most(std::io::repeat(7), 100).expect("bytes");
        assert_eq!((bytes.len(), bytes.capacity()), (100, 100));
    }
}
