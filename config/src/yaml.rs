//! Counts what a parse of YAML would hold, without holding it.
//!
//! `serde_yaml` bounds depth and nothing else: 220 KB with 40,000 aliases of one scalar become
//! 3.9 GB as a `Value`. This visitor walks the same events and only adds up.

use std::cell::Cell;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor};

use crate::ConfigError;

/// What all nodes and scalars together may come to.
pub(crate) const BYTES: usize = 4 << 20;

/// What a node counts besides its text: about what a `Value` takes.
const NODE: usize = 64;

/// How many flow brackets may be open at once, as far as a look at the bytes tells. The parser takes
/// quadratic time for them (16,000 took a second) before it comes to its own limit of 128.
pub(crate) const BRACKETS: usize = 512;

/// Refuses a text that would unfold to more than [`BYTES`].
pub(crate) fn check(text: &str) -> Result<(), ConfigError> {
    if open_brackets(text) > BRACKETS {
        return Err(ConfigError::Deep);
    }
    let left = Cell::new(BYTES);
    let counted = Count { left: &left }.deserialize(serde_yaml::Deserializer::from_str(text));
    match counted {
        Ok(()) => Ok(()),
        // The budget ends the walk by an error of its own; nothing else uses it up.
        Err(_) if left.get() == 0 => Err(ConfigError::Budget),
        Err(error) => Err(ConfigError::not_yaml(&error)),
    }
}

/// The most brackets that are open at any place. Brackets in quotes and comments count too, which
/// only a text that means harm has so many of.
fn open_brackets(text: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

#[derive(Clone, Copy)]
struct Count<'a> {
    left: &'a Cell<usize>,
}

impl Count<'_> {
    fn spend<E: Error>(self, text: usize) -> Result<(), E> {
        let left = self.left.get().saturating_sub(NODE + text);
        self.left.set(left);
        if left == 0 { Err(E::custom("over the budget")) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for Count<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Count<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.spend(0)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.spend(0)
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<(), E> {
        self.spend(0)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.spend(0)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<(), E> {
        self.spend(0)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.spend(0)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.spend(0)
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.spend(0)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.spend(text.len())
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<(), E> {
        self.spend(bytes.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.spend(0)?;
        while seq.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.spend(0)?;
        while map.next_key_seed(self)?.is_some() {
            map.next_value_seed(self)?;
        }
        Ok(())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<(), A::Error> {
        let ((), content) = tagged.variant_seed(self)?;
        content.newtype_variant_seed(self)
    }
}

#[cfg(test)]
mod tests {
    use super::{ConfigError, check};

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
    fn what_is_no_yaml_is_told_by_its_place() {
        assert_eq!(check("a: [1\nb: 2"), Err(ConfigError::NotYaml { line: 2, column: 2 }));
        assert!(matches!(check(&"[".repeat(200)), Err(ConfigError::NotYaml { .. })));
        assert!(matches!(check("a: 1\n---\nb: 2"), Err(ConfigError::NotYaml { .. })));
    }
}
