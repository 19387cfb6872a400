//! Why a secrets file is refused.

use std::io;

use fluvio_secret_protocol::limits;
use thiserror::Error;

/// Why a file is refused. It has no text of the file.
#[derive(Debug, Error)]
pub(crate) enum BadFile {
    /// An entry of JSON or YAML, or the place where it stops to be that.
    #[error("line {line}, column {column}: {why}")]
    Entry { line: usize, column: usize, why: &'static str, help: &'static str },
    #[error(transparent)]
    Io(io::Error),
    /// The lines whose keys no connector can reference.
    #[error(
        "{}: the key is not the name of a secret (letters, digits and _, not first a digit)",
        lines(.0)
    )]
    Keys(Vec<usize>),
    #[error("it is too large for a secrets file")]
    Large,
    /// The file, or a line of it, is of another format.
    #[error("{}{why}", .line.map(|line| format!("line {line}: ")).unwrap_or_default())]
    Foreign { line: Option<usize>, why: &'static str, help: &'static str },
    /// The lines whose names no connector can reference.
    #[error(
        "{}: the text before = is not the name of a secret (letters, digits and _, not first a digit)",
        lines(.0)
    )]
    Names(Vec<usize>),
    #[error("line {0} is not UTF-8, so connectors stop reading there")]
    NotUtf8(usize),
    /// The two formats read different values.
    #[error("it has quotes or comments, and it is unclear whether they are part of the values")]
    Undecided,
    #[error("it is a terminal, which would show the values")]
    Terminal,
    #[error(
        "line {0}: the value has more than {most} bytes",
        most = limits::VALUE_BYTES
    )]
    Value(usize),
}

impl BadFile {
    pub(crate) fn help(&self) -> Option<&'static str> {
        match self {
            Self::Entry { help, .. } | Self::Foreign { help, .. } => Some(help),
            Self::Undecided => Some(
                "keep quotes and comments with --format secrets, or remove them with --format dotenv",
            ),
            Self::Terminal => Some("pass a file, for example with: fluvio-secret import - < FILE"),
            Self::Io(_)
            | Self::Keys(_)
            | Self::Large
            | Self::Names(_)
            | Self::NotUtf8(_)
            | Self::Value(_) => None,
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
