//! What a secrets file has in it.

use fluvio_secret_protocol::{Secret, SecretName};

use super::bad_file::lines;

/// What a file has. Numbers of lines begin with 1.
#[derive(Debug, Default)]
pub(crate) struct SecretsFile {
    pub(crate) secrets: Vec<(SecretName, Secret)>,
    /// Lines that begin with `#`: connectors would take them for secrets, people do not.
    pub(super) comments: Vec<usize>,
    /// Those of them that have a secret behind the `#`.
    pub(super) commented_out: Vec<usize>,
    /// Lines without `=`, which mean nothing.
    pub(super) meaningless: Vec<usize>,
    /// Lines whose name an earlier line has.
    pub(super) repeated: Vec<usize>,
    /// Lines whose value is in quotes, which are part of it.
    pub(super) quoted: Vec<usize>,
    /// Lines with what looks like a comment after the value, and is part of it.
    pub(super) remarks: Vec<usize>,
    /// Lines whose value has no quotes in JSON or YAML, and is a number or a boolean there.
    pub(super) typed: Vec<usize>,
    /// In a `.env`: the line of each secret, and what its rules made of the value.
    pub(super) changes: Vec<(usize, Change)>,
}

/// What the rules made of a value, besides taking it as it stands there.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Change {
    pub(super) quotes: bool,
    pub(super) comment: bool,
    pub(super) escapes: bool,
    pub(super) lines: bool,
    /// What kinds of characters the value begins and ends with.
    pub(super) ends: Option<(&'static str, &'static str)>,
}

impl Change {
    fn is_any(&self) -> bool {
        self.quotes || self.comment || self.escapes || self.lines
    }

    /// The change in words, such as `quotes removed (letter to digit)`. Never the value.
    fn describe(&self) -> String {
        let words = [
            (self.quotes, "quotes removed"),
            (self.comment, "comment removed"),
            (self.escapes, "escapes replaced"),
            (self.lines, "several lines"),
        ];
        let words: Vec<_> =
            words.iter().filter(|(is_so, _)| *is_so).map(|(_, word)| *word).collect();
        match self.ends {
            _ if words.is_empty() => String::new(),
            Some((first, last)) => format!("{} ({first} to {last})", words.join(", ")),
            None => format!("{} (empty)", words.join(", ")),
        }
    }
}

impl SecretsFile {
    /// Secrets that were in no file.
    pub(crate) fn of(secrets: Vec<(SecretName, Secret)>) -> Self {
        Self { secrets, ..Self::default() }
    }

    /// What to tell of lines that are not what they may seem.
    pub(crate) fn notes(&self) -> impl Iterator<Item = String> {
        let skipped = [
            (&self.comments, "skipped: a line that begins with # is a comment here"),
            (&self.meaningless, "skipped: a line without = has no value"),
            (&self.repeated, "skipped: an earlier line has the same name"),
            (&self.quoted, "the quotes are part of the value, as they are for connectors"),
            (&self.remarks, "the text after # is part of the value, as connectors read it"),
            (&self.typed, "numbers, true and false are taken as they are written"),
        ]
        .map(|(numbers, what)| (numbers.clone(), what));
        let changed = [
            (self.changed(|change| change.quotes), "quotes removed, by the rules of .env files"),
            (self.changed(|change| change.comment), "comment removed, by the rules of .env files"),
            (self.changed(|change| change.escapes), "escapes replaced, by the rules of .env files"),
        ];
        skipped
            .into_iter()
            .chain(changed)
            .filter(|(numbers, _)| !numbers.is_empty())
            .map(|(numbers, what)| format!("{}: {what}", lines(&numbers)))
    }

    fn changed(&self, is_wanted: impl Fn(&Change) -> bool) -> Vec<usize> {
        let wanted = self.changes.iter().filter(|(_, change)| is_wanted(change));
        wanted.map(|(number, _)| *number).collect()
    }

    /// Whether the rules of `.env` files were used.
    pub(crate) fn is_dotenv(&self) -> bool {
        !self.changes.is_empty()
    }

    /// What the rules of `.env` files made of each value, never the value itself.
    pub(crate) fn described_changes(&self) -> Vec<String> {
        self.changes.iter().map(|(_, change)| change.describe()).collect()
    }

    /// Whether the rules of `.env` files take each value as it stands there.
    pub(super) fn has_no_change(&self) -> bool {
        self.changes.iter().all(|(_, change)| !change.is_any())
    }

    /// Why not all that the file has is in its secrets, if so. An empty line holds none, nor does a comment
    /// in words.
    pub(crate) fn left_out(&self) -> Option<String> {
        let skipped = [&self.commented_out, &self.meaningless, &self.repeated];
        let mut skipped: Vec<_> = skipped.into_iter().flatten().copied().collect();
        skipped.sort_unstable();
        match (skipped.is_empty(), self.secrets.is_empty()) {
            (true, false) => None,
            (true, true) => Some("it has no secret".to_owned()),
            (false, _) => Some(format!("the text in {} would be lost", lines(&skipped))),
        }
    }
}
