//! `doctor`: what is right here and what is not, and the command that mends it.

use super::places;
use crate::args::DoctorForm;
use crate::doctor::{Condition, Found, Machine, look, report};
use crate::error::CliError;
use crate::{format, output};

pub(crate) fn doctor(form: DoctorForm) -> Result<(), CliError> {
    let machine = Machine::this();
    let found = look(&machine, &places()?);
    match form {
        DoctorForm::Looks(form) => format::print(form, || table(&found), || &found)?,
        DoctorForm::Report => output::print(&report(&machine, &found))?,
    }
    let is_wrong = found.iter().any(|found| found.condition == Condition::Wrong);
    if is_wrong { Err(CliError::Unwell) } else { Ok(()) }
}

fn table(found: &[Found]) -> String {
    let row = |found: &Found| {
        [found.look.as_str().to_owned(), found.condition.as_str().to_owned(), found.line()]
    };
    format::table(["Look", "State", "Found"], &found.iter().map(row).collect::<Vec<_>>())
}
