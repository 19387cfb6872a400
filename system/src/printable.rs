//! Makes text safe to print on a terminal: the one home of this rule.
//!
//! Names of files and connectors, and notes, may come from anyone. A control character could drive the terminal,
//! and a bidirectional or invisible one could show another text than the real one.

use std::path::Path;

/// Characters that reorder or hide text: Unicode's bidirectional controls, its
/// `Default_Ignorable_Code_Point`s, and separators of lines.
const HIDING: [(u32, u32); 18] = [
    (0x00ad, 0x00ad),
    (0x034f, 0x034f),
    (0x061c, 0x061c),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    (0x2028, 0x2029),
    (0x202a, 0x202e),
    (0x2060, 0x206f),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfffb),
    (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a),
    (0xe0000, 0xe0fff),
];

/// Whether a character can reorder, hide or overwrite other text.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    c.is_control() || HIDING.iter().any(|&(first, last)| (first..=last).contains(&u32::from(c)))
}

/// A text of one line, with U+FFFD in place of each unsafe character.
#[must_use]
pub fn line(text: &str) -> String {
    text.replace(is_unsafe, "\u{fffd}")
}

/// A path as a part of a line.
#[must_use]
pub fn path(path: &Path) -> String {
    line(&path.display().to_string())
}

/// The same for a text of several lines. Line ends and tabs stay.
#[must_use]
pub fn lines(text: &str) -> String {
    text.replace(|c: char| is_unsafe(c) && c != '\n' && c != '\t', "\u{fffd}")
}

/// A JSON text with escapes in place of unsafe characters: a program reads the same, and a terminal is safe.
#[must_use]
pub fn json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) && (!c.is_ascii() || c == '\u{7f}') {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                safe += &format!("\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::{is_unsafe, json, line, lines};

    #[test]
    fn d18_what_reorders_or_hides_text_is_replaced() {
        for c in [
            '\u{1b}',
            '\u{7f}',
            '\u{9b}',
            '\u{ad}',
            '\u{61c}',
            '\u{200b}',
            '\u{200d}',
            '\u{200f}',
            '\u{202a}',
            '\u{202e}',
            '\u{2028}',
            '\u{2066}',
            '\u{2069}',
            '\u{3164}',
            '\u{feff}',
            '\u{fe0f}',
            '\u{e0041}',
            '\u{e0100}',
        ] {
            assert!(is_unsafe(c), "{c:?}");
            assert_eq!(line(&format!("a{c}b")), "a\u{fffd}b");
        }
        let plain = "Z\u{fc}rich \u{65e5}\u{672c} \u{645}\u{631} e\u{301} \u{1f600} \u{2026}";
        assert_eq!(line(plain), plain);
        assert_eq!(line("a\nb\tc"), "a\u{fffd}b\u{fffd}c");
        assert_eq!(lines("a\nb\tc\r"), "a\nb\tc\u{fffd}");
    }

    #[test]
    fn d18_programs_read_the_same_from_json_that_is_safe_to_print() {
        for text in ["a\u{202e}b", "\u{e0041}", "\u{1b}[2J", "\u{9b}x", "\u{7f}", "plain \u{fc}"] {
            let safe = json(&serde_json::to_string(text).expect("JSON"));
            assert!(!safe.contains(is_unsafe), "{safe:?}");
            assert_eq!(serde_json::from_str::<String>(&safe).expect("JSON"), text);
        }
    }
}
