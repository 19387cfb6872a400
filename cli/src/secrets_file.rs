//! A secrets file, read as the connectors of Fluvio read it: lines, split at the first `=`, both
//! sides without the blanks around them, and of two lines with one name the first counts.
//!
//! No text of the file is repeated anywhere: what looks like a name may be a piece of a value.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use fluvio_secret_protocol::{Secret, SecretName, limits};
use zeroize::Zeroizing;

/// More than anybody's secrets file has: 10,000 secrets of 6 KiB.
const MOST_BYTES: usize = 64 << 20;

/// What a file has. Numbers of lines begin with 1.
#[derive(Debug, Default)]
pub(crate) struct SecretsFile {
    /// The secrets, in the order of the file.
    pub(crate) secrets: Vec<(SecretName, Secret)>,
    /// Lines that begin with `#`: connectors would take them for secrets, people do not.
    pub(crate) comments: Vec<usize>,
    /// Lines without `=`, which mean nothing.
    pub(crate) meaningless: Vec<usize>,
    /// Lines whose name an earlier line has.
    pub(crate) repeated: Vec<usize>,
    /// Lines whose value is in quotes, which are part of it.
    pub(crate) quoted: Vec<usize>,
}

/// Why a file is refused.
#[derive(Debug)]
pub(crate) enum BadFile {
    Io(io::Error),
    Large,
    /// The lines whose names no connector can reference.
    Names(Vec<usize>),
    /// The first line that is not UTF-8: no connector reads beyond it.
    NotUtf8(usize),
    /// A line whose value is over the limit.
    Value(usize),
}

/// Reads a file.
pub(crate) fn read(path: &Path) -> Result<SecretsFile, BadFile> {
    let file = File::open(path).map_err(BadFile::Io)?;
    let length = file.metadata().map_err(BadFile::Io)?.len();
    // Of the right size at once: a buffer that grows leaves copies behind.
    let room = usize::try_from(length).map_or(MOST_BYTES, |length| length.min(MOST_BYTES)) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(BadFile::Io)?;
    if bytes.len() > MOST_BYTES { Err(BadFile::Large) } else { parse(&bytes) }
}

/// Reads the bytes of a file.
pub(crate) fn parse(bytes: &[u8]) -> Result<SecretsFile, BadFile> {
    let mut file = SecretsFile::default();
    let mut names = BTreeMap::new();
    let mut bad = Vec::new();
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let number = index + 1;
        let line = std::str::from_utf8(line).map_err(|_| BadFile::NotUtf8(number))?;
        if line.trim_start().starts_with('#') {
            file.comments.push(number);
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            if !line.trim().is_empty() {
                file.meaningless.push(number);
            }
            continue;
        };
        let Ok(name) = name.trim().parse::<SecretName>() else {
            bad.push(number);
            continue;
        };
        if names.insert(name.clone(), ()).is_some() {
            file.repeated.push(number);
            continue;
        }
        let value = value.trim();
        if value.len() > limits::VALUE_BYTES {
            return Err(BadFile::Value(number));
        }
        if is_quoted(value) {
            file.quoted.push(number);
        }
        file.secrets.push((name, Secret::from(value.as_bytes().to_vec())));
    }
    if bad.is_empty() { Ok(file) } else { Err(BadFile::Names(bad)) }
}

fn is_quoted(value: &str) -> bool {
    value.len() > 1 && ['"', '\''].iter().any(|&q| value.starts_with(q) && value.ends_with(q))
}

impl SecretsFile {
    /// What to tell of lines that are not what they may seem.
    pub(crate) fn notes(&self) -> impl Iterator<Item = String> {
        [
            (&self.comments, "skipped: a line that begins with # is a comment here"),
            (&self.meaningless, "skipped: a line without = means nothing"),
            (
                &self.repeated,
                "skipped: an earlier line has the same name, and the first one counts",
            ),
            (&self.quoted, "the quotes are part of the value, as they are for connectors"),
        ]
        .into_iter()
        .filter(|(numbers, _)| !numbers.is_empty())
        .map(|(numbers, what)| format!("{}: {what}", lines(numbers)))
    }
}

