//! A `.env` file, read by the rules that its readers share.
//!
//! There is no standard. A line is refused where the readers differ: dotenv of Node, python-dotenv,
//! dotenvy and Compose. Either reading could be wrong for the program that the file belongs to.
//! No crate does that. dotenvy and dotenvs replace `$NAME` by what the environment of this program has,
//! and dotenvy's errors quote the line. dotenvs ends at the first line that it cannot read, without an
//! error, and dotenv-parser knows no values of several lines.

use std::collections::BTreeSet;

use fluvio_secret_protocol::{Secret, SecretName, limits};

use super::bad_file::BadFile;
use super::content::{Change, SecretsFile};
use super::foreign::{self, Looks};

/// The kinds of the first and the last character of a value.
fn ends(value: &str) -> Option<(&'static str, &'static str)> {
    Some((kind(value.chars().next()?), kind(value.chars().next_back()?)))
}

fn kind(c: char) -> &'static str {
    match c {
        '\'' | '"' | '`' => "quote",
        '\n' | '\r' => "line break",
        c if c.is_whitespace() => "space",
        c if c.is_alphabetic() => "letter",
        c if c.is_numeric() => "digit",
        _ => "symbol",
    }
}

const TEXT_AFTER: Looks =
    ("it has text after the closing quote", "put the whole value in one pair of quotes");
const BACKQUOTE: Looks = (
    "its value is in backquotes, which not all programs read the same way",
    "put the value in single quotes",
);
const DOLLAR: Looks = (
    "its value refers to another variable with $, which `import` does not replace",
    "write the value itself, or put it in single quotes to keep the $",
);
const ESCAPE: Looks = (
    "its value has a backslash that not all programs read the same way",
    "put the value in single quotes to keep the backslash",
);
const HASH: Looks = (
    "its value begins with #, which not all programs read the same way",
    "put the value in single quotes, or a space before the # of a comment",
);
const NO_EQUAL: Looks =
    ("it has no =", "put quotes around a value of several lines, and # before a comment");
const OPEN_QUOTE: Looks =
    ("its value begins with a quote that is not closed", "close the quote at the end of the value");
const REPEATED: Looks = (
    "an earlier line has the same name, and programs disagree which one counts",
    "remove one of the two lines",
);

pub(super) fn parse(text: &str) -> Result<SecretsFile, BadFile> {
    let mut file = SecretsFile::default();
    let (mut names, mut bad) = (BTreeSet::new(), Vec::new());
    let (mut rest, mut number, mut before) = (text, 0, "");
    while !rest.is_empty() {
        number += 1;
        let line = first_line(rest);
        let entry = line.trim();
        if entry.is_empty() || entry.starts_with('#') {
            if foreign::comments_out(entry) {
                file.commented_out.push(number);
            }
            rest = below(rest, line.len());
            continue;
        }
        let refused = |looks| foreign::at(number, looks);
        let looks = foreign::line(entry, before.is_empty());
        if let Some(looks) = looks.or_else(|| foreign::continues_base64(entry, before)) {
            return Err(refused(looks));
        }
        let (name, _) = line.split_once('=').ok_or(refused(NO_EQUAL))?;
        let from_value = &rest[name.len() + 1..];
        let Taken { value, change, length } = take(from_value).map_err(refused)?;
        let begun = number;
        number += from_value[..length].matches('\n').count();
        rest = below(from_value, length);
        before = entry;
        let Ok(name) = foreign::without_export(name.trim()).parse::<SecretName>() else {
            bad.push(begun);
            continue;
        };
        if let Some(looks) = foreign::encrypted(name.as_str(), &value) {
            return Err(foreign::at(begun, looks));
        }
        if !names.insert(name.clone()) {
            return Err(foreign::at(begun, REPEATED));
        }
        if value.len() > limits::VALUE_BYTES {
            return Err(BadFile::Value(begun));
        }
        file.changes.push((begun, change));
        file.secrets.push((name, Secret::from(value.into_bytes())));
    }
    if bad.is_empty() { Ok(file) } else { Err(BadFile::Names(bad)) }
}

