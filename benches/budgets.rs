//! The budgets: what may cost how much, as ratios in one run.
//!
//! * [`programs`]: the release programs, and how long one runs
//! * [`disk`]: a directory on a disk, and a durable write without us
//! * [`home`]: a vault of any size, with its daemon
//! * [`reload`]: a supervisor, and files that are saved
//! * [`measure`]: medians of measurements that take turns
//! * [`rows`]: what is measured, and its budget
//! * [`table`]: the rows as people read them, here and in README.md
//!
//! `cargo bench` prints the table, `cargo bench -- --write-readme` also writes it into README.md. A
//! budget that is exceeded is reported and isn't a failure: the machine may be busy.

mod disk;
mod home;
mod measure;
mod programs;
mod reload;
mod rows;
mod table;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |wanted: &str| args.iter().any(|arg| arg == wanted);
    // `cargo bench` passes this argument. `cargo test --all-targets` does not, and measures nothing.
    if !has("--bench") {
        return ExitCode::SUCCESS;
    }
    match run(has("--write-readme")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(into_readme: bool) -> Outcome<()> {
    let programs = programs::build()?;
    let disk = disk::directory()?;
    let table = table::of(&rows::measure(&programs, disk.path())?);
    // A closed pipe changes nothing.
    let _ = write!(io::stdout(), "\n{table}");
    if into_readme { table::write_into_readme(&table) } else { Ok(()) }
}
