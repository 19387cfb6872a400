//! Why a text is no YAML that a connector reads, in words of our own: the parser's quote the text.

use crate::fault::Fault;
use crate::other_format::is_toml;
use crate::path::{Place, Places};
use crate::{ConfigError, indentation};

/// What is said of a `Connector.toml`.
pub(crate) const TOML: &str =
    "this is TOML, like a Connector.toml, and not a connector's configuration";
pub(crate) const TOML_REMEDY: &str =
    "give the configuration, which is YAML with a key `meta:`, like sample-config.yaml";

/// What the parser's messages say, told by words that none of them takes from the text.
const KNOWN: &[(&str, &str, &str, &str)] = &[
    (
        "while scanning a quoted scalar",
        "unclosed-quote",
        "a quote is opened here and not closed",
        "close it on the line where the text ends",
    ),
    (
        "mapping values are not allowed",
        "unquoted-colon",
        "a text with `: ` in it is not quoted, so a key is read where none can be",
        "put the whole text in quotes",
    ),
    (
        "unknown escape character",
        "unknown-escape",
        "a backslash in double quotes begins an escape that YAML does not know",
        "use single quotes, where a backslash is a backslash",
    ),
    (
        "found character that cannot start any token",
        "bad-character",
        "a text begins with a character that YAML keeps for itself, like a tab, @ or `",
        "indent with blanks, and put such a text in quotes",
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
        "there is more than one document in the file, and a connector reads none of them",
        "remove this line `---` and everything below it",
    ),
    (
        "unknown anchor",
        "unknown-anchor",
        "an alias names an anchor that is not there",
        "quote a text that begins with *",
    ),
    (
        "did not find expected key",
        "bad-indentation",
        "a key was expected here",
        "indent the keys of a map equally, and quote texts with quotes or braces in them",
    ),
    (
        "recursion limit",
        "too-deep",
        "the document is nested deeper than a connector reads",
        "nest it less deeply",
    ),
];

/// The faults of a text that the parser refuses: at least one.
pub(crate) fn faults(error: &serde_yaml::Error, text: &str) -> Vec<Fault> {
    let fault = fault(error, text);
    match fault.code {
        "repeated-key" => repeated(fault, text),
        // An indentation is only named when another one was seen to fix it.
        "bad-character" | "bad-indentation" | "no-yaml" | "unquoted-colon" => {
            let found = indentation::find(text, fault.place.line);
            vec![found.map_or(fault.clone(), |found| Fault {
                code: "bad-indentation",
                place: found.place,
                text: found.text,
                remedy: found.remedy,
                ..fault
            })]
        }
        _ => vec![fault],
    }
}

/// Each key that a map has twice, where it is the second time. A longer key is not repeated.
fn repeated(fault: Fault, text: &str) -> Vec<Fault> {
    const MOST: usize = 64;
    let found = Places::of(text).repeated.into_iter();
    let found: Vec<_> = found
        .map(|(key, place, first)| {
            let key = match key.chars().count() {
                0..=MOST => format!("the key `{}`", key.escape_debug()),
                _ => "this key".to_owned(),
            };
            let text = format!("{key} is here again: line {} has it already", first.line);
            let remedy = format!(
                "remove it with everything below it, after moving what you need to line {}",
                first.line
            );
            Fault { place, text, remedy, ..fault.clone() }
        })
        .collect();
    if found.is_empty() { vec![fault] } else { found }
}

fn fault(error: &serde_yaml::Error, text: &str) -> Fault {
    let message = error.to_string();
    let at = error.location().map_or(Place::START, |at| Place {
        line: at.line(),
        column: at.column(),
        length: 0,
    });
    let error = ConfigError::not_yaml(error);
    let of = |place, code, text: &str, remedy: &str| Fault {
        error: error.clone(),
        place,
        code,
        text: text.to_owned(),
        remedy: remedy.to_owned(),
    };
    // What the parser says of these is something else.
    if text.starts_with('\u{feff}') {
        let text = "the file begins with a byte order mark, with which connectors do not read it";
        let remedy = "save it as UTF-8 without one (BOM)";
        return of(Place::START, "byte-order-mark", text, remedy);
    }
    if is_toml(text) {
        return of(Place::START, "toml", TOML, TOML_REMEDY);
    }
    let Some((phrase, code, told, remedy)) =
        KNOWN.iter().find(|(phrase, ..)| message.contains(phrase))
    else {
        return Fault::of(&error, at);
    };
    if *code == "several-documents" {
        let place = Places::of(text).documents.get(1).copied().unwrap_or(at);
        return of(place, code, told, remedy);
    }
    // Where what is not finished began, which the parser's message has behind it.
    let begun = if *code == "unclosed-quote" { begun(&message, phrase) } else { None };
    let mut place = begun.unwrap_or(at);
    if place.length == 0 {
        place.length = rest_of_line(text, place);
    }
    of(place, code, told, remedy)
}

/// The place behind a phrase: `… at line 17 column 5`.
fn begun(message: &str, phrase: &str) -> Option<Place> {
    let (_, behind) = message.split_once(phrase)?;
    let mut numbers = behind.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let mut next = || numbers.next()?.parse().ok();
    Some(Place { line: next()?, column: next()?, length: 0 })
}

fn rest_of_line(text: &str, place: Place) -> usize {
    let line = text.lines().nth(place.line.saturating_sub(1)).unwrap_or_default();
    line.trim_end().chars().count().saturating_sub(place.column.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use serde_yaml::Value;

    use super::faults;

    #[test]
    fn a_fault_is_told_by_its_kind_and_not_by_the_text() {
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
            let faults = faults(&error, text);
            let [fault] = &faults[..] else { panic!("{faults:?}") };
            assert_eq!((fault.code, fault.place.line), (code, line), "{text}: {error}");
            assert!(!format!("{fault:?}").contains("cnry"));
        }
    }

    #[test]
    fn each_key_that_is_there_twice_is_named_where_it_is_again() {
        let text = "meta:\n  a: 1\n  b: 2\n  a: 3\nhttp: {}\nmeta:\n  c: 1\n";
        let error = serde_yaml::from_str::<Value>(text).expect_err(text);
        let told = faults(&error, text).into_iter().map(|fault| (fault.place.line, fault.text));
        let told: Vec<_> = told.collect();
        let key =
            |key, first| format!("the key `{key}` is here again: line {first} has it already");
        assert_eq!(told, [(4, key("a", 2)), (6, key("meta", 1))]);
    }
}
