//! Why a secrets file is refused.

use std::io;

use fluvio_secret_protocol::limits;
use thiserror::Error;

/// Why a file is refused. It has no text of the file.
#[derive(Debug, Error)]
pub(crate) enum BadFile {
    #[error(transparent)]
    Io(io::Error),
    #[error("it is larger than any secrets file")]
    Large,
    /// The file, or a line of it, is of another format.
    #[error("{}{why}", .line.map(|line| format!("line {line}: ")).unwrap_or_default())]
    Foreign { line: Option<usize>, why: &'static str, help: &'static str },
    /// The lines whose names no connector can reference.
    #[error(
        "{}: what is before the = is no name of a secret (letters, digits and _, not beginning with a digit)",
        lines(.0)
    )]
    Names(Vec<usize>),
    #[error("line {0} is not UTF-8, and connectors read no further")]
    NotUtf8(usize),
    /// The two formats read different values.
    #[error(
        "it has quotes or comments, and its name does not say whether they are parts of the values"
    )]
    Undecided,
    #[error("it is a terminal, which would show the values")]
    Terminal,
    #[error(
        "line {0}: the value has more than {most} bytes, which is the most",
        most = limits::VALUE_BYTES
    )]
    Value(usize),
}

impl BadFile {
    pub(crate) fn help(&self) -> Option<&'static str> {
        match self {
            Self::Foreign { help, .. } => Some(help),
            Self::Undecided => Some(
                "add --format secrets to keep quotes and comments as parts of the values, or --format dotenv to remove them",
            ),
            Self::Terminal => {
                Some("give a file, or pass its text on: fluvio-secret import - < FILE")
            }
            Self::Io(_) | Self::Large | Self::Names(_) | Self::NotUtf8(_) | Self::Value(_) => None,
        }
    }
}

/// Numbers of lines for a message: `line 3`, `lines 3, 4, 9`.
pub(super) fn lines(numbers: &[usize]) -> String {
    const MOST_NUMBERS: usize = 20;
    let word = if numbers.len() == 1 { "line" } else { "lines" };
    let shown: Vec<_> = numbers.iter().take(MOST_NUMBERS).map(ToString::to_string).collect();
    let more = match numbers.len().saturating_sub(MOST_NUMBERS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{word} {}{more}", shown.join(", "))
}