fn first_line(text: &str) -> &str {
    text.split('\n').next().unwrap_or_default()
}

/// The lines below the one that ends after this number of bytes.
fn below(text: &str, length: usize) -> &str {
    let rest = &text[length..];
    rest.strip_prefix('\n').unwrap_or(rest)
}

/// A value, what was changed to get it, and how many bytes it takes up to the end of its last line.
struct Taken {
    value: String,
    change: Change,
    length: usize,
}

fn take(text: &str) -> Result<Taken, Looks> {
    let line = first_line(text);
    let value = line.trim();
    let begin = line.len() - line.trim_start().len();
    match value.chars().next() {
        Some('`') => Err(BACKQUOTE),
        Some(quote @ ('\'' | '"')) => quoted(quote, text, begin + 1),
        _ => plain(value, &text[line.len()..]).map(|(value, change)| Taken {
            value: value.to_owned(),
            change,
            length: line.len(),
        }),
    }
}

/// A value without quotes, which ends with its line or before a comment.
fn plain<'a>(text: &'a str, below: &str) -> Result<(&'a str, Change), Looks> {
    if text.starts_with('#') {
        return Err(HASH);
    }
    let value = match text.find(" #").or(text.find("\t#")) {
        Some(at) => text[..at].trim_end(),
        None => text,
    };
    if let Some(looks) = foreign::unfinished(value, below.split('\n').skip(1)) {
        return Err(looks);
    }
    if refers(value) {
        return Err(DOLLAR);
    }
    let comment = value.len() < text.len();
    Ok((value, Change { comment, ends: ends(value), ..Change::default() }))
}

/// A value in quotes, whose first byte is at `begin`.
fn quoted(quote: char, text: &str, begin: usize) -> Result<Taken, Looks> {
    let inside = &text[begin..];
    let end = match quote {
        '\'' => inside.find('\''),
        _ => unescaped_quote(inside),
    };
    let end = end.ok_or(OPEN_QUOTE)?;
    let after = first_line(&inside[end + 1..]);
    let is_comment = after.trim_start().starts_with('#') && after.starts_with([' ', '\t']);
    if !after.trim().is_empty() && !is_comment {
        return Err(TEXT_AFTER);
    }
    let inside = inside[..end].replace("\r\n", "\n");
    let value = match quote {
        '\'' => inside.clone(),
        _ => unescaped(&inside)?,
    };
    let change = Change {
        quotes: true,
        comment: is_comment,
        escapes: value != inside,
        lines: value.contains('\n'),
        ends: ends(&value),
    };
    Ok(Taken { value, change, length: begin + end + 1 + after.len() })
}

/// Where the first `"` is that no backslash stands before.
fn unescaped_quote(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let found = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        found
    })
}

/// What double quotes hold.
fn unescaped(text: &str) -> Result<String, Looks> {
    let mut value = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '$']) {
        value.push_str(&rest[..at]);
        rest = &rest[at..];
        if is_reference(rest) {
            return Err(DOLLAR);
        }
        let (taken, length) = match rest.as_bytes() {
            [b'$', ..] => ('$', 1),
            [b'\\', b'n', ..] => ('\n', 2),
            [b'\\', b'r', ..] => ('\r', 2),
            [b'\\', b't', ..] => ('\t', 2),
            [b'\\', escaped @ (b'"' | b'\\' | b'$'), ..] => (char::from(*escaped), 2),
            _ => return Err(ESCAPE),
        };
        value.push(taken);
        rest = &rest[length..];
    }
    value.push_str(rest);
    Ok(value)
}

fn refers(text: &str) -> bool {
    text.match_indices('$').any(|(at, _)| is_reference(&text[at..]))
}

