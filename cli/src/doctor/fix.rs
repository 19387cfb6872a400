//! Commands that fix what a check found.

use std::fmt;
use std::path::Path;

use fluvio_secret_protocol::SecretName;
use fluvio_secret_system::shell;
use serde::Serialize;

/// A command for a shell. It is made of words, so a path is one word, whatever its characters are.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Fix(String);

impl Fix {
    /// A command whose words need no quotes, or have them.
    pub(super) fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }

    /// The same command with another word.
    pub(super) fn path(mut self, path: &Path) -> Self {
        self.0 += " ";
        self.0 += &shell::path(path);
        self
    }

    /// The same command with more words, which need no quotes.
    pub(super) fn words(self, words: &str) -> Self {
        Self(format!("{self} {words}"))
    }

    /// This command, and another one if it succeeds.
    pub(super) fn and(self, then: &Self) -> Self {
        Self(format!("{self} && {then}"))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn move_away(path: &Path) -> Self {
        let word = shell::path(path);
        Self(format!("mv {word} {word}.away"))
    }
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The names of secrets in a message of the daemon: in backticks, or as names of files and directories.
pub(super) fn names_in(message: &str) -> Vec<SecretName> {
    let quoted = message.split('`').skip(1).step_by(2);
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let files = message.match_indices(".age").map(|(at, _)| {
        let before = &message[..at];
        before.rsplit(|c| !is_of_name(c)).next().unwrap_or_default()
    });
    // `.history/NAME` in the vault, and `history/ID/NAME` in the data directory.
    let below = message.split("history/").skip(1).flat_map(|rest| rest.split('/').take(2));
    let below = below.map(|rest| rest.split(|c| !is_of_name(c)).next().unwrap_or_default());
    quoted.chain(files).chain(below).filter_map(|name| name.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Fix, names_in};

    #[test]
    fn a_path_is_one_word_of_a_command() {
        let fix = Fix::new("git -C").path(Path::new("/it's")).and(&Fix::new("true"));
        assert_eq!(fix.to_string(), r"git -C '/it'\''s' && true");
        assert_eq!(Fix::move_away(Path::new("/a b")).to_string(), "mv '/a b' '/a b'.away");
    }

    #[test]
    fn names_are_found_in_messages_of_the_daemon() {
        let names = |message| {
            names_in(message).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names("`A` is damaged: /v/A.age (it holds the secret `B`)"), "A B A");
        assert_eq!(names("/v/.history/C/3.age and /v/D.age; use `age -d`"), "D C");
        assert_eq!(
            names("/data/history/0a-1b/C is a link, /data/history/1c-2d/D/2.age too"),
            "C D"
        );
    }
}
