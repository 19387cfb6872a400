//! `doctor`: checks the installation, and prints the command that fixes each fault.

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
    let help = |found: &Diagnosis| {
        let help = found.help_line().map(|help| output::as_typed(&help));
        help.map(|help| [String::new(), String::new(), help])
    };
    let rows = found.iter().flat_map(|found| [Some(row(found)), help(found)]);
    format::table(["Check", "State", "Found"], &rows.flatten().collect::<Vec<_>>())
}
