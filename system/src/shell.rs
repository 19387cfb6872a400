//! Words of a shell, for commands that people are told to type.

/// A text as a shell reads it back (POSIX shell, quoting).
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The same, without quotes where none are needed.
#[must_use]
pub fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) { text.to_owned() } else { quoted(text) }
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn a_shell_reads_back_what_was_meant() {
        assert_eq!(word("cat-facts"), "cat-facts");
        assert_eq!(word("/home/\u{fc}/x_1.yaml"), "/home/\u{fc}/x_1.yaml");
        assert_eq!(word("two words"), "'two words'");
        assert_eq!(word("$(it's)"), "'$(it'\\''s)'");
        assert_eq!(word(""), "''");
    }
}
