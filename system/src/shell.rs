//! Words of a shell, for commands that you are advised to type.

use std::path::Path;

/// A string as a POSIX shell reads it back.
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The same, with quotes only if they are needed.
#[must_use]
pub fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) { text.to_owned() } else { quoted(text) }
}

/// A path that no program takes for an option.
#[must_use]
pub fn path(path: &Path) -> String {
    let text = path.display().to_string();
    word(&if text.starts_with('-') { format!("./{text}") } else { text })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{path, word};

    #[test]
    fn a_path_is_not_an_option() {
        assert_eq!(path(Path::new("-rf x")), "'./-rf x'");
        assert_eq!(path(Path::new("/-x")), "/-x");
    }

    #[test]
    fn a_shell_reads_back_the_same_string() {
        assert_eq!(word("cat-facts"), "cat-facts");
        assert_eq!(word("/home/\u{fc}/x_1.yaml"), "/home/\u{fc}/x_1.yaml");
        assert_eq!(word("two words"), "'two words'");
        assert_eq!(word("$(it's)"), "'$(it'\\''s)'");
        assert_eq!(word(""), "''");
    }
}
