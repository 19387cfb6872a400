//! A file of JSON: one object with names and strings. Numbers, true and false are taken as they are written.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::bad_file::BadFile;
use super::content::SecretsFile;
use super::flat_map::{FlatMap, NO_MAP, NO_VALUE, NOT_FLAT, TextPosition};
use super::foreign::Looks;

const NOT_JSON: Looks = ("it is not valid JSON", "correct the file at this place");

pub(super) fn parse(text: &str) -> Result<SecretsFile, BadFile> {
    let Entries(entries) = serde_json::from_str(text).map_err(|error| {
        let at = TextPosition { line: error.line(), column: error.column() };
        at.refused(if error.classify() == Category::Data { NO_MAP } else { NOT_JSON })
    })?;
    let mut map = FlatMap::default();
    for (key, value) in entries {
        let at = position(text, key.get());
        // An escape may stand for half a character.
        let string = |raw: &RawValue| {
            serde_json::from_str::<String>(raw.get()).map_err(|_| at.refused(NOT_JSON))
        };
        let (value, is_quoted) = match value.get().as_bytes().first() {
            Some(b'"') => (string(value)?, true),
            Some(b'{' | b'[') => return Err(at.refused(NOT_FLAT)),
            Some(b'n') => return Err(at.refused(NO_VALUE)),
            _ => (value.get().to_owned(), false),
        };
        map.add(at, &string(key)?, value, is_quoted)?;
    }
    map.finish()
}

/// Where a part of a text begins.
fn position(text: &str, part: &str) -> TextPosition {
    let before = &text[..part.as_ptr().addr() - text.as_ptr().addr()];
    let line = before.rsplit('\n').next().unwrap_or_default();
    TextPosition { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
}

/// The keys and values of an object as they are written, repeated keys too.
struct Entries<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn secrets(text: &str) -> Vec<(String, String)> {
        let file = parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        file.secrets.iter().map(|(n, v)| (n.to_string(), text(v.expose()))).collect()
    }

    #[test]
    fn e15_strings_are_read_and_numbers_stay_as_they_are_written() {
        let text = r#"{
            "A": "a \"b\" \\ \/ \n \u00e9 \ud83d\ude00",
            "B": 1e5, "C": -0.10, "D": 12345678901234567890123, "E": true, "F": "", "\u0047": "g"
        }"#;
        let expected = [
            ("A", "a \"b\" \\ / \n \u{e9} \u{1f600}"),
            ("B", "1e5"),
            ("C", "-0.10"),
            ("D", "12345678901234567890123"),
            ("E", "true"),
            ("F", ""),
            ("G", "g"),
        ];
        assert_eq!(secrets(text), expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
        let file = parse(text).expect("a file");
        let notes: Vec<_> = file.notes().collect();
        assert_eq!(
            notes,
            ["lines 3, 3, 3, 3: numbers, true and false are taken as they are written"]
        );
        assert!(secrets("{}").is_empty());
    }

    #[test]
    fn e15_anything_else_refuses_the_file_with_its_place() {
        for (text, why) in [
            ("{\"A\": \"1\",\n \"B\": {\"C\": \"cnry\"}}", "line 2, column 2: it has a map"),
            ("{\"A\": [\"cnry\"]}", "line 1, column 2: it has a map or a list"),
            ("{\"A\": null}", "line 1, column 2: it has no value"),
            ("{\"A\": \"cnry\",\n\"A\": \"cnry\"}", "line 2, column 1: an earlier entry"),
            ("{\"A\": \"1\", \"\\u0041\": \"2\"}", "line 1, column 12: an earlier entry"),
            ("{\"A\": \"ENC[AES256_GCM,data:cnry]\"}", "encrypted by sops"),
            ("{\"A\": \"cnry", "it is not valid JSON"),
            ("{\"A\": \"1\"} cnry", "line 1, column 12: it is not valid JSON"),
            ("{\"A\": \"\\ud83d\"}", "line 1, column 2: it is not valid JSON"),
            ("{\"A\": cnry}", "it is not valid JSON"),
            ("[\"cnry\"]", "it is not a map"),
            ("\"cnry\"", "it is not a map"),
            ("", "it is not valid JSON"),
        ] {
            let error = parse(text).expect_err(text);
            let (shown, help) = (error.to_string(), error.help().unwrap_or_default());
            assert!(shown.contains(why), "{text}: {shown}");
            assert!(!format!("{shown}{help}{error:?}").contains("cnry"), "{shown}");
        }
        let error = parse("{\"A\": \"1\",\n\"B-C\": \"2\", \"cnry 1\": {}}").expect_err("a map");
        assert!(error.to_string().contains("line 2, column 13"), "{error}");
        let error =
            parse("{\"A\": \"1\",\n\"B-C\": \"2\",\n\"cnry 1\": \"3\"}").expect_err("names");
        assert!(error.to_string().starts_with("lines 2, 3: the key is not the name"), "{error}");
        let large = format!("{{\n\"A\": \"{}\"}}", "x".repeat((1 << 20) + 1));
        assert!(parse(&large).expect_err("large").to_string().starts_with("line 2: the value has"));
    }

    #[test]
    fn nesting_without_an_end_is_refused_quickly() {
        let deep = format!("{{\"A\": {}", "[".repeat(1 << 20));
        assert!(parse(&deep).is_err());
        let deep = format!("{{\"A\": {}{}}}", "[".repeat(1 << 20), "]".repeat(1 << 20));
        assert!(parse(&deep).is_err());
    }
}
