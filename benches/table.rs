//! The rows as people read them, on a terminal and in docs/PERFORMANCE.md.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::row::Row;

/// The rows that belong together, by the name of their place in the document.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) rows: Vec<Row>,
}

impl Table {
    /// A table that Markdown reads too.
    pub(crate) fn text(&self) -> String {
        let lines = self.rows.iter().map(|row| {
            let (budget, is_met) = match &row.budget {
                Some(budget) => (&*budget.text, if budget.is_met { "yes" } else { "no" }),
                None => ("", ""),
            };
            format!("| {} | {} | {budget} | {is_met} |\n", row.what, row.measured)
        });
        let head = "| what | measured | budget | met |\n|---|---|---|---|\n";
        std::iter::once(head.to_owned()).chain(lines).collect()
    }
}

/// A file of docs/.
pub(crate) fn document(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

/// Puts each table in place of the one that docs/PERFORMANCE.md has.
pub(crate) fn write(tables: &[Table]) -> Outcome<()> {
    let path = document("PERFORMANCE.md");
    let mut text = fs::read_to_string(&path)?;
    for table in tables {
        let (begin, end) =
            (format!("<!-- {}:begin -->\n", table.name), format!("<!-- {}:end -->", table.name));
        let (before, rest) = text.split_once(&begin).ok_or(format!("no {begin} in {path:?}"))?;
        let (_, after) = rest.split_once(&end).ok_or(format!("no {end} in {path:?}"))?;
        text = format!("{before}{begin}{}{end}{after}", table.text());
    }
    Ok(fs::write(path, text)?)
}
