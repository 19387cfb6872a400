//! Which lines of a text are indented wrong.
//!
//! The parser only says where it gave up. So other indentations are tried for the lines around that
//! place: the one that changes the fewest lines and can be parsed is the fix.

use std::ops::Range;

use fluvio_secret_protocol::check::Finding;

use crate::finding;
use crate::source_map::Location;
use crate::yaml::is_well_formed;

/// The most indentations that are tried: each try parses the whole text.
const INDENTATION_TRIES: usize = 24;

const BAD_INDENTATION: &str = "bad-indentation";

/// Finds the lines whose indentation keeps the parser from reading a text beyond a line.
pub(crate) fn find(text: &str, line: usize) -> Option<Finding> {
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    tabs(&lines).or_else(|| spaces(&lines, line))
}

/// Lines that are indented with tabs, if spaces in their place can be parsed.
fn tabs(lines: &[&str]) -> Option<Finding> {
    let is_tabbed = |line: &&str| whitespace(line).contains('\t') && !is_empty(line);
    let first = lines.iter().position(is_tabbed)?;
    let replaced = |width: usize| {
        let fixed = lines.iter().map(|line| {
            let (indent, rest) = line.split_at(whitespace(line).len());
            indent.replace('\t', &" ".repeat(width)) + rest
        });
        fixed.collect::<String>()
    };
    let width = [2, 4, 8, 1].into_iter().find(|&width| is_well_formed(&replaced(width)))?;
    let length = whitespace(lines[first]).chars().count();
    let place = Location { line: first + 1, column: 1, length };
    let text = format!("line {} is indented with a tab, but YAML allows only spaces", first + 1);
    let remedy = format!("replace each tab at the start of a line with {}", spaces_of(width));
    Some(finding::error(BAD_INDENTATION, place, text, remedy))
}

struct Try {
    lines: Range<usize>,
    indent: usize,
}

fn spaces(lines: &[&str], line: usize) -> Option<Finding> {
    // The parser may give up one line later, or at the end of the text.
    let at = last_before(lines, line.min(lines.len()))?;
    let mut tries = Vec::new();
    for start in [Some(at), last_before(lines, at)].into_iter().flatten() {
        let own = indent(lines[start]);
        for indent in indents(lines, start).into_iter().filter(|&indent| indent != own) {
            // A key with its values, the line alone, and all lines that are indented as much.
            let parts = [block(lines, start, own + 1), start..start + 1, block(lines, start, own)];
            let parts = parts.into_iter().enumerate();
            tries.extend(parts.map(|(order, lines)| (order, Try { lines, indent })));
        }
    }
    // One key with its values first. Sorting is stable, so nearer indentations stay first.
    tries.sort_by_key(|(order, one)| (*order, one.lines.len()));
    let mut tries = tries.into_iter().take(INDENTATION_TRIES).map(|(_, one)| one);
    let fix = tries.find(|one| is_well_formed(&one.apply(lines)))?;
    Some(fix.describe(lines))
}

/// The indentations of the lines around a line, nearest line first.
fn indents(lines: &[&str], at: usize) -> Vec<usize> {
    let before = (0..at).rev().filter(|&at| !is_empty(lines[at])).take(16);
    let mut found: Vec<_> = before.map(|at| indent(lines[at])).collect();
    let nearest = found.first().copied();
    let after = first_from(lines, at + 1).map(|at| indent(lines[at]));
    let second = found.len().min(1);
    found.splice(second..second, after);
    // The keys of an empty map that is opened on the line before.
    found.extend(nearest.map(|indent| indent + 2));
    let mut seen = Vec::new();
    found.retain(|indent| {
        let is_new = !seen.contains(indent);
        seen.push(*indent);
        is_new
    });
    found
}

/// A line and those below it that are indented by at least this.
fn block(lines: &[&str], start: usize, least: usize) -> Range<usize> {
    let is_out = |at: &usize| !is_empty(lines[*at]) && indent(lines[*at]) < least;
    let end = (start + 1..lines.len()).find(is_out).unwrap_or(lines.len());
    start..last_before(lines, end).map_or(start, |at| at.max(start)) + 1
}