/// Whether a text begins with `$NAME`, `${`, `$(`, or with `$$`, which some programs make one `$` of.
fn is_reference(text: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '{' | '(' | '$');
    text.strip_prefix('$').is_some_and(|rest| rest.starts_with(is_name))
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn secrets(text: &str) -> Vec<(String, String)> {
        let file = parse(text).unwrap_or_else(|why| panic!("{text:?}: {why}"));
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        file.secrets.iter().map(|(n, v)| (n.to_string(), text(v.expose()))).collect()
    }

    #[test]
    fn e16_a_value_is_read_by_dotenv_rules() {
        for (text, value) in [
            ("A=b", "b"),
            ("A=b\r\n", "b"),
            (" export A = b c  \n", "b c"),
            ("export\tA=b", "b"),
            ("A=\"b\"", "b"),
            ("A='b' # note", "b"),
            ("A=b # note", "b"),
            ("A=b\t# note", "b"),
            ("A=p#ss", "p#ss"),
            ("A=", ""),
            ("A=''", ""),
            ("A=postgres://u:p@h/db?sslmode=require", "postgres://u:p@h/db?sslmode=require"),
            ("A=YWJj==", "YWJj=="),
            ("A=\"a\\nb\\t\\\"c\\\"\\\\\"", "a\nb\t\"c\"\\"),
            ("A='a\\nb'", "a\\nb"),
            ("A='$HOME ${X}'", "$HOME ${X}"),
            ("A=\"\\$HOME 5$\"", "$HOME 5$"),
            ("A=it's", "it's"),
            ("A=\"one\ntwo=2\n# three\"", "one\ntwo=2\n# three"),
            ("A='one\r\ntwo'", "one\ntwo"),
            ("A=\u{fc}b\u{e9}r", "\u{fc}b\u{e9}r"),
        ] {
            assert_eq!(secrets(text), [("A".into(), value.into())], "{text:?}");
        }
        let pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQ+/\nQW5vdGhlclRhaWw3Nzc=\n-----END PRIVATE KEY-----";
        let text = format!("T=1\nKEY=\"{pem}\"\n\n# end\nU=2\n");
        let expected = [("T", "1"), ("KEY", pem), ("U", "2")];
        assert_eq!(secrets(&text), expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn e16_what_programs_read_differently_is_refused_with_its_line() {
        for (text, line, why) in [
            ("A=1\nB=$HOME\n", 2, "another variable"),
            ("A=\"${HOME}\"", 1, "another variable"),
            ("A=pa$$word", 1, "another variable"),
            ("A=\"$(id)\"", 1, "another variable"),
            ("A=`b`", 1, "backquotes"),
            ("A=\"b\" c", 1, "after the closing quote"),
            ("A='it'\\''s'", 1, "after the closing quote"),
            ("A=\"b", 1, "not closed"),
            ("A='b\nB=1\n", 1, "not closed"),
            ("A=\"C:\\dir\"", 1, "backslash"),
            ("A=#b", 1, "begins with #"),
            ("A=1\n\nA=2\n", 3, "same name"),
            ("A='1\n2'\nB\n", 3, "has no ="),
            ("A=-----BEGIN KEY-----\nMII=\n", 1, "several lines"),
            ("A={\n\"a\": 1\n}\n", 1, "next lines"),
            ("A: b\n", 1, "YAML"),
            ("A=\"ENC[AES256_GCM,data:x]\"\n", 1, "sops"),
            ("A=1\nsops_version=3.9.0\n", 2, "sops"),
        ] {
            let refused = parse(text).expect_err(text).to_string();
            assert!(refused.starts_with(&format!("line {line}: ")), "{text:?}: {refused}");
            assert!(refused.contains(why), "{text:?}: {refused}");
        }
    }

    #[test]
    fn e16_what_is_read_is_what_another_reader_reads() {
        // dotenvy has rules of its own for quotes and backslashes inside of a word, and for spaces.
        for text in [
            "A=b\nB='c d'\nexport C=\"e\\nf\"\n# G=h\nI=j # k\nL=\n",
            "A=\"one\ntwo\"\nB='three\nfour'\n",
            "A=p#ss\nB=a=b==\nC=\"\\$x \\\\ \\\"y\\\"\"\n",
        ] {
            let read = dotenvy::from_read_iter(text.as_bytes()).map(|read| read.expect("read"));
            assert_eq!(secrets(text), read.collect::<Vec<_>>(), "{text:?}");
        }
    }
}
