//! The fonts of a line: what is typed is bold, as the backticks of our texts say.

use roff::{Inline, bold, roman};

/// A line of text, with what is between backticks in bold.
pub(crate) fn fonts(text: &str) -> Vec<Inline> {
    let parts = text.split('`').enumerate().filter(|(_, part)| !part.is_empty());
    parts.map(|(n, part)| if n % 2 == 1 { bold(part) } else { roman(part) }).collect()
}

#[cfg(test)]
mod tests {
    use roff::{bold, roman};

    use super::fonts;

    #[test]
    fn what_is_typed_is_bold() {
        assert_eq!(
            fonts("see `run`, `set`"),
            [roman("see "), bold("run"), roman(", "), bold("set")]
        );
    }
}
