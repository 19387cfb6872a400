//! Why a text is no YAML that a connector reads, in words of our own: the parser's quote the text.

use crate::path::Place;

/// What is wrong, where, and what helps.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    pub(crate) code: &'static str,
    pub(crate) text: &'static str,
    pub(crate) remedy: &'static str,
}

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
        "remove the lines `---` and what follows the first document",
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

/// Tells the fault that the parser found.
pub(crate) fn fault(error: &serde_yaml::Error, text: &str) -> Fault {
    let message = error.to_string();
    let at = error.location().map_or(Place::START, |at| Place {
        line: at.line(),
        column: at.column(),
        length: 0,
    });
    // What the parser says of it is something else.
    if text.starts_with('\u{feff}') {
        let text = "the file begins with a byte order mark, with which connectors do not read it";
        let remedy = "save it as UTF-8 without one (BOM)";
        return Fault { place: Place::START, code: "byte-order-mark", text, remedy };
    }
    let Some((phrase, code, told, remedy)) =
        KNOWN.iter().find(|(phrase, ..)| message.contains(phrase))
    else {
        let remedy = "look at the line and the one before it: indentation, quotes, colons";
        let text = "this is no YAML that a connector reads";
        return Fault { place: at, code: "no-yaml", text, remedy };
    };
    // Where what is not finished began, which the parser's message has behind it.
    let begun = if *code == "unclosed-quote" { begun(&message, phrase) } else { None };
    let mut place = begun.unwrap_or(at);
    if place.length == 0 {
        place.length = rest_of_line(text, place);
    }
    Fault { place, code, text: told, remedy }
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

    use super::fault;

    #[test]
    fn a_fault_is_told_by_its_kind_and_not_by_the_text() {
        for (text, code, line) in [
            ("a: 1\nb: \"cnry\nc: 2\n", "unclosed-quote", 2),
            ("a: cnry: b\n", "unquoted-colon", 1),
            ("a: \"\\cnry\"\n", "unknown-escape", 1),
            ("a:\n\tcnry: 1\n", "bad-character", 2),
            ("a: @cnry\n", "bad-character", 1),
            ("cnry: 1\ncnry: 2\n", "repeated-key", 1),
            ("a: *cnry\n", "unknown-anchor", 1),
            ("a: cnry\n---\nb: 1\n", "several-documents", 1),
            ("a: \"x\"cnry\n", "bad-indentation", 1),
            ("\u{feff}a: cnry\nb: 1\n", "byte-order-mark", 1),
        ] {
            let error = serde_yaml::from_str::<Value>(text).expect_err(text);
            let fault = fault(&error, text);
            assert_eq!((fault.code, fault.place.line), (code, line), "{text}: {error}");
            assert!(!format!("{fault:?}").contains("cnry"));
        }
    }
}
