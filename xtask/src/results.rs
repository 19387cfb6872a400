//! What a run of the tests left: the output of `cargo test`, or the XML file of `cargo nextest run`.

use std::error::Error;
use std::fs;

use roxmltree::{Document, Node};

/// The tests of a run.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Results {
    /// Those that passed and did what they are for.
    pub(crate) passed: Vec<String>,
    /// Those that left that to another run, with the words that name it.
    pub(crate) elsewhere: Vec<(String, String)>,
}

impl Results {
    pub(crate) fn read(path: &str) -> Result<Self, Box<dyn Error>> {
        let text =
            fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"))?;
        Self::parse(&text).map_err(|error| format!("{path}: {error}").into())
    }

    fn parse(text: &str) -> Result<Self, roxmltree::Error> {
        let (mut passed, output) = if text.starts_with("<?xml") {
            from_junit(&Document::parse(text)?)
        } else {
            (from_libtest(text), text.to_owned())
        };
        let elsewhere: Vec<_> = output.lines().filter_map(elsewhere).collect();
        let lacking: Vec<_> = output.lines().filter_map(lacking).collect();
        passed.retain(|test| {
            !elsewhere.iter().any(|(name, _)| name == test) && !lacking.contains(&test.as_str())
        });
        Ok(Self { passed, elsewhere })
    }
}

/// The tests that passed, and what all tests printed.
fn from_junit(document: &Document<'_>) -> (Vec<String>, String) {
    let is = |node: &Node<'_, '_>, name: &str| node.has_tag_name(name);
    let (mut passed, mut output) = (Vec::new(), String::new());
    for case in document.descendants().filter(|node| is(node, "testcase")) {
        let failed = case.children().any(|node| is(&node, "failure") || is(&node, "error"));
        passed.extend(case.attribute("name").filter(|_| !failed).map(str::to_owned));
        for printed in case.children().filter(|node| is(node, "system-err")) {
            output += printed.text().unwrap_or_default();
            output += "\n";
        }
    }
    (passed, output)
}

fn from_libtest(text: &str) -> Vec<String> {
    let passed =
        text.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... ok"));
    passed.map(str::to_owned).collect()
}

/// What tests/harness/need.rs prints for a test that runs as another user, or beside its sources.
fn elsewhere(line: &str) -> Option<(String, String)> {
    let (test, words) = line.strip_prefix("not here: ")?.split_once(' ')?;
    Some((test.to_owned(), words.to_owned()))
}

/// What it prints for a test that lacks a program.
fn lacking(line: &str) -> Option<&str> {
    line.strip_prefix("skipped: ")?.split(' ').next()
}

#[cfg(test)]
mod tests {
    use super::Results;

    #[test]
    fn a_test_that_left_its_work_to_another_run_did_not_pass() {
        let text = "not here: a::c7_x runs as root\ntest a::c7_x ... ok\ntest a::c8_y ... ok\n\
                    skipped: a::b lacks the program git\ntest a::b ... ok\ntest a::c9_z ... FAILED\n";
        let xml = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nextest-run"><testsuite name="fluvio-secret::main">
<testcase name="a::c7_x" classname="fluvio-secret::main"><system-out>
test a::c7_x ... ok</system-out><system-err>not here: a::c7_x runs as root
</system-err></testcase>
<testcase name="a::c8_y" classname="fluvio-secret::main"/>
<testcase name="a::b"><system-err>skipped: a::b lacks the program git
</system-err></testcase>
<testcase name="a::c9_z"><failure type="test failure">x</failure></testcase>
</testsuite></testsuites>"#;
        let expected = Results {
            passed: vec!["a::c8_y".to_owned()],
            elsewhere: vec![("a::c7_x".to_owned(), "runs as root".to_owned())],
        };
        assert_eq!(Results::parse(text).as_ref(), Ok(&expected));
        assert_eq!(Results::parse(xml).as_ref(), Ok(&expected));
        assert!(Results::parse("<?xml version=\"1.0\"?><testsuites>").is_err());
    }
}
