//! `doctor`: checks the installation, and prints the command that fixes each fault.

use clap::Args;

use crate::connection::places;
use crate::doctor::{Condition, Diagnosis, Machine, check_all, report};
use crate::error::CliError;
use crate::format::OutputArgs;
use crate::style::Styled;
use crate::{format, output};

/// Tell what is right here and what is not, and the command that fixes it
#[derive(Args, Debug)]
#[command(after_help = "\
One line for each check. A `warning` may be intended; an `error` has to be fixed. Exit status:
0 when nothing is wrong, else 1. It starts the daemon when none runs, and changes nothing else.

--report makes a text to be added to the report of a bug. It has no names of secrets, ~ for the
home folder, and USER for the user's name in paths.

Example:
  fluvio-secret doctor
  fluvio-secret doctor --report > report.txt")]
pub(crate) struct DoctorArgs {
    /// Make a text for the report of a bug, without names of secrets
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
    let help = |help: String| [String::new(), String::new(), output::as_typed(&help)];
    let rows = |found: &Diagnosis| {
        std::iter::once(row(found)).chain(found.help_line().map(help)).collect::<Vec<_>>()
    };
    format::table(["Check", "State", "Found"], &found.iter().flat_map(rows).collect::<Vec<_>>())
}
