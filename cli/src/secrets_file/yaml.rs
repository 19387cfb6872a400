//! A file of YAML: one map with names and strings. A value without quotes is taken as it is written, so no
//! version of YAML makes a number or a boolean of it.
//!
//! It is read by its events: a parser to values would have lost how a number was written, and where it was.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::bad_file::BadFile;
use super::content::SecretsFile;
use super::flat_map::{FlatMap, NO_MAP, NO_VALUE, NOT_FLAT, TextPosition};
use super::foreign::{self, Looks};

const NOT_YAML: Looks = ("it is not valid YAML", "correct the file at this place");
const SEVERAL_DOCUMENTS: Looks =
    ("a second document begins here", "write all secrets into one document, without ---");
const TAGGED: Looks = ("it has a tag, like !name", "remove the tag, and put the value in quotes");
const ALIASED: Looks = ("it refers to another value with *", "write the value itself");

pub(super) fn parse(text: &str) -> Result<SecretsFile, BadFile> {
    let mut map = FlatMap::default();
    let mut events = Events { parser: Parser::new_from_str(text) };
    let mut documents = 0;
    while let Some((event, at)) = events.next()? {
        match event {
            Event::DocumentStart(_) if documents > 0 => return Err(at.refused(SEVERAL_DOCUMENTS)),
            Event::DocumentStart(_) => documents += 1,
            Event::MappingStart(_, None) => events.read_entries(&mut map)?,
            Event::MappingStart(..) => return Err(at.refused(TAGGED)),
            Event::Scalar(text, ScalarStyle::Plain, ..) if is_null(&text) => {}
            Event::Scalar(..) | Event::SequenceStart(..) | Event::Alias(_) => {
                return Err(at.refused(NO_MAP));
            }
            _ => {}
        }
    }
    let mut file = map.finish()?;
    file.commented_out = commented_out(text);
    Ok(file)
}

struct Events<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
}

impl<'a> Events<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, TextPosition)>, BadFile> {
        match self.parser.next() {
            None => Ok(None),
            Some(Ok((event, span))) => Ok(Some((event, position(span)))),
            Some(Err(error)) => {
                let (line, column) = (error.marker().line(), error.marker().col() + 1);
                Err(TextPosition { line, column }.refused(NOT_YAML))
            }
        }
    }

    /// Reads to the end of the map that has begun.
    fn read_entries(&mut self, map: &mut FlatMap) -> Result<(), BadFile> {
        while let Some((event, at)) = self.next()? {
            let name = match event {
                Event::MappingEnd => return Ok(()),
                event => scalar(event, at)?.0,
            };
            let Some((event, _)) = self.next()? else { break };
            let (value, style) = scalar(event, at)?;
            let is_plain = style == ScalarStyle::Plain;
            if is_plain && is_null(&value) {
                return Err(at.refused(NO_VALUE));
            }
            map.add(at, &name, value, !is_plain)?;
        }
        Ok(())
    }
}

fn position(span: Span) -> TextPosition {
    TextPosition { line: span.start.line(), column: span.start.col() + 1 }
}

