//! The name of a topic, as a document has it.

use std::fmt;

use fluvio_secret_protocol::limits;

use crate::members::text_form::impl_text_form;

/// A name that a topic can have. It is passed to programs, so it is no option for them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TopicName(String);

impl TopicName {
    /// `None` unless it has lowercase letters, digits, `-` and `.`, and begins with a letter or a digit.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_valid = text.len() <= limits::TOPIC_BYTES
            && text.bytes().next().is_some_and(is_plain)
            && text.bytes().all(|byte| is_plain(byte) || matches!(byte, b'-' | b'.'));
        is_valid.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl_text_form!(TopicName);

#[cfg(test)]
mod tests {
    use super::TopicName;

    #[test]
    fn a_name_is_neither_an_option_nor_a_path() {
        for good in ["a", "fluvio-secrets", "fluvio-secrets.2", "1a", &"a".repeat(63)] {
            assert!(TopicName::parse(good).is_some(), "{good}");
        }
        for bad in ["", "-B", ".a", "a b", "a/b", "A", "a\n", "\u{e4}", &"a".repeat(64)] {
            assert!(TopicName::parse(bad).is_none(), "{bad:?}");
        }
    }
}
