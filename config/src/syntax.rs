//! Why a text is invalid YAML, in words of our own: the parser's messages quote the text.

use fluvio_secret_protocol::check::Finding;

use crate::error::ConfigError;
use crate::source_map::{Location, SourceMap};
use crate::{finding, indentation, other_format};

/// What the parser's messages mean, found by phrases that do not come from the text.
const KNOWN: &[(&str, &str, &str, &str)] = &[
    (
        "while scanning a quoted scalar",
        "unclosed-quote",
        "this quote is not closed",
        "close it where the string ends",
    ),
    (
        "mapping values are not allowed",
        "unquoted-colon",
        "a string with `: ` is not quoted, so it is read as a key",
        "put the whole string in quotes",
    ),
    (
        "unknown escape character",
        "unknown-escape",
        "a backslash in double quotes begins an escape that does not exist in YAML",
        "use single quotes, where a backslash is a backslash",
    ),
    (
        "found character that cannot start any token",
        "bad-character",
        "a string begins with a character that YAML reserves, like a tab, @ or `",
        "indent with spaces, and put the string in quotes",
    ),
    (
        "duplicate entry",
        "repeated-key",
        "a map has the same key twice",
        "remove or rename one of them",
    ),
    (
        "more than one document",
        "several-documents",
        "the file has more than one document, so connectors do not read it",
        "remove this line `---` and everything below it",
    ),
    (
        "unknown anchor",
        "unknown-anchor",
        "an alias names an anchor that does not exist",
        "put a string that begins with * in quotes",
    ),
    (
        "did not find expected key",
        "bad-indentation",
        "a key was expected here",
        "indent all keys of a map equally, and put strings with quotes or braces in quotes",
    ),
    (
        "recursion limit",
        "too-deep",
        "the document is nested too deeply for a connector",
        "use fewer levels",
    ),
];

/// What is wrong with a text that the parser refuses: at least one finding.
pub(crate) fn findings(error: &serde_yaml::Error, text: &str) -> Vec<Finding> {
    let found = finding(error, text);
    match found.code.as_str() {
        "repeated-key" => repeated(found, text),
        // An indentation is only named after another one was seen to fix it.
        "bad-character" | "bad-indentation" | "no-yaml" | "unquoted-colon" => {
            vec![indentation::find(text, found.line).unwrap_or(found)]
        }
        _ => vec![found],
    }
}

/// Each key that a map has twice, at its second place. A longer key is not repeated.
fn repeated(found: Finding, text: &str) -> Vec<Finding> {
    const KEY_CHARS: usize = 64;
    let repeated = SourceMap::of(text).repeated.into_iter();
    let findings: Vec<_> = repeated
        .map(|(key, place, first)| {
            let key = match key.chars().count() {
                0..=KEY_CHARS => format!("the key `{}`", key.escape_debug()),
                _ => "this key".to_owned(),
            };
            let text = format!("{key} is duplicated: line {} already has it", first.line);
            let remedy = format!(
                "move what you need to line {}, then remove this key with everything below it",
                first.line
            );
            finding::error("repeated-key", place, text, remedy)
        })
        .collect();
    if findings.is_empty() { vec![found] } else { findings }
}

fn finding(error: &serde_yaml::Error, text: &str) -> Finding {
    // The parser reports something else for these.
    if text.starts_with('\u{feff}') {
        let text = "the file begins with a byte order mark (BOM), so connectors do not read it";
        let remedy = "save it as UTF-8 without a BOM";
        return finding::error("byte-order-mark", Location::START, text, remedy);
    }
    if let Some(found) = other_format::toml(text) {
        return found;
    }
    let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
    let at = Location { line, column, length: 0 };
    let message = error.to_string();
    let Some((phrase, code, told, remedy)) =
        KNOWN.iter().find(|(phrase, ..)| message.contains(phrase))
    else {
        return ConfigError::NotYaml { line, column }.finding(at);
    };
    let mut place = match *code {
        "several-documents" => {
            let place = SourceMap::of(text).documents.get(1).copied().unwrap_or(at);
            return finding::error(code, place, *told, *remedy);
        }
        "unclosed-quote" => begun(&message, phrase).unwrap_or(at),
        _ => at,
    };
    place.length = rest_of_line(text, place);
    finding::error(code, place, *told, *remedy)
}

/// The place where something began, after a phrase: `… at line 17 column 5`.
fn begun(message: &str, phrase: &str) -> Option<Location> {
    let (_, behind) = message.split_once(phrase)?;
    let mut numbers = behind.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let mut next = || numbers.next()?.parse().ok();
    Some(Location { line: next()?, column: next()?, length: 0 })
}

fn rest_of_line(text: &str, place: Location) -> usize {
    let line = text.lines().nth(place.line.saturating_sub(1)).unwrap_or_default();
    line.trim_end().chars().count().saturating_sub(place.column.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use serde_yaml::Value;

    use super::findings;

    #[test]
    fn a_syntax_error_is_reported_without_the_text() {
        for (text, code, line) in [
            ("a: 1\nb: \"cnry\nc: 2\n", "unclosed-quote", 2),
            ("a: cnry: b\n", "unquoted-colon", 1),
            ("a: \"\\cnry\"\n", "unknown-escape", 1),
            ("a:\n\tcnry: 1\n", "bad-indentation", 2),
            ("a: @cnry\n", "bad-character", 1),
            ("a: 1\nb:\n  c: cnry\n  d: 1\n  c: cnry\n", "repeated-key", 5),
            ("a: *cnry\n", "unknown-anchor", 1),
            ("a: cnry\n---\nb: 1\n", "several-documents", 2),
            ("a: \"x\"cnry\n", "bad-indentation", 1),
            ("\u{feff}a: cnry\nb: 1\n", "byte-order-mark", 1),
            ("[cnry]\ncnry = \"cnry\"\n", "toml", 1),
        ] {
            let error = serde_yaml::from_str::<Value>(text).expect_err(text);
            let findings = findings(&error, text);
            let [found] = &findings[..] else { panic!("{findings:?}") };
            assert_eq!((found.code.as_str(), found.line), (code, line), "{text}: {error}");
            assert!(!format!("{found:?}").contains("cnry"));
        }
    }

    #[test]
    fn each_key_that_is_there_twice_is_named_where_it_is_again() {
        let text = "meta:\n  a: 1\n  b: 2\n  a: 3\nhttp: {}\nmeta:\n  c: 1\n";
        let error = serde_yaml::from_str::<Value>(text).expect_err(text);
        let told = findings(&error, text).into_iter().map(|found| (found.line, found.text));
        let told: Vec<_> = told.collect();
        let key =
            |key, first| format!("the key `{key}` is duplicated: line {first} already has it");
        assert_eq!(told, [(4, key("a", 2)), (6, key("meta", 1))]);
    }
}