impl SecretsFile {
    /// Why not all that the file has is in its secrets, if so. A comment and an empty line hold none.
    pub(crate) fn left_out(&self) -> Option<String> {
        let mut skipped = [&self.meaningless[..], &self.repeated[..]].concat();
        skipped.sort_unstable();
        match (skipped.is_empty(), self.secrets.is_empty()) {
            (true, false) => None,
            (true, true) => Some("it has no secret".to_owned()),
            (false, _) => Some(format!("what is in {} is nowhere else", lines(&skipped))),
        }
    }
}

impl fmt::Display for BadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(source) => source.fmt(f),
            Self::Large => f.write_str("it is larger than any secrets file"),
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
fn lines(numbers: &[usize]) -> String {
    const MOST: usize = 20;
    let word = if numbers.len() == 1 { "line" } else { "lines" };
    let shown: Vec<_> = numbers.iter().take(MOST).map(ToString::to_string).collect();
    let more = match numbers.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{word} {}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{BadFile, lines, parse};

    fn secrets(text: &str) -> Vec<(String, String)> {
        let file = parse(text.as_bytes()).expect("a file");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        file.secrets.iter().map(|(n, v)| (n.to_string(), text(v.expose()))).collect()
    }

    #[test]
    fn a_line_is_read_as_connectors_read_it() {
        for (line, value) in [
            ("A=b", "b"),
            ("A=b\r\n", "b"),
            (" A = b c \n", "b c"),
            ("A=\"b\"", "\"b\""),
            ("A=b=c=", "b=c="),
            ("A=", ""),
            ("A=#b", "#b"),
            ("A=\u{a0}b\u{2003}", "b"),
        ] {
            assert_eq!(secrets(line), [("A".into(), value.into())], "{line:?}");
        }
    }

    #[test]
    fn the_first_of_two_counts_and_what_is_skipped_is_told() {
        let file = parse(b"# A=x\nA=1\n\nword\nA=2\n  #B=3\nB='4'\n").expect("a file");
        assert_eq!(file.secrets.len(), 2);
        assert_eq!(file.secrets[0].1.expose(), b"1");
        assert_eq!((&file.comments[..], &file.repeated[..]), (&[1, 6][..], &[5][..]));
        assert_eq!((&file.meaningless[..], &file.quoted[..]), (&[4][..], &[7][..]));
        assert_eq!(file.left_out().expect("lines"), "what is in lines 4, 5 is nowhere else");
        let left_out = |text: &str| parse(text.as_bytes()).expect("a file").left_out();
        assert_eq!(left_out("# who\n\nA=1\n"), None);
        assert_eq!(left_out("# who\n").expect("nothing"), "it has no secret");
    }

    #[test]
    fn names_that_no_connector_can_reference_refuse_the_file() {
        let refused = parse(b"A=1\nexport B=2\n=3\n9C=4\nC-D=5\n");
        assert!(matches!(refused, Err(BadFile::Names(lines)) if lines == [2, 3, 4, 5]));
    }

    #[test]
    fn bytes_that_are_not_utf_8_refuse_the_file_with_their_line() {
        assert!(matches!(parse(b"A=1\nB=\xff\n"), Err(BadFile::NotUtf8(2))));
        let large = [b"A=", &vec![b'x'; (1 << 20) + 1][..]].concat();
        assert!(matches!(parse(&large), Err(BadFile::Value(1))));
    }

    #[test]
    fn a_message_names_some_lines() {
        assert_eq!(lines(&[3]), "line 3");
        assert_eq!(lines(&[3, 9]), "lines 3, 9");
        let many: Vec<_> = (1..=25).collect();
        assert!(lines(&many).ends_with("19, 20 and 5 more"), "{}", lines(&many));
    }
}
