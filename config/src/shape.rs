//! Whether values change more of a document than their own places.

use serde_yaml::{Mapping, Value};

/// What replaces a template while the shape of a document is found: a word that means nothing to YAML
/// and that no document has.
pub(crate) fn stand_in(template: usize) -> String {
    format!("xFluvioSecretStandIn{template}x")
}

/// Whether a document is the one with stand-ins, with the values in their places. `put` puts the values
/// into a text.
pub(crate) fn is_same(before: &Value, after: &Value, put: &dyn Fn(&str) -> String) -> bool {
    match (before, after) {
        (Value::String(before), Value::String(after)) => put(before) == *after,
        (Value::Sequence(before), Value::Sequence(after)) => {
            before.len() == after.len()
                && before.iter().zip(after).all(|(before, after)| is_same(before, after, put))
        }
        (Value::Mapping(before), Value::Mapping(after)) => is_same_map(before, after, put),
        (Value::Tagged(before), Value::Tagged(after)) => {
            before.tag == after.tag && is_same(&before.value, &after.value, put)
        }
        (before, after) => before == after,
    }
}

/// Maps keep the order of their text, so their entries can be compared one by one.
fn is_same_map(before: &Mapping, after: &Mapping, put: &dyn Fn(&str) -> String) -> bool {
    before.len() == after.len()
        && before.iter().zip(after).all(|((key, before), (other_key, after))| {
            is_same_key(key, other_key, put) && is_same(before, after, put)
        })
}

/// The text of a key counts: a lookup of `0` finds `0: a`, even if YAML reads a number.
fn is_same_key(before: &Value, after: &Value, put: &dyn Fn(&str) -> String) -> bool {
    match (before, after) {
        (Value::String(before), Value::Bool(after)) => put(before) == after.to_string(),
        (Value::String(before), Value::Number(after)) if after.is_finite() => {
            put(before) == after.to_string()
        }
        (before, after) => is_same(before, after, put),
    }
}

#[cfg(test)]
mod tests {
    use serde_yaml::Value;

    use super::{is_same, stand_in};

    fn same(document: &str, value: &str) -> bool {
        let parse = |text: &str| serde_yaml::from_str::<Value>(text).expect("YAML");
        let (before, after) = (document.replace('@', &stand_in(0)), document.replace('@', value));
        is_same(&parse(&before), &parse(&after), &|text| text.replace(&stand_in(0), value))
    }

    #[test]
    fn a_value_in_its_place_changes_nothing_else() {
        for document in ["a: @", "a: x@y", "a: \"@\"", "@: b", "- @\n- b", "a: !t @", "a: 1 # @"] {
            assert!(same(document, "abc"), "{document}");
        }
        assert!(same("@: b", "0") && same("@: b", "true"));
        for (document, value) in [
            ("@: b", "0x10"),
            ("@: b", ".inf"),
            ("a: @", "1"),
            ("a: @", "x #y"),
            ("a: @", ""),
            ("a: \"@\"", "a\\n"),
            ("a: @", "null"),
            ("a: @ ", " b"),
            ("[a, @]", "b, c"),
        ] {
            assert!(!same(document, value), "{document} {value}");
        }
    }
}
