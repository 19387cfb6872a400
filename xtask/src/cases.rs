//! What docs/THREATS.md promises, and the tests that ran for it.

use std::collections::BTreeMap;
use std::fs;

use crate::programs::root;
use crate::results::Results;
use crate::{Outcome, say};

/// The document of the promises.
const THREATS: &str = "docs/THREATS.md";

/// Each test that passed, with the names of the logs in which it did.
type Passed<'a> = BTreeMap<&'a str, Vec<&'a str>>;

/// Prints each promise with its tests that ran, and fails when one has none.
pub(crate) fn list(logs: &[&str]) -> Outcome {
    let document = fs::read_to_string(root().join(THREATS))?;
    let runs = logs.iter().map(|log| Results::read(log)).collect::<Result<Vec<_>, _>>()?;
    let mut passed = Passed::new();
    for (log, run) in logs.iter().zip(&runs) {
        let name = log.rsplit('/').next().unwrap_or(log);
        say(&format!("{log}: {} tests passed, {} not here", run.passed.len(), run.elsewhere.len()));
        for test in &run.passed {
            passed.entry(test).or_default().push(name);
        }
    }
    let promises = promises(&document);
    let mut without = Vec::new();
    for (case, promise) in &promises {
        say(&format!("{case:4} {promise}"));
        let of_case = passed.iter().filter(|(test, _)| is_of(function(test), case));
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
            let is_promised = |case: &String| promises.iter().any(|(promised, _)| promised == case);
            !cases_of(function(test)).iter().all(is_promised)
        })
        .collect();
    say(&format!("{} promises, {} tests that ran", promises.len(), passed.len()));
    match (without.is_empty(), unknown.is_empty()) {
        (true, true) => Ok(()),
        (false, _) => Err(format!("no test ran for {}", without.join(", ")).into()),
        (true, false) => Err(format!("{THREATS} lacks the case of {unknown:?}").into()),
    }
}

/// The rows of the tables, in their order: a case, and what is promised.
pub(crate) fn promises(document: &str) -> Vec<(&str, &str)> {
    let rows = document.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let case = cells.next()?;
        is_case(&case.to_lowercase()).then_some(())?;
        Some((case, cells.next()?))
    });
    rows.collect()
}

/// The name without its modules.
fn function(test: &str) -> &str {
    test.rsplit("::").next().unwrap_or(test)
}

/// Whether a test is one of a promise.
pub(crate) fn is_of(function: &str, case: &str) -> bool {
    cases_of(function).iter().any(|of| of == case)
}

/// The cases that a test's name begins with: `F1` and `F2` of `f1_f2_each_save…`.
fn cases_of(function: &str) -> Vec<String> {
    // The last word is never one: a test says something.
    let words = function.rsplit_once('_').map_or("", |(words, _)| words).split('_');
    words.take_while(|word| is_case(word)).map(str::to_uppercase).collect()
}

/// Whether a word is a case: a small letter and a number.
fn is_case(word: &str) -> bool {
    word.split_at_checked(1).is_some_and(|(letter, number)| {
        letter.chars().all(|letter| letter.is_ascii_lowercase()) && number.parse::<u8>().is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::{cases_of, is_of, promises};

    #[test]
    fn a_promise_is_a_row_that_begins_with_a_case() {
        let document = "| | promised | tests |\n|---|---|---|\n| A1 | nothing is lost | `x` |\n";
        assert_eq!(promises(document), [("A1", "nothing is lost")]);
    }

    #[test]
    fn a_test_begins_with_its_cases_each_a_letter_and_a_number() {
        assert_eq!(cases_of("a10_x"), ["A10"]);
        assert_eq!(cases_of("f1_f2_each_save_of_f3"), ["F1", "F2"]);
        for other in ["a_value", "age2_x", "a1x_y", "10_x", "no", "x_a1"] {
            assert!(cases_of(other).is_empty(), "{other}");
        }
        assert!(is_of("f1_f2_x", "F2") && !is_of("f10_x", "F1"));
    }
}
