//! Results as tables for people, and as JSON or YAML for programs.

use serde::Serialize;

use crate::args::Format;
use crate::error::CliError;
use crate::output;

/// Prints a result: the table, or the value for programs.
pub(crate) fn print<T: Serialize>(
    format: Format,
    table: impl FnOnce() -> String,
    value: impl FnOnce() -> T,
) -> Result<(), CliError> {
    let text = match format {
        Format::Table => table(),
        Format::Json => serde_json::to_string_pretty(&value()).map_err(|error| cannot(&error))?,
        Format::Yaml => yaml_serde::to_string(&value()).map_err(|error| cannot(&error))?,
    };
    output::print(&text)
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
    use super::table;

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
