//! What docs/THREATS.md promises, and the tests that ran for it.

use std::collections::BTreeMap;
use std::fs;

use crate::programs::root;
use crate::{Outcome, say};

/// The document of the promises.
const THREATS: &str = "docs/THREATS.md";

/// Each test that passed, with the names of the logs in which it did.
type Passed<'a> = BTreeMap<&'a str, Vec<&'a str>>;

/// Prints each promise with its tests that ran, and fails when one has none.
pub(crate) fn list(logs: &[&str]) -> Outcome {
    let document = fs::read_to_string(root().join(THREATS))?;
    let texts = logs.iter().map(|log| read(log)).collect::<Result<Vec<_>, _>>()?;
    let mut passed = Passed::new();
    for (log, text) in logs.iter().zip(&texts) {
        let name = log.rsplit('/').next().unwrap_or(log);
        for test in tests_that_ran(text) {
            passed.entry(test).or_default().push(name);
        }
    }
    let promises = promises(&document);
    let mut without = Vec::new();
    for (case, promise) in &promises {
        say(&format!("{case:4} {promise}"));
        let prefix = format!("{}_", case.to_lowercase());
        let of_case = passed.iter().filter(|(test, _)| function(test).starts_with(&prefix));
        let lines: Vec<_> =
            of_case.map(|(test, logs)| format!("     {test}: {}", logs.join(", "))).collect();
        lines.iter().for_each(|line| say(line));
        if lines.is_empty() {
            without.push(*case);
        }
    }
    let unknown: Vec<_> = passed
        .keys()
        .filter(|test| {
            case_of(function(test))
                .is_some_and(|case| !promises.iter().any(|(promised, _)| *promised == case))
        })
        .collect();
    say(&format!("{} promises, {} tests that ran", promises.len(), passed.len()));
    match (without.is_empty(), unknown.is_empty()) {
        (true, true) => Ok(()),
        (false, _) => Err(format!("no test ran for {}", without.join(", ")).into()),
        (true, false) => Err(format!("{THREATS} lacks the case of {unknown:?}").into()),
    }
}

fn read(log: &str) -> Result<String, String> {
    fs::read_to_string(log).map_err(|error| format!("cannot read {log}: {error}"))
}

/// The rows of the tables, in their order: a case, and what is promised.
pub(crate) fn promises(document: &str) -> Vec<(&str, &str)> {
    let rows = document.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let case = cells.next()?;
        case_of(&format!("{}_", case.to_lowercase()))?;
        Some((case, cells.next()?))
    });
    rows.collect()
}

/// The tests that passed and did not say that they do not run here.
fn tests_that_ran(log: &str) -> Vec<&str> {
    let elsewhere: Vec<_> = log
        .lines()
        .filter(|line| line.starts_with("not here (") || line.starts_with("skipped ("))
        .filter_map(|line| line.split_once("): ")?.1.split(' ').next())
        .collect();
    let passed = log.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... ok"));
    passed.filter(|test| !elsewhere.contains(test)).collect()
}

/// The name without its modules.
fn function(test: &str) -> &str {
    test.rsplit("::").next().unwrap_or(test)
}

/// The case that a test's name begins with: `A1` of `a1_no_kill…`.
fn case_of(function: &str) -> Option<String> {
    let case = function.split_once('_')?.0;
    let (letter, number) = case.split_at_checked(1)?;
    let is_case =
        letter.chars().all(|letter| letter.is_ascii_alphabetic()) && number.parse::<u8>().is_ok();
    is_case.then(|| case.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::{case_of, promises, tests_that_ran};

    #[test]
    fn a_promise_is_a_row_that_begins_with_a_case() {
        let document = "| | promised | tests |\n|---|---|---|\n| A1 | nothing is lost | `x` |\n";
        assert_eq!(promises(document), [("A1", "nothing is lost")]);
    }

    #[test]
    fn a_test_that_passed_elsewhere_did_not_run_here() {
        let log = "not here (1 so far): a::c7_x runs as root\ntest a::c7_x ... ok\n\
                   test a::c8_y ... ok\ntest a::c9_z ... FAILED\n";
        assert_eq!(tests_that_ran(log), ["a::c8_y"]);
    }

    #[test]
    fn a_case_is_a_letter_and_a_number() {
        assert_eq!(case_of("a10_x").as_deref(), Some("A10"));
        for other in ["a_value", "age2_x", "a1x_y", "10_x", "no"] {
            assert_eq!(case_of(other), None, "{other}");
        }
    }
}