/// A key or a value. What is wrong with it is reported at the key.
fn scalar(event: Event<'_>, at: TextPosition) -> Result<(String, ScalarStyle), BadFile> {
    match event {
        Event::Scalar(text, style, _, None) => Ok((text.into_owned(), style)),
        Event::Scalar(..) => Err(at.refused(TAGGED)),
        Event::Alias(_) => Err(at.refused(ALIASED)),
        _ => Err(at.refused(NOT_FLAT)),
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// The lines with a comment that may have a secret in it.
fn commented_out(text: &str) -> Vec<usize> {
    let lines = text.lines().enumerate();
    let with_secret = lines.filter(|(_, line)| {
        let comment = line.split_once('#').map(|(_, comment)| comment);
        comment.is_some_and(|text| text.contains(": ") || foreign::comments_out(text))
    });
    with_secret.map(|(index, _)| index + 1).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::parse;

    fn secrets(text: &str) -> BTreeMap<String, String> {
        let file = parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        file.secrets.iter().map(|(n, v)| (n.to_string(), text(v.expose()))).collect()
    }

    /// Each value is a string to every reader, so what another one reads is the same.
    #[test]
    fn e15_what_is_read_is_what_another_reader_reads() {
        for text in [
            "A: b\nB: 'it''s'\nC: \"d\\n\\u00e9 \\\"e\\\"\"\n",
            "---\nA: a b # note\nB: x#y\n...\n",
            "PEM: |\n  -----BEGIN KEY-----\n  MII=\n\n  -----END KEY-----\nB: |-\n  x\n  y\nC: |+\n  x\n\n",
            "A: >\n  one\n  two\n\n  three\nB: >-\n  x\n    y\n  z\n",
            "A: one\n  two\nB: 'one\n  two\n\n  three'\nC: \"one\\\n  two\"\n",
            "{\"A\": \"b\", 'B': 'c', C: d}\n",
            "A: &x b\n? B\n: c\n",
            "A: https://u:p@h/?a=b&c=%20\nB: 'a: b'\nC: \"\"\nD: -x\nE: a,b\n",
            "\"A\": b\r\nB: |\r\n  c\r\n  d\r\n",
            "# A: b\n\nB: c\n",
        ] {
            let expected: BTreeMap<String, String> = yaml_serde::from_str(text).expect(text);
            assert_eq!(secrets(text), expected, "{text}");
        }
    }

    #[test]
    fn e15_a_value_without_quotes_stays_as_it_is_written() {
        for value in ["0123", "1_000", "1e5", "0x1F", "yes", "True", "12:30:45", "1.10", ".5"] {
            let text = format!("A: x\nB: {value}\n");
            assert_eq!(secrets(&text)["B"], value);
        }
        let file = parse("A: 1\nB: yes\nC: '1'\nD: x\n").expect("a file");
        let notes: Vec<_> = file.notes().collect();
        assert_eq!(notes, ["lines 1, 2: numbers, true and false are taken as they are written"]);
        assert!(secrets("").is_empty() && secrets("# nothing\n").is_empty());
    }

    #[test]
    fn e15_anything_else_refuses_the_file_with_its_place() {
        for (text, why) in [
            ("A: b\nB:\n  C: cnry\n", "line 2, column 1: it has a map"),
            ("A:\n  - cnry\n", "line 1, column 1: it has a map or a list"),
            ("A: [cnry]\n", "line 1, column 1: it has a map or a list"),
            ("[a, b]: cnry\n", "it has a map or a list"),
            ("A: b\nB:\n", "line 2, column 1: it has no value"),
            ("A: ~\n", "line 1, column 1: it has no value"),
            ("A: cnry\nA: cnry\n", "line 2, column 1: an earlier entry"),
            ("A: &x cnry\nB: *x\n", "line 2, column 1: it refers"),
            ("A: !vault |\n  cnry\n", "line 1, column 1: it has a tag"),
            ("A: !!binary Y25yeQ==\n", "line 1, column 1: it has a tag"),
            ("!x\nA: cnry\n", "it has a tag"),
            ("A: cnry\n---\nB: cnry\n", "line 2, column 1: a second document"),
            ("A: ENC[AES256_GCM,data:cnry]\n", "encrypted by sops"),
            ("A: \"cnry\n", "it is not valid YAML"),
            ("A: cnry: cnry\n", "it is not valid YAML"),
            ("- cnry\n", "it is not a map"),
            ("cnry\n", "it is not a map"),
        ] {
            let error = parse(text).expect_err(text);
            let (shown, help) = (error.to_string(), error.help().unwrap_or_default());
            assert!(shown.contains(why), "{text}: {shown}");
            assert!(!format!("{shown}{help}{error:?}").contains("cnry"), "{shown}");
        }
        let error = parse("A: b\nB-C: d\n<<: e\n").expect_err("names");
        assert!(error.to_string().starts_with("lines 2, 3: the key is not the name"), "{error}");
    }

    #[test]
    fn a_comment_with_a_secret_keeps_the_file() {
        let left_out = |text: &str| parse(text).expect("a file").left_out();
        assert_eq!(left_out("# of the weather API\nA: b\n"), None);
        for text in ["# B: c\nA: b\n", "#B=c\nA: b\n", "A: b # before: c\n"] {
            assert_eq!(
                left_out(text).expect("a line"),
                "the text in line 1 would be lost",
                "{text}"
            );
        }
    }

    #[test]
    fn nesting_and_aliases_without_an_end_are_refused_quickly() {
        for text in [
            format!("A: {}\n", "[".repeat(1 << 20)),
            format!("{}\n", "{A: ".repeat(1 << 18)),
            format!("{}A: b\n", "? ".repeat(1 << 18)),
        ] {
            assert!(parse(&text).is_err());
        }
    }
}
