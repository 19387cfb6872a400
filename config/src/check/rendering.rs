//! A configuration's text with values in the places of its templates, compared with the same text that
//! has stand-ins there.

use fluvio_secret_protocol::SecretName;
use serde_yaml::Value;
use zeroize::Zeroizing;

use super::values::TextValue;
use crate::parsed::Parsed;
use crate::render::render;
use crate::schema::judge;
use crate::shape::{is_same, stand_in};
use crate::template::{Template, templates};
use crate::yaml::{self, YamlError};

/// A longer rendered text is not parsed: that would cost too much.
const MOST_RENDERED: usize = 256 << 10;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    BadConfig,
    /// More than the value's own place changes.
    Changed,
    NoYaml,
    Same,
    TooLarge,
}

pub(super) struct Rendering<'a> {
    pub(super) document: &'a Parsed<'a>,
    pub(super) secrets: &'a [TextValue],
}

impl Rendering<'_> {
    pub(super) fn name_of(&self, index: usize) -> Option<&SecretName> {
        self.document.templates.get(index)?.lookup()
    }

    pub(super) fn value_of(&self, index: usize) -> &str {
        let name = self.name_of(index);
        let found = self.secrets.iter().find(|(known, _)| Some(known) == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// Whether only the templates themselves change, as in most files. Where the engine alters the text
    /// around one, stand-ins tell more.
    pub(super) fn is_as_written(&self) -> bool {
        let Parsed { text, templates, value, .. } = self.document;
        let put = |written: &str| {
            let mut put = written.to_owned();
            for (index, template) in templates.iter().enumerate() {
                put = put.replace(&text[template.from..template.to], self.value_of(index));
            }
            put
        };
        self.parse(text, templates, &|_| true)
            .is_ok_and(|after| judge(&after).is_ok() && is_same(value, &after, &put))
    }

    /// The document with a stand-in in each place.
    pub(super) fn stand_ins(&self) -> Option<Value> {
        self.parse(self.document.text, &self.document.templates, &|_| false).ok()
    }

    /// What becomes of the document when these templates have their values, and the others stand-ins.
    pub(super) fn outcome(&self, before: &Value, has_value: &dyn Fn(usize) -> bool) -> Outcome {
        let Parsed { text, templates, .. } = self.document;
        match self.parse(text, templates, has_value) {
            Err(outcome) => outcome,
            Ok(after) if judge(&after).is_err() => Outcome::BadConfig,
            Ok(after) => match is_same(before, &after, &|text| self.put(text, has_value)) {
                true => Outcome::Same,
                false => Outcome::Changed,
            },
        }
    }

    pub(super) fn parse(
        &self,
        text: &str,
        templates: &[Template],
        has_value: &dyn Fn(usize) -> bool,
    ) -> Result<Value, Outcome> {
        let stand_ins: Vec<_> = (0..templates.len()).map(stand_in).collect();
        let value = |index: usize, _: &SecretName| match has_value(index) {
            true => self.value_of(index),
            false => stand_ins[index].as_str(),
        };
        let of_values: usize = (0..templates.len())
            .filter(|&index| has_value(index))
            .map(|i| self.value_of(i).len())
            .sum();
        if text.len() + of_values > MOST_RENDERED {
            return Err(Outcome::TooLarge);
        }
        let rendered = Zeroizing::new(render(text, templates, value));
        yaml::parse(&rendered).map_err(|error| match error {
            YamlError::Syntax(_) => Outcome::NoYaml,
            YamlError::Budget | YamlError::Deep => Outcome::TooLarge,
        })
    }

    fn put(&self, text: &str, has_value: &dyn Fn(usize) -> bool) -> String {
        let mut text = text.to_owned();
        for index in (0..self.document.templates.len()).filter(|&index| has_value(index)) {
            let stand_in = stand_in(index);
            if text.contains(&stand_in) {
                text = text.replace(&stand_in, self.value_of(index));
            }
        }
        text
    }

    /// A remedy that has been tried out.
    pub(super) fn remedy(&self, before: &Value, index: usize) -> String {
        let Some(name) = self.name_of(index) else { return String::new() };
        for (quote, word) in [('"', "double"), ('\'', "single")] {
            if self.works_in(before, index, quote) {
                return format!("put it in {word} quotes: {quote}${{{{ secrets.{name} }}}}{quote}");
            }
        }
        format!(
            "write `secret: {{name: {name}}}` here if the connector reads a secret in this place, or set another value"
        )
    }

    /// Whether the template works in these quotes, if it is a whole string.
    fn works_in(&self, before: &Value, index: usize, quote: char) -> bool {
        let Parsed { text, templates: all, .. } = self.document;
        let template = &all[index];
        let (head, tail) = (&text[..template.from], &text[template.to..]);
        let (head, tail) = without_quotes(head, tail);
        let is_alone = head.ends_with([' ', '[', ',', '-'])
            && (tail.is_empty() || tail.starts_with(['\n', '\r', ',', ']', '}']));
        if !is_alone {
            return false;
        }
        let quote = quote.to_string();
        let quoted = [head, &quote, &text[template.from..template.to], &quote, tail].concat();
        let only = |other: usize| other == index;
        self.parse(&quoted, &templates(&quoted), &only)
            .is_ok_and(|after| is_same(before, &after, &|text| self.put(text, &only)))
    }
}

fn without_quotes<'a>(head: &'a str, tail: &'a str) -> (&'a str, &'a str) {
    for quote in ['"', '\''] {
        if let (Some(head), Some(tail)) = (head.strip_suffix(quote), tail.strip_prefix(quote)) {
            return (head, tail);
        }
    }
    (head, tail)
}
