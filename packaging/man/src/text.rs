//! Texts in the form of our helps, as parts of a page.
//!
//! A line `Usage: …` is the synopsis. A line `Heading:` begins a section, in which an indented line is
//! `term  what it means`, or a term alone with its meaning further in below it. Under `Example:` every
//! line is as it is typed. Other lines are paragraphs.

use roff::{Roff, bold, roman};

use crate::words::fonts;

/// Where a line stands.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Place {
    /// Behind an empty line.
    Gap,
    /// In a paragraph, or directly below a heading.
    Text,
    /// In the meaning of a term.
    Term,
    /// In an example.
    Example,
}

/// Writes a text whose headings are sections of the page.
pub(crate) fn write(roff: &mut Roff, text: &str) {
    // A help says what the program is before how it is used; a page has it the other way round.
    let (about, rest) = match text.split_once("Usage: ") {
        Some((about, rest)) => {
            let (usage, rest) = rest.split_once('\n').unwrap_or((rest, ""));
            roff.control("SH", ["SYNOPSIS"]);
            roff.text([bold(usage)]);
            roff.control("SH", ["DESCRIPTION"]);
            (about, rest)
        }
        None => ("", text),
    };
    for part in [about.trim(), rest.trim()] {
        Lines { roff: &mut *roff, place: Place::Text, sections: true }.write(part);
    }
}

/// Writes a text below a heading, which has none but `Example:`.
pub(crate) fn write_under(roff: &mut Roff, text: &str) {
    Lines { roff, place: Place::Gap, sections: false }.write(text);
}

struct Lines<'a> {
    roff: &'a mut Roff,
    place: Place,
    /// Whether a heading begins a section.
    sections: bool,
}

impl Lines<'_> {
    fn write(mut self, text: &str) {
        for line in text.lines() {
            let (indent, words) = (line.len() - line.trim_start().len(), line.trim());
            if self.place == Place::Example && indent == 0 {
                self.end_example();
            }
            self.place = match words {
                "" => Place::Gap,
                "Example:" => self.begin_example(),
                _ if self.place == Place::Example => self.example(words),
                _ if indent == 0 => self.text(words),
                _ => self.term(indent, words),
            };
        }
        if self.place == Place::Example {
            self.end_example();
        }
    }

    fn begin_example(&mut self) -> Place {
        self.roff
            .control(if self.sections { "SH" } else { "PP" }, self.sections.then_some("EXAMPLES"));
        self.roff.control("RS", ["4"]).control("EX", []);
        Place::Example
    }

    fn example(&mut self, words: &str) -> Place {
        self.roff.text([roman(words)]);
        Place::Example
    }

    fn end_example(&mut self) {
        self.roff.control("EE", []).control("RE", []);
    }

    /// A line at the left edge: a heading, with what may stand behind it, or a part of a paragraph.
    fn text(&mut self, words: &str) -> Place {
        match words.split_once(':') {
            Some((name, rest)) if self.sections && is_heading(name, rest) => {
                self.roff.control("SH", [&*name.to_uppercase()]);
                if !rest.is_empty() {
                    self.roff.text(fonts(rest.trim_start()));
                }
            }
            _ => {
                if self.place == Place::Gap {
                    self.roff.control("PP", []);
                }
                self.roff.text(fonts(words));
            }
        }
        Place::Text
    }

    /// A line further in: a term, or what one means.
    fn term(&mut self, indent: usize, words: &str) -> Place {
        // Options without a short form are as far in as the long ones of the others.
        const MEANING: usize = 7;
        if indent >= MEANING && self.place == Place::Term {
            self.roff.text(fonts(words));
            return Place::Term;
        }
        self.roff.control("TP", []);
        let (term, meaning) = words.split_once("  ").unwrap_or((words, ""));
        self.roff.text([bold(term)]);
        if !meaning.is_empty() {
            self.roff.text(fonts(meaning.trim_start()));
        }
        Place::Term
    }
}

/// Whether a line begins a section. "Exit status:" does, and may be followed by a sentence.
fn is_heading(name: &str, rest: &str) -> bool {
    name == "Exit status" || (rest.is_empty() && name.starts_with(char::is_uppercase))
}
