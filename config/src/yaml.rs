//! Parses YAML with the parser that connectors use, within bounds.
//!
//! `serde_yaml` bounds depth and nothing else: 220 KB with 40,000 aliases of one scalar become 3.9 GB.
//! So each value is counted before it is built.

use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde_yaml::value::{Tag, TaggedValue};
use serde_yaml::{Mapping, Value};

/// The most bytes that all nodes and scalars together may count.
pub(crate) const UNFOLDED_BYTES: usize = 4 << 20;

/// What a node counts besides its text: about the size of a `Value`.
const NODE: usize = 64;

/// The most flow brackets that may be open at once. The parser takes quadratic time for them (16,000
/// took a second) before it reaches its own limit of 128.
pub(crate) const OPEN_BRACKETS: usize = 512;

#[derive(Debug)]
pub(crate) enum YamlError {
    /// It unfolds to more than [`UNFOLDED_BYTES`].
    Budget,
    /// It has more than [`OPEN_BRACKETS`] open at once.
    Deep,
    Syntax(serde_yaml::Error),
}

/// Parses a text once, as `serde_yaml` would.
pub(crate) fn parse(text: &str) -> Result<Value, YamlError> {
    #[cfg(test)]
    tests::PARSED.set(tests::PARSED.get() + 1);
    if open_brackets(text) > OPEN_BRACKETS {
        return Err(YamlError::Deep);
    }
    let left = Cell::new(UNFOLDED_BYTES);
    let parser = serde_yaml::Deserializer::from_str(text);
    Build { left: &left }.deserialize(parser).map_err(|error| match left.get() {
        // Only an exhausted budget leaves nothing.
        0 => YamlError::Budget,
        _ => YamlError::Syntax(error),
    })
}

/// Whether a text is YAML, whatever it unfolds to: aliases are not followed.
pub(crate) fn is_well_formed(text: &str) -> bool {
    IgnoredAny::deserialize(serde_yaml::Deserializer::from_str(text)).is_ok()
}

/// The most brackets that are open at any place. Brackets in quotes and comments count too, which
/// only a hostile text has that many of.
fn open_brackets(text: &str) -> usize {
    let open = text.bytes().scan(0_usize, |open, byte| {
        match byte {
            b'[' | b'{' => *open += 1,
            b']' | b'}' => *open = open.saturating_sub(1),
            _ => {}
        }
        Some(*open)
    });
    open.max().unwrap_or(0)
}

/// Builds a value as `Value::deserialize` does, and counts it.
#[derive(Clone, Copy)]
struct Build<'a> {
    left: &'a Cell<usize>,
}

impl Build<'_> {
    fn spend<E: Error>(self, text: usize) -> Result<(), E> {
        let left = self.left.get().saturating_sub(NODE + text);
        self.left.set(left);
        if left == 0 { Err(E::custom("over the budget")) } else { Ok(()) }
    }

    fn node<E: Error>(self, value: impl Into<Value>) -> Result<Value, E> {
        self.spend(0)?;
        Ok(value.into())
    }
}

impl<'de> DeserializeSeed<'de> for Build<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Build<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.node(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.node(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.node(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.node(value)
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.node(Value::Null)
    }

    /// An empty document.
    fn visit_none<E: Error>(self) -> Result<Value, E> {
        self.node(Value::Null)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        self.spend(text.len())?;
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        self.spend(0)?;
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Value::Sequence(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        self.spend(0)?;
        let mut values = Mapping::new();
        while let Some(key) = map.next_key_seed(self)? {
            if values.contains_key(&key) {
                return Err(A::Error::custom("duplicate entry"));
            }
            values.insert(key, map.next_value_seed(self)?);
        }
        Ok(Value::Mapping(values))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Value, A::Error> {
        let (tag, content) = tagged.variant::<String>()?;
        self.spend(tag.len())?;
        if tag.is_empty() {
            return Err(A::Error::custom("an empty tag"));
        }
        let value = content.newtype_variant_seed(self)?;
        Ok(Value::Tagged(Box::new(TaggedValue { tag: Tag::new(tag), value })))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    use serde_yaml::Value;

    use super::{is_well_formed, parse};
    use crate::error::ConfigError;

    thread_local! {
        /// The texts that this test parsed.
        pub(crate) static PARSED: Cell<usize> = const { Cell::new(0) };
    }

    fn check(text: &str) -> Result<(), ConfigError> {
        parse(text).map(drop).map_err(|error| (&error).into())
    }

    #[test]
    fn ordinary_configurations_are_far_below_the_budget() {
        let list = "- a: 1\n  b: [x, -2, 3.5, true, null, ~]\n".repeat(1000);
        for text in ["", "a: 1", "!tag {a: b}", "a: !t x", "x: &a [1]\ny: *a", &list] {
            assert_eq!(check(text), Ok(()), "{text:.40}");
        }
    }

    #[test]
    fn aliases_count_as_often_as_they_are_used() {
        let scalar = format!("a: &a {}\nb: [{}]\n", "x".repeat(20_000), "*a,".repeat(10_000));
        assert_eq!(check(&scalar), Err(ConfigError::Budget));
        let mut levels = String::from("l0: &l0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let below = format!("*l{},", level - 1).repeat(9);
            levels += &format!("l{level}: &l{level} [{below}]\n");
        }
        assert_eq!(check(&levels), Err(ConfigError::Budget), "nine levels of nine aliases each");
    }

    #[test]
    fn e10_brackets_without_end_are_refused_before_the_parser_sees_them() {
        for unit in ["[", "{", "{a: ", "[? ", "- ["] {
            assert_eq!(check(&unit.repeat(60_000 / unit.len())), Err(ConfigError::Deep), "{unit}");
        }
        let closed = format!("a: [{}]", "[x], ".repeat(10_000));
        assert_eq!(check(&closed), Ok(()));
        assert_eq!(check(&format!("a: \"{}\"", "[".repeat(500))), Ok(()));
    }

    #[test]
    fn invalid_yaml_is_reported_with_its_place() {
        assert_eq!(check("a: [1\nb: 2"), Err(ConfigError::NotYaml { line: 2, column: 2 }));
        assert!(matches!(check(&"[".repeat(200)), Err(ConfigError::NotYaml { .. })));
        assert!(matches!(check("a: 1\n---\nb: 2"), Err(ConfigError::NotYaml { .. })));
    }

    #[test]
    fn a_text_is_parsed_as_by_serde_yaml_itself() {
        for text in [
            "",
            "a: 1",
            "a: [true, ~, -2, 3.5, 0x10, 18446744073709551615, .inf, '1', \"x\"]",
            "99999999999999999999999",
            "!t {a: !u b}",
            "a: !!str 1\nb: !!int x",
            "a: ! b",
            "a: 1\na: 2",
            "{[1]: 2, {a: b}: c}",
            "x: &a [1]\ny: *a",
            "x: &a {b: c}\ny: {<<: *a}",
            "a: *b",
            "a: 1\n---\nb: 2",
            "a: b: c",
        ] {
            match (parse(text), serde_yaml::from_str::<Value>(text)) {
                (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs, "{text}"),
                (Err(super::YamlError::Syntax(ours)), Err(theirs)) => {
                    let place = |error: &serde_yaml::Error| {
                        error.location().map(|at| (at.line(), at.column()))
                    };
                    assert_eq!(place(&ours), place(&theirs), "{text}: {ours}, {theirs}");
                }
                (ours, theirs) => panic!("{text}: {ours:?}, {theirs:?}"),
            }
        }
        assert!(is_well_formed("a: 1\na: 2") && !is_well_formed("a: b: c"));
    }
}
