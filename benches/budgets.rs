//! The budgets: what may cost how much, as ratios in one run.
//!
//! * [`programs`]: the release programs, and how long one runs
//! * [`disk`]: a directory on a disk, and a durable write without us
//! * [`home`]: a vault of any size, with its daemon
//! * [`reload`]: a supervisor, and files that are saved
//! * [`measure`]: medians of measurements that take turns
//! * [`promises`]: what one client and one request cost
//! * [`starts`]: starts of a connector, against other ways to start it
//! * [`load`]: many clients at once
//! * [`mask`](mod@mask): the output of a connector, without its secrets
//! * [`bulk`]: what concerns all secrets of a large vault
//! * [`fleet`]: machines that replicate a vault over a topic
//! * [`growth`], [`plot`]: how the time grows with the size, as a picture
//! * [`members`]: what a vault with very many members would cost
//! * [`row`], [`table`]: what was measured, as people read it
//!
//! `cargo bench` prints the tables, `cargo bench -- --write` also writes them and the picture into docs/. A
//! budget that is exceeded is reported and isn't a failure: the machine may be busy. The names of tables after
//! `--` measure these alone.

mod bulk;
mod disk;
mod fleet;
mod growth;
/// As the vault reads files.
#[path = "../vault/src/keys/header_first.rs"]
mod header_first;
mod home;
mod load;
mod mask;
mod measure;
mod members;
mod plot;
mod programs;
mod promises;
mod reload;
mod row;
mod starts;
mod table;

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use programs::Programs;
use row::Row;
use table::Table;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |wanted: &str| args.iter().any(|arg| arg == wanted);
    // `cargo bench` passes this argument. `cargo test --all-targets` does not, and measures nothing.
    if !has("--bench") {
        return ExitCode::SUCCESS;
    }
    match run(&args, has("--write")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

type Measure = fn(&Programs, &Path) -> Outcome<Vec<Row>>;

const TABLES: [(&str, Measure); 7] = [
    ("starts", starts::measure),
    ("promises", promises::measure),
    ("load", load::measure),
    ("bulk", bulk::measure),
    ("mask", mask::measure),
    ("fleet", fleet::measure),
    ("members", members::measure),
];

fn run(args: &[String], is_written: bool) -> Outcome<()> {
    let is_chosen = |name: &str| {
        args.iter().all(|arg| arg.starts_with('-')) || args.iter().any(|arg| arg == name)
    };
    let programs = programs::build()?;
    let mut tables = Vec::new();
    for (name, measure) in TABLES.into_iter().filter(|(name, _)| is_chosen(name)) {
        let disk = disk::directory()?;
        let table = Table { name, rows: measure(&programs, disk.path())? };
        // A closed pipe changes nothing.
        let _ = write!(io::stdout(), "\n{}", table.text());
        tables.push(table);
    }
    if is_chosen("growth") {
        let disk = disk::directory()?;
        let picture = plot::svg(&growth::measure(&programs, disk.path())?)?;
        if is_written {
            fs::write(table::document("growth.svg"), picture)?;
        }
    }
    if is_written { table::write(&tables) } else { Ok(()) }
}
