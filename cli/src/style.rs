//! Colors on a terminal: of severities, hints, names and the heads of tables.
//!
//! A text is colored after it was made safe, by its form, so that no message has to know whether it is colored.

use std::io;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

/// A text for people, and how it is colored.
pub(crate) struct Styled {
    pub(crate) text: String,
    pub(crate) color: fn(&str) -> String,
}

/// What an event means.
#[derive(Clone, Copy, Debug)]
pub(crate) enum EventColor {
    Good,
    Unusual,
    Bad,
    Plain,
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const ERROR: Style = AnsiColor::Red.on_default().bold();
const GUTTER: Style = AnsiColor::BrightBlue.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
const NAME: Style = AnsiColor::Cyan.on_default();
const OK: Style = AnsiColor::Green.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();

/// What a line may begin with.
const SEVERITIES: [(&str, Style); 4] =
    [("error:", ERROR), ("help:", HINT), ("note:", HINT), ("warning:", WARNING)];

/// What a cell of a table may be.
const STATES: [(&str, Style); 3] = [("error", ERROR), ("ok", OK), ("warning", WARNING)];

/// Whether standard output is a terminal that shows colors, see <https://bixense.com/clicolors/> and
/// <https://no-color.org>. `--color` comes first.
pub(crate) fn colors_output() -> bool {
    AutoStream::choice(&io::stdout()) != ColorChoice::Never
}

/// The same for standard error.
pub(crate) fn colors_errors() -> bool {
    AutoStream::choice(&io::stderr()) != ColorChoice::Never
}

/// Chooses by what `--color` is, before anything is printed.
pub(crate) fn choose(word: &str) {
    match word {
        "always" => ColorChoice::Always.write_global(),
        "auto" => ColorChoice::Auto.write_global(),
        "never" => ColorChoice::Never.write_global(),
        _ => {}
    }
}

/// A message with its colors.
pub(crate) fn message(text: &str) -> String {
    each_line(text, |line| gutter(line).unwrap_or_else(|| names(&beginning(line))))
}

/// A table with its colors: its first line is its head.
pub(crate) fn table(text: &str) -> String {
    let mut is_head = true;
    each_line(text, |line| match std::mem::take(&mut is_head) {
        true => paint(BOLD, line),
        false => state(line),
    })
}

/// Lines about something each: what they are about is colored.
pub(crate) fn lines(text: &str) -> String {
    each_line(text, |line| match line.split_once("  ") {
        Some((label, rest)) if !label.is_empty() => {
            format!("{}  {}", paint(BOLD, label), names(rest))
        }
        _ => names(line),
    })
}

/// An event with its colors: its time, what happened, and what there is to say about it on more lines.
pub(crate) fn event(time: &str, color: EventColor, text: &str) -> String {
    let style = match color {
        EventColor::Good => OK,
        EventColor::Unusual => WARNING,
        EventColor::Bad => ERROR,
        EventColor::Plain => Style::new(),
    };
    let (first, more) = text.split_at(text.find('\n').unwrap_or(text.len()));
    format!("{} {}{}", paint(DIM, time), paint(style, first), message(more))
}

fn each_line(text: &str, mut color: impl FnMut(&str) -> String) -> String {
    text.split_inclusive('\n')
        .map(|line| match line.strip_suffix('\n') {
            Some(line) => color(line) + "\n",
            None => color(line),
        })
        .collect()
}

fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// What is beside the lines of a file: `12 |`, `   |`, `  -->`.
fn gutter(line: &str) -> Option<String> {
    let begin = line.find(|c: char| c != ' ' && !c.is_ascii_digit())?;
    let end =
        ["|", "-->", "="].iter().find(|mark| line[begin..].starts_with(**mark))?.len() + begin;
    let is_gutter = begin > 0 && line[end..].chars().next().is_none_or(|c| c == ' ');
    is_gutter.then(|| {
        let (gutter, rest) = line.split_at(end);
        let rest = match rest.trim_start().starts_with('^') {
            true => paint(ERROR, rest),
            false => names(&beginning(rest)),
        };
        paint(GUTTER, gutter) + &rest
    })
}

/// Colors the severity that a line begins with.
fn beginning(line: &str) -> String {
    let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
    let found =
        SEVERITIES.iter().find_map(|(word, style)| Some((word, style, rest.strip_prefix(word)?)));
    match found {
        Some((word, style, rest)) => format!("{indent}{}{rest}", paint(*style, word)),
        None => line.to_owned(),
    }
}

/// Colors what is in backticks.
fn names(line: &str) -> String {
    let parts: Vec<_> = line.split('`').collect();
    // The last backtick of an odd number has no other.
    let is_name = |at: usize| at % 2 == 1 && at + 1 < parts.len();
    let color = |(at, part): (usize, &&str)| {
        if is_name(at) { paint(NAME, part) } else { (*part).to_owned() }
    };
    parts.iter().enumerate().map(color).collect::<Vec<_>>().join("`")
}

/// Colors a cell that is a state, or the line of a help below one.
fn state(line: &str) -> String {
    for (word, style) in STATES {
        if let Some((before, after)) = line.split_once(&format!("  {word}  ")) {
            return format!("{before}  {}  {after}", paint(style, word));
        }
    }
    beginning(line)
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;

    use super::{ERROR, EventColor, GUTTER, HINT, NAME, OK, event, message, paint, table};

    #[test]
    fn severities_hints_and_names_are_colored() {
        let text = "error: no secret `A_B`\nhelp: set it with: fluvio-secret set A_B\nan error: `x";
        let expected = format!(
            "{} no secret `{}`\n{} set it with: fluvio-secret set A_B\nan error: `x",
            paint(ERROR, "error:"),
            paint(NAME, "A_B"),
            paint(HINT, "help:")
        );
        assert_eq!(message(text), expected);
    }

    #[test]
    fn the_lines_of_a_file_have_a_gutter() {
        assert_eq!(message("12 | a"), format!("{} a", paint(GUTTER, "12 |")));
        assert_eq!(
            message("   |  ^^"),
            format!("{}{}", paint(GUTTER, "   |"), paint(ERROR, "  ^^"))
        );
        let help = message("   = help: x");
        assert_eq!(help, format!("{} {} x", paint(GUTTER, "   ="), paint(HINT, "help:")));
        assert_eq!(message("a | b"), "a | b");
    }

    #[test]
    fn an_event_is_colored_on_its_first_line_only() {
        let text = "a changed\nerror: no secret `A`";
        let colored = event("12:00:00", EventColor::Bad, text);
        let first = format!(" {}\n", paint(ERROR, "a changed"));
        assert!(colored.contains(&first) && colored.contains(&paint(NAME, "A")), "{colored}");
        assert_eq!(strip_str(&colored).to_string(), format!("12:00:00 {text}"));
    }

    #[test]
    fn a_table_has_a_head_and_states() {
        let text = "Check  State  Found\nvault  ok  5 secrets\n";
        let colored = table(text);
        assert!(colored.contains(&format!("vault  {}  5", paint(OK, "ok"))), "{colored}");
        assert_eq!(strip_str(&colored).to_string(), text);
    }
}
