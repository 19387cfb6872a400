//! Commands that fix what a check found.

use std::fmt;
use std::path::Path;

use fluvio_secret_protocol::{ClientError, Refusal, SecretName};
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
        self.0 += &shell::word(&path.display().to_string());
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
        let word = shell::word(&path.display().to_string());
        Self(format!("mv {word} {word}.away"))
    }
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The mark before the command in a message.
const MARK: &str = " with: ";

/// Why a request failed, and the command that helps.
pub(super) fn cause_and_fix(error: &ClientError) -> (String, Option<Fix>) {
    let whole = error.to_string();
    let (cause, command) = match error {
        ClientError::Refused(refusal) if refusal.next.contains(MARK) => {
            let cause = Refusal { next: String::new(), ..refusal.clone() };
            let command = refusal.next.split_once(MARK).map(|(_, command)| command.to_owned());
            (Some(cause.to_string()), command)
        }
        ClientError::Place(error) => {
            let help = error.help();
            let cause = whole.strip_suffix(&format!("; {help}")).map(str::to_owned);
            (cause, help.command)
        }
        // The message of a daemon that does not start is one text, and so are some refusals.
        _ => match split(&whole) {
            Some((cause, command)) => (Some(cause.to_owned()), Some(command.to_owned())),
            None => (None, None),
        },
    };
    match (cause, command) {
        (Some(cause), Some(command)) => (cause, Some(Fix::new(command))),
        _ => (whole, None),
    }
}

/// Splits a message that ends with `; fix it with: COMMAND`. A path in it may have the same words, but what
/// follows them there is not a whole command.
fn split(message: &str) -> Option<(&str, &str)> {
    message.match_indices(MARK).find_map(|(at, mark)| {
        let command = &message[at + mark.len()..];
        let (cause, _advice) = message[..at].rsplit_once("; ")?;
        is_command(command).then_some((cause, command))
    })
}

/// Whether a text is a command whose words have quotes where they need them.
fn is_command(text: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || " /._-+=".contains(c);
    let mut is_quoted = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            '\\' if chars.next().is_some() => {}
            c if is_plain(c) => {}
            _ => return false,
        }
    }
    !is_quoted
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
    use std::path::{Path, PathBuf};

    use fluvio_secret_protocol::{ClientError, Code, Refusal, StartError};
    use fluvio_secret_system::places::PlaceError;
    use fluvio_secret_system::private::PrivateError;

    use super::{Fix, cause_and_fix, names_in};

    #[test]
    fn the_command_of_an_error_is_whole_whatever_a_path_in_it_is() {
        for path in ["/s", "/it's", "/a with: b", "/a; fix it with: chmod 0700 /", "/a with: 'b"] {
            let quoted = format!("'{}'", path.replace('\'', "'\\''"));
            let wide = PrivateError::Wide { path: PathBuf::from(path), mode: 0o755, wanted: 0o700 };
            let place = PlaceError::from(wide);
            let reason = place.to_string();
            let cause = format!("others may use {path} (mode 0755)");
            let command = Some(Fix::new(format!("chmod 0700 {quoted}")));
            assert_eq!(
                cause_and_fix(&ClientError::Place(place)),
                (cause.clone(), command.clone()),
                "{path}"
            );
            let (text, fix) = cause_and_fix(&ClientError::Start(StartError::Failed { reason }));
            assert!(text.ends_with(&cause), "{path}: {text}");
            assert_eq!(fix, command, "{path}");
            let next = format!("remove it with: rm {quoted}");
            let refused = ClientError::Refused(Refusal::new(Code::Storage, "it is bad", next));
            let command = Some(Fix::new(format!("rm {quoted}")));
            let expected = ("it is bad".to_owned(), command);
            assert_eq!(cause_and_fix(&refused), expected, "{path}");
            let text = format!("it is bad; remove it with: rm {quoted}");
            let refused = ClientError::Refused(Refusal::new(Code::Storage, text, ""));
            assert_eq!(cause_and_fix(&refused), expected, "{path}");
        }
    }

    #[test]
    fn an_error_without_a_command_is_one_text() {
        for next in ["", "stop it", "it begins with: ("] {
            let reason = format!("it hangs; {next}");
            let error = ClientError::Start(StartError::Failed { reason });
            assert_eq!(cause_and_fix(&error), (error.to_string(), None));
        }
    }

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