/// The last line before this one that has a key or a value.
fn last_before(lines: &[&str], end: usize) -> Option<usize> {
    (0..end).rev().find(|&at| !is_empty(lines[at]))
}

/// The same forward, beginning with this line.
fn first_from(lines: &[&str], start: usize) -> Option<usize> {
    (start..lines.len()).find(|&at| !is_empty(lines[at]))
}

impl Try {
    fn apply(&self, lines: &[&str]) -> String {
        let own = indent(lines[self.lines.start]);
        let moved = lines.iter().enumerate().map(|(at, line)| {
            if !self.lines.contains(&at) || is_empty(line) {
                return (*line).to_owned();
            }
            let (spaces, rest) = line.split_at(indent(line));
            " ".repeat((spaces.len() + self.indent).saturating_sub(own)) + rest
        });
        moved.collect()
    }

    fn describe(&self, lines: &[&str]) -> Finding {
        let Range { start, end } = self.lines;
        let own = indent(lines[start]);
        let neighbors = [last_before(lines, start), first_from(lines, end)].into_iter().flatten();
        let neighbors = neighbors.map(|at| format!("line {} by {}", at + 1, indent(lines[at])));
        let neighbors = neighbors.collect::<Vec<_>>().join(" and ");
        let which = match end - start {
            1 => format!("line {end}"),
            _ => format!("lines {} to {end}", start + 1),
        };
        let line = start + 1;
        let text = format!("line {line} is indented by {}, but {neighbors}", spaces_of(own));
        let remedy = match (end - start, self.indent > own) {
            (1, _) => format!("indent {which} by {}", spaces_of(self.indent)),
            (_, true) => format!("indent {which} by {} more", spaces_of(self.indent - own)),
            (_, false) => format!("indent {which} by {} less", spaces_of(own - self.indent)),
        };
        let place = Location { line, column: 1, length: own };
        finding::error(BAD_INDENTATION, place, text, remedy)
    }
}

fn whitespace(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Whether a line has neither keys nor values.
fn is_empty(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

fn spaces_of(count: usize) -> String {
    match count {
        1 => "1 space".to_owned(),
        count => format!("{count} spaces"),
    }
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn the_line_that_is_indented_wrong_is_named_with_its_neighbors() {
        for (text, at, line, told, remedy) in [
            (
                "meta:\n  name: c\n   type: t\n  topic: t\n",
                3,
                3,
                "line 3 is indented by 3 spaces, but line 2 by 2 and line 4 by 2",
                "indent line 3 by 2 spaces",
            ),
            (
                "meta:\n  name: c\n type: t\n  topic: t\n",
                3,
                3,
                "line 3 is indented by 1 space, but line 2 by 2 and line 4 by 2",
                "indent line 3 by 2 spaces",
            ),
            (
                "meta:\n   name: c\n  type: t\n  topic: t\n",
                3,
                2,
                "line 2 is indented by 3 spaces, but line 1 by 0 and line 3 by 2",
                "indent line 2 by 2 spaces",
            ),
            (
                "meta:\n  a: {b: c}\n    d:\n      e: f\n  g: h\n",
                3,
                3,
                "line 3 is indented by 4 spaces, but line 2 by 2 and line 5 by 2",
                "indent lines 3 to 4 by 2 spaces less",
            ),
        ] {
            let found = find(text, at).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((found.text.as_str(), found.remedy.as_str()), (told, remedy), "{text}");
            assert_eq!(found.line, line, "{text}");
        }
    }

    #[test]
    fn a_fault_of_another_kind_is_not_explained_as_indentation() {
        for (text, line) in
            [("a: b: c\n", 1), ("a: 1\nb: \"c\" d\ne: 2\n", 2), ("a: [1\nb: 2\n", 2)]
        {
            assert_eq!(find(text, line), None, "{text}");
        }
    }
}
