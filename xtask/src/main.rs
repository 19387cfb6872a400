//! Developer tasks.
//!
//! * `cargo demo`: what the project is for, in ten seconds
//! * `cargo xtask cases RESULTS…`: what docs/THREATS.md promises, and the tests that ran for it
//! * `cargo xtask check`: formatting, lints, unit tests, layers and language, in about a minute
//! * `cargo xtask conformance DIR`: `check` against tables of what Fluvio's own code did
//! * `cargo xtask first-steps`: from nothing to a running connector, by each way to install
//! * `cargo xtask fuzz SECONDS`: arbitrary bytes to every reader of bytes, for this time each
//! * `cargo xtask guide`: the guide, as pages for a browser
//! * `cargo xtask man [DIR]`: the manual pages
//! * `cargo xtask package`: the Debian package, and the archive with an installer
//! * `cargo xtask recording`: the picture of a first session in README
//! * `cargo xtask release-check`: what keeps a release from being tagged
//! * `cargo xtask test-as UID [RESULTS]`: the built tests as another user; with the results of a run by root, those
//!   that it left out
//! * `cargo xtask size`: the size of the release shim, which every start of a connector loads
//! * `cargo xtask torture`: a thousand kills of a busy daemon, two hundred of one that re-encrypts
//!   everything, three hundred power cuts, and a thousand saves in each way

mod cases;
mod check;
mod conformance;
mod demo;
mod first_steps;
mod fuzz;
mod guide;
mod man;
mod package;
mod programs;
mod recording;
mod release_check;
mod results;
mod size;
mod test_as;
mod torture;
mod user;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

type Outcome = Result<(), Box<dyn Error>>;

const USAGE: &str = "\
usage: cargo demo
       cargo xtask cases RESULTS...
       cargo xtask check
       cargo xtask conformance DIR
       cargo xtask first-steps
       cargo xtask fuzz SECONDS
       cargo xtask guide
       cargo xtask man [DIR]
       cargo xtask package
       cargo xtask recording
       cargo xtask release-check
       cargo xtask test-as UID [RESULTS]
       cargo xtask size
       cargo xtask torture";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["cases", ref logs @ ..] if !logs.is_empty() => cases::list(logs),
        ["check"] => check::run(),
        ["conformance", directory] => conformance::run(directory),
        ["demo"] => demo::run(),
        ["first-steps"] => first_steps::run(),
        ["fuzz", seconds] => fuzz::run(seconds),
        ["guide"] => guide::run(),
        ["man"] => man::run(&programs::target().join("man")),
        ["man", directory] => man::run(directory.as_ref()),
        ["package"] => package::make(),
        ["recording"] => recording::draw(),
        ["release-check"] => release_check::run(),
        ["size"] => size::check(),
        ["test-as", uid] => test_as::run(uid, None),
        ["test-as", uid, log] => test_as::run(uid, Some(log)),
        ["torture"] => torture::run(),
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints a line. A closed pipe changes nothing.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
