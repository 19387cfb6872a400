//! `doctor`: checks the installation, and prints the command that fixes each fault.

use std::collections::VecDeque;

use clap::Args;

use crate::connection::places;
use crate::doctor::{Condition, Diagnosis, Machine, check_all, report};
use crate::error::CliError;
use crate::format::OutputArgs;
use crate::style::Styled;
use crate::{format, output};

/// Find problems, and print the commands that fix them
#[derive(Args, Debug)]
#[command(after_help = "\
Each check has one line. Fix each `error`. A `warning` may be what you want. The exit status is 0 if
there are no errors, or else 1. The command starts the daemon if none runs, and changes nothing else.

--report prints a text for a bug report, without names of secrets. Paths have ~ for your home
directory and USER for your name.

Example:
  fluvio-secret doctor
  fluvio-secret doctor --report > report.txt")]
pub(crate) struct DoctorArgs {
    /// Print a text for a bug report, without names of secrets
    #[arg(long, conflicts_with = "format")]
    report: bool,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn doctor(args: &DoctorArgs) -> Result<(), CliError> {
    let machine = Machine::this();
    let found = check_all(&machine, &places()?);
    match args.report {
        true => output::print(&report(&machine, &found))?,
        false => format::print(args.output.format, || table(&found), || &found)?,
    }
    let has_errors = found.iter().any(|found| found.condition == Condition::Error);
    if has_errors { Err(CliError::Unwell) } else { Ok(()) }
}

fn table(found: &[Diagnosis]) -> Styled {
    let row = |found: &Diagnosis| [found.check.word(), found.condition.word(), found.line()];
    let (mut rows, mut helps) = (Vec::new(), VecDeque::new());
    for one in found {
        rows.push(row(one));
        if let Some(help) = one.help_line() {
            rows.push([String::new(), String::new(), HELP_PLACE.to_owned()]);
            helps.push_back(output::as_typed(&help));
        }
    }
    let mut table = format::table(["Check", "State", "Found"], &rows);
    table.text = with_helps(&table.text, helps);
    table
}

/// What stands for a help in the table. No line of a finding is the same.
const HELP_PLACE: &str = "help:";

/// Puts each help in its place. It is not wrapped, so that its command can be copied.
fn with_helps(table: &str, mut helps: VecDeque<String>) -> String {
    let line = |line: &str| match line.trim() == HELP_PLACE {
        true => line.replace(HELP_PLACE, &helps.pop_front().unwrap_or_default()),
        false => line.to_owned(),
    };
    table.split_inclusive('\n').map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::with_helps;

    #[test]
    fn each_help_is_on_one_line() {
        let table = "Check  Found\na      x\n       y\n       help:\nb      z\n       help:\n";
        let helps = ["help: one two three four five six".to_owned(), "help: b".to_owned()];
        let text = with_helps(table, helps.into());
        assert_eq!(
            text,
            "Check  Found\na      x\n       y\n       help: one two three four five six\nb      z\n       help: b\n"
        );
    }
}
