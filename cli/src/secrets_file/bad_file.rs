//! Why a secrets file is refused.

use std::fmt;
use std::io;

use fluvio_secret_protocol::limits;

/// Why a file is refused: which line, what it looks like, and what to do. No text of the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Foreign {
    /// Counted from 1; `None` for the whole file.
    pub(super) line: Option<usize>,
    pub(super) why: &'static str,
    pub(super) help: &'static str,
}

/// Why a file is refused.
#[derive(Debug)]
pub(crate) enum BadFile {
    Io(io::Error),
    Large,
    /// The file, or a line of it, is of another format.
    Foreign(Foreign),
    /// The lines whose names no connector can reference.
    Names(Vec<usize>),
    /// The first line that is not UTF-8: no connector reads beyond it.
    NotUtf8(usize),
    /// The two formats read different values, and the name of the file does not say which it is.
    Undecided,
    /// Standard input is a terminal, which would show what is typed.
    Terminal,
    /// A line whose value is over the limit.
    Value(usize),
}

impl BadFile {
    /// What to do about it.
    pub(crate) fn help(&self) -> Option<&'static str> {
        match self {
            Self::Foreign(Foreign { help, .. }) => Some(help),
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

impl fmt::Display for BadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(source) => source.fmt(f),
            Self::Terminal => f.write_str("it is a terminal, which would show the values"),
            Self::Large => f.write_str("it is larger than any secrets file"),
            Self::Foreign(Foreign { line: Some(line), why, .. }) => write!(f, "line {line}: {why}"),
            Self::Foreign(Foreign { line: None, why, .. }) => f.write_str(why),
            Self::Undecided => f.write_str(
                "it has quotes or comments, and its name does not say whether they are parts of the values",
            ),
            Self::Names(numbers) => write!(
                f,
                "{}: what is before the = is no name of a secret (letters, digits and _, not beginning with a digit)",
                lines(numbers)
            ),
            Self::NotUtf8(number) => {
                write!(f, "line {number} is not UTF-8, and connectors read no further")
            }
            Self::Value(number) => write!(
                f,
                "line {number}: the value has more than {} bytes, which is the most",
                limits::VALUE_BYTES
            ),
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
