//! The name of a topic, as a document has it.

use std::fmt;

use fluvio_secret_protocol::is_topic_name;

use crate::members::text_form::impl_text_form;

/// A name that a topic can have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TopicName(String);

impl TopicName {
    /// `None` unless a topic can have this name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        is_topic_name(text).then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl_text_form!(TopicName);
