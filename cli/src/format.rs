//! Results as tables for people, and as JSON or YAML for programs.

use clap::{Args, ValueEnum};
use fluvio_secret_system::printable;
use serde::Serialize;

use crate::error::CliError;
use crate::output;

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people
    Table,
    /// For programs
    Json,
    /// For programs
    Yaml,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Table,
    /// For programs: one object for each line
    Json,
}

#[derive(Args, Debug)]
pub(crate) struct OutputArgs<F: Clone + Send + Sync + ValueEnum + 'static = OutputFormat> {
    /// The form of the result
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
    table: impl FnOnce() -> String,
    value: impl FnOnce() -> T,
) -> Result<(), CliError> {
    let text = match format {
        OutputFormat::Table => table(),
        OutputFormat::Json => json(&value())?,
        OutputFormat::Yaml => yaml(&value())?,
    };
    output::print(&text)
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

fn cannot(error: &dyn std::error::Error) -> CliError {
    CliError::Output(std::io::Error::other(error.to_string()))
}

/// Columns, each as wide as its widest cell; the last one ends where its text ends.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let rows: Vec<_> =
        rows.iter().map(|row| row.each_ref().map(|cell| printable::line(cell))).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].len()]).max().unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: [&str; N]| {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            line += &format!("{cell:width$}  ");
        }
        line.truncate(line.trim_end().len());
        line + "\n"
    };
    let rows = rows.iter().map(|row| line(row.each_ref().map(String::as_str)));
    line(head) + &rows.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::{table, yaml};

    #[test]
    fn d18_nothing_in_a_result_reorders_or_hides_text() {
        let rows = [["a\u{202e}b\nc\u{200b}".into(), "d".into()]];
        let text = table(["One", "Two"], &rows);
        assert_eq!(text, "One     Two\na\u{fffd}b\u{fffd}c\u{fffd}  d\n");
        let text = yaml(&vec!["a\u{202e}b"]).expect("YAML");
        assert!(text.contains("\\u202e") && !text.contains('\u{202e}'), "{text}");
        let read: Vec<String> = yaml_serde::from_str(&text).expect("YAML");
        assert_eq!(read, ["a\u{202e}b"]);
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            ["a".into(), "\u{fc}\u{fc}\u{fc}\u{fc}".into(), "x".into()],
            ["bbbb".into(), String::new(), String::new()],
        ];
        assert_eq!(
            table(["One", "Two", "Three"], &rows),
            "One   Two   Three\na     \u{fc}\u{fc}\u{fc}\u{fc}  x\nbbbb\n"
        );
        assert_eq!(table(["One", "Two"], &[]), "One  Two\n");
    }
}
