//! Names of Fluvio's topics.

use crate::limits;

/// Whether a topic can have this name: at most [`limits::TOPIC_BYTES`] lowercase letters, digits and `-`, which is neither the
/// first nor the last. Fluvio takes the labels of RFC 1123. So a name is no option of a program, and no path.
#[must_use]
pub fn is_topic_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=limits::TOPIC_BYTES).contains(&text.len())
        && text.bytes().all(is_allowed)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::is_topic_name;

    #[test]
    fn a_name_is_neither_an_option_nor_a_path() {
        for good in ["a", "fluvio-secrets", "fluvio-secrets-2", "1a", &"a".repeat(63)] {
            assert!(is_topic_name(good), "{good}");
        }
        let long = "a".repeat(64);
        for bad in ["", "-b", "b-", ".a", "a.2", "a b", "a/b", "A", "a\n", "a_b", "\u{e4}", &long] {
            assert!(!is_topic_name(bad), "{bad:?}");
        }
    }
}
