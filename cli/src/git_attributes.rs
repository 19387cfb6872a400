//! The lines in git's file of attributes that name the files of a vault's secrets.

/// The attribute that has git call our driver.
pub(crate) const MERGE_ATTRIBUTE: &str = "merge=fluvio-secret";

/// The patterns in a vault: secrets, and the marks of removals.
const PATTERNS: [&str; 3] = ["*.age", ".deleted/*.age", ".purged/*.age"];

/// The text of a file with the lines of a vault, if they are missing there. `directory` is the vault's, from the top of
/// the work tree; it is empty, or ends with a slash. Lines of the same vault in a directory that it has left are
/// removed.
pub(crate) fn with_lines(
    text: &[u8],
    directory: &str,
    id: &str,
    is_there: impl Fn(&str) -> bool,
) -> Option<Vec<u8>> {
    let heading = format!("# fluvio-secret: the vault {id}\n");
    let ours =
        [heading.clone()].into_iter().chain(PATTERNS.map(|pattern| line(directory, pattern)));
    let ours: String = ours.collect();
    let (mut kept, mut has_ours) = (Vec::new(), false);
    let mut lines = text.split_inclusive(|&byte| byte == b'\n').peekable();
    while let Some(first) = lines.next() {
        if first != heading.as_bytes() {
            kept.extend_from_slice(first);
            continue;
        }
        let mut block = first.to_vec();
        let mut found = None;
        for _ in PATTERNS {
            let Some(line) = lines.next_if(|line| is_ours(line)) else { break };
            found = found.or_else(|| directory_of(line));
            block.extend_from_slice(line);
        }
        let is_same = block == ours.as_bytes();
        let is_of_copy = found.is_some_and(|found| found != directory && is_there(&found));
        if is_of_copy || is_same && !has_ours {
            kept.extend(block);
        }
        has_ours |= is_same;
    }
    if !has_ours {
        if kept.last().is_some_and(|&last| last != b'\n') {
            kept.push(b'\n');
        }
        kept.extend_from_slice(ours.as_bytes());
    }
    (kept != text).then_some(kept)
}

fn line(directory: &str, pattern: &str) -> String {
    format!("{} {MERGE_ATTRIBUTE}\n", quoted(&format!("/{}{pattern}", escaped(directory))))
}

fn is_ours(line: &[u8]) -> bool {
    line.trim_ascii_end().ends_with(MERGE_ATTRIBUTE.as_bytes())
}

/// A path as a pattern that matches nothing else.
fn escaped(path: &str) -> String {
    let escape = |c: char| if r"\*?[".contains(c) { format!("\\{c}") } else { c.to_string() };
    path.chars().map(escape).collect()
}

/// A pattern as gitattributes(5) wants it: in quotes as in C, if they are needed.
fn quoted(pattern: &str) -> String {
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !r#"\""#.contains(c);
    if pattern.chars().all(is_plain) {
        return pattern.to_owned();
    }
    let escape = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_ascii_control() => format!("\\{:03o}", u32::from(c)),
        c => c.to_string(),
    };
    format!("\"{}\"", pattern.chars().map(escape).collect::<String>())
}

/// The directory in a line that [`line`] has made.
fn directory_of(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok()?;
    let pattern = line.trim_end().strip_suffix(MERGE_ATTRIBUTE)?.trim_end();
    let pattern = match pattern.strip_prefix('"') {
        Some(rest) => unquoted(rest.strip_suffix('"')?)?,
        None => pattern.to_owned(),
    };
    let path = pattern.strip_prefix('/')?.strip_suffix(PATTERNS[0])?;
    let mut chars = path.chars();
    let mut found = String::new();
    while let Some(c) = chars.next() {
        found.push(if c == '\\' { chars.next()? } else { c });
    }
    Some(found)
}

