//! Results as tables for people, and as JSON or YAML for programs.

use std::collections::VecDeque;
use std::{io, mem};

use clap::{Args, ValueEnum};
use comfy_table::{Cell, ContentArrangement, Table, presets};
use fluvio_secret_system::printable;
use rustix::termios;
use serde::Serialize;

use crate::error::CliError;
use crate::output;
use crate::style::{self, Styled};

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people
    Table,
    /// For programs
    Json,
    /// For programs
    Yaml,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    #[default]
    Table,
    /// For programs: one object for each line
    Json,
}

#[derive(Args, Debug, Default)]
pub(crate) struct OutputArgs<F: Clone + Send + Sync + ValueEnum + 'static = OutputFormat> {
    /// Format of the result
    #[arg(
        short = 'O',
        long = "output",
        value_name = "FORMAT",
        value_enum,
        default_value = "table"
    )]
    pub(crate) format: F,
}

/// Prints a result: the table, or the value for programs.
pub(crate) fn print<T: Serialize>(
    format: OutputFormat,
    table: impl FnOnce() -> Styled,
    value: impl FnOnce() -> T,
) -> Result<(), CliError> {
    match format {
        OutputFormat::Table => output::print_styled(&table()),
        OutputFormat::Json => output::print_plain(&json(&value())?),
        OutputFormat::Yaml => output::print_plain(&yaml(&value())?),
    }
}

fn json(value: &impl Serialize) -> Result<String, CliError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| cannot(&error))?;
    Ok(printable::json(&text))
}

/// JSON is YAML too, and it has an escape for each character that is not safe to print.
fn yaml(value: &impl Serialize) -> Result<String, CliError> {
    let text = yaml_serde::to_string(value).map_err(|error| cannot(&error))?;
    match text.contains(|c: char| printable::is_unsafe(c) && c != '\n') {
        true => json(value),
        false => Ok(text),
    }
}

/// A number of things, as `1 secret` and `2 secrets`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Some of these, and how many more there are. None of them is a dash.
pub(crate) fn some(all: &[String]) -> String {
    const MOST_SHOWN: usize = 8;
    let shown = all.iter().take(MOST_SHOWN).map(|one| printable::line(one));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match all.len() {
        0 => "-".to_owned(),
        count if count > MOST_SHOWN => format!("{shown} and {} more", count - MOST_SHOWN),
        _ => shown,
    }
}

fn cannot(error: &dyn std::error::Error) -> CliError {
    CliError::Output(std::io::Error::other(error.to_string()))
}

/// Columns, each as wide as its widest cell. On a terminal that is narrower, cells are wrapped at words.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> Styled {
    Styled { text: in_columns(Some(&head), rows, width()), color: style::table }
}

/// The same without a head: what each line is about, and what is known of it.
pub(crate) fn lines(rows: &[[String; 2]]) -> Styled {
    Styled { text: in_columns(None, rows, width()), color: style::lines }
}

/// A line with `~` for the home directory in its paths. Not for commands, whose paths may be quoted.
pub(crate) fn shorten(text: &str) -> String {
    let text = printable::line(text);
    match std::env::var("HOME") {
        Ok(home) if home.len() > 1 && home.starts_with('/') => {
            text.replace(&format!("{}/", home.trim_end_matches('/')), "~/")
        }
        _ => text,
    }
}

/// What stands for a help in a table. No line of another cell is the same.
const HELP_PLACE: &str = "help:";

/// Puts each help in its place. It is not wrapped, so that its command can be copied.
fn with_helps(table: &str, mut helps: VecDeque<String>) -> String {
    let line = |line: &str| match line.trim() == HELP_PLACE {
        true => line.replace(HELP_PLACE, &helps.pop_front().unwrap_or_default()),
        false => line.to_owned(),
    };
    table.split_inclusive('\n').map(line).collect()
}

fn in_columns<const N: usize>(
    head: Option<&[&str; N]>,
    rows: &[[String; N]],
    width: Option<u16>,
) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    if let Some(head) = head {
        table.set_header(head.iter().map(Cell::new));
    }
    let mut helps = VecDeque::new();
    for row in rows {
        let mut cells = row.each_ref().map(|cell| printable::line(cell));
        // A row of its own, or it could be a note of a stranger.
        if let Some(help) = cells.last_mut()
            && row[..N - 1].iter().all(String::is_empty)
            && help.starts_with(output::HELP_LABEL)
        {
            helps.push_back(mem::replace(help, HELP_PLACE.to_owned()));
        }
        table.add_row(cells);
    }
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, SPACE));
    });
    let mut text = with_helps(&table.trim_fmt(), helps);
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// The space between columns.
const SPACE: u16 = 2;

/// The columns of the terminal, if standard output is one.
fn width() -> Option<u16> {
    let size = termios::tcgetwinsize(io::stdout()).ok()?;
    // The last column has space behind it, which is trimmed.
    Some(size.ws_col).filter(|columns| *columns > 0).map(|columns| columns.saturating_add(SPACE))
}

#[cfg(test)]
mod tests {
    use super::{in_columns, some, table, yaml};

    #[test]
    fn d18_nothing_in_a_result_reorders_or_hides_text() {
        let rows = [["a\u{202e}b\nc\u{200b}".into(), "d".into()]];
        let text = table(["One", "Two"], &rows).text;
        assert_eq!(text, "One     Two\na\u{fffd}b\u{fffd}c\u{fffd}  d\n");
        let text = yaml(&vec!["a\u{202e}b"]).expect("YAML");
        assert!(text.contains("\\u202e") && !text.contains('\u{202e}'), "{text}");
        let read: Vec<String> = yaml_serde::from_str(&text).expect("YAML");
        assert_eq!(read, ["a\u{202e}b"]);
    }

    #[test]
    fn a_message_names_some_of_many() {
        let names: Vec<_> = (1..=10).map(|number| number.to_string()).collect();
        assert_eq!((&*some(&[]), &*some(&names[..2])), ("-", "1, 2"));
        assert_eq!(some(&names), "1, 2, 3, 4, 5, 6, 7, 8 and 2 more");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            ["a".into(), "\u{fc}\u{fc}\u{fc}\u{fc}".into(), "x".into()],
            ["bbbb".into(), String::new(), String::new()],
        ];
        assert_eq!(
            table(["One", "Two", "Three"], &rows).text,
            "One   Two   Three\na     \u{fc}\u{fc}\u{fc}\u{fc}  x\nbbbb\n"
        );
        assert_eq!(table(["One", "Two"], &[]).text, "One  Two\n");
    }

    #[test]
    fn cells_are_wrapped_at_words_where_the_terminal_is_narrow() {
        let rows = [["config".into(), "a directory that others can write to".into()]];
        let text = in_columns(Some(&["Check", "Found"]), &rows, Some(33));
        assert_eq!(text, "Check   Found\nconfig  a directory that others\n        can write to\n");
    }

    #[test]
    fn a_help_is_on_one_line_so_that_it_can_be_copied() {
        let row = |one: &str, other: &str| [one.to_owned(), other.to_owned()];
        let long = "help: one two three four";
        let rows = [row("a", "x y z"), row("", long), row(long, "x"), row("", "help: b")];
        let text = in_columns(None, &rows, Some(16));
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        assert_eq!(lines[..2], ["a        x y z", long], "{text}");
        assert_eq!(lines.last(), Some(&"help: b"), "{text}");
        assert_eq!(text.matches(long).count(), 1, "the other one is a cell of a row\n{text}");
    }
}
