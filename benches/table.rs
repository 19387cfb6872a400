//! The rows as people read them, here and in README.md.

use std::fs;
use std::path::Path;

use crate::Outcome;
use crate::rows::Row;

const BEGIN: &str = "<!-- budgets:begin -->\n";
const END: &str = "<!-- budgets:end -->";

/// A table that Markdown reads too.
pub(crate) fn of(rows: &[Row]) -> String {
    let lines = rows.iter().map(|row| {
        let is_met = if row.is_met { "yes" } else { "no" };
        format!("| {} | {} | {} | {is_met} |\n", row.what, row.measured, row.budget)
    });
    let head = "| what | measured | budget | met |\n|---|---|---|---|\n";
    std::iter::once(head.to_owned()).chain(lines).collect()
}

/// Puts the table in place of the one that README.md has.
pub(crate) fn write_into_readme(table: &str) -> Outcome<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(&path)?;
    let (before, rest) = text.split_once(BEGIN).ok_or("README.md has no place for the table")?;
    let (_, after) = rest.split_once(END).ok_or("the table in README.md has no end")?;
    fs::write(path, format!("{before}{BEGIN}{table}{END}{after}"))?;
    Ok(())
}