fn unquoted(text: &str) -> Option<String> {
    let mut chars = text.chars();
    let mut found = String::new();
    while let Some(c) = chars.next() {
        let plain = match c {
            '\\' => match chars.next()? {
                first @ '0'..='3' => {
                    let digits: String = [first, chars.next()?, chars.next()?].iter().collect();
                    char::from(u8::from_str_radix(&digits, 8).ok()?)
                }
                other => other,
            },
            other => other,
        };
        found.push(plain);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::with_lines;

    const ID: &str = "00112233445566778899aabbccddeeff";

    fn block(directory: &str) -> String {
        let text = with_lines(b"", directory, ID, |_| false).expect("new lines");
        String::from_utf8(text).expect("text")
    }

    fn changed(text: &str, directory: &str, is_there: bool) -> Option<String> {
        let text = with_lines(text.as_bytes(), directory, ID, |_| is_there);
        text.map(|text| String::from_utf8(text).expect("text"))
    }

    #[test]
    fn the_patterns_are_below_the_top_of_the_work_tree() {
        assert_eq!(
            block("web/.fluvio-secret/"),
            "\
# fluvio-secret: the vault 00112233445566778899aabbccddeeff
/web/.fluvio-secret/*.age merge=fluvio-secret
/web/.fluvio-secret/.deleted/*.age merge=fluvio-secret
/web/.fluvio-secret/.purged/*.age merge=fluvio-secret
"
        );
        assert!(block("").contains("\n/*.age merge=fluvio-secret\n"));
        assert!(block("a b/").contains("\n\"/a b/*.age\" merge"));
        assert!(block("a\"[b]\\\n/").contains(r#""/a\"\\[b]\\\\\012/*.age" merge"#));
        assert!(block("\u{fc}*/").contains("\n\"/\u{fc}\\\\*/*.age\" merge"));
    }

    #[test]
    fn other_lines_stay_and_ours_come_once() {
        let ours = block("x/");
        for (before, after) in [
            ("", ours.clone()),
            ("*.md text\n", format!("*.md text\n{ours}")),
            ("*.md text", format!("*.md text\n{ours}")),
            ("a merge=fluvio-secret\n", format!("a merge=fluvio-secret\n{ours}")),
        ] {
            assert_eq!(changed(before, "x/", false).as_ref(), Some(&after), "{before}");
            assert_eq!(changed(&after, "x/", false), None, "{before}");
            assert_eq!(changed(&after, "x/", true), None, "{before}");
            let more = format!("{after}*.rs text");
            assert_eq!(changed(&more, "x/", true), None, "{before}");
        }
        assert_eq!(changed(&format!("{ours}{ours}"), "x/", true), Some(ours));
    }

    #[test]
    fn the_lines_of_a_vault_that_moved_are_replaced() {
        for directory in ["", "x/", "a b/", "\t\u{fc}\"\\*?[]\n/", "#/", "\\/"] {
            let before = format!("a\n{}b\n", block(directory));
            let after = format!("a\nb\n{}", block("new/"));
            assert_eq!(changed(&before, "new/", false), Some(after), "{directory}");
            // A copy of the vault stays where it is.
            let both = format!("{before}{}", block("new/"));
            assert_eq!(changed(&before, "new/", true), Some(both), "{directory}");
            let found = with_lines(before.as_bytes(), "new/", ID, |found| found == directory);
            assert!(found.is_some_and(|text| text.starts_with(before.as_bytes())), "{directory}");
        }
        let other = block("x/").replace(ID, "another");
        assert_eq!(changed(&other, "x/", false), Some(format!("{other}{}", block("x/"))));
        // A line of the user's own below ours.
        let own = format!("{}a merge=fluvio-secret\n", block("x/"));
        let kept = format!("a merge=fluvio-secret\n{}", block("new/"));
        assert_eq!(changed(&own, "new/", false), Some(kept));
        // Lines that are not whole.
        let part = block("x/").replace("/x/.purged/*.age merge=fluvio-secret\n", "");
        assert_eq!(changed(&part, "x/", false), Some(block("x/")));
    }
}
