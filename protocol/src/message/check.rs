//! What keeps a connector from starting with a configuration.

use std::fmt;

use fluvio_secret_system::printable;
use serde::de::VariantAccess;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::call::Answer;
use crate::frame::{Frame, FrameError, Incoming, Message};
use crate::parts::Parts;
use crate::{SecretName, limits};

/// Check a configuration.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The configuration's bytes, at most [`limits::CONFIG_BYTES`].
    #[serde(skip)]
    pub config: Zeroizing<Vec<u8>>,
}

/// What was found in a configuration.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Checked {
    /// The findings in the order of their lines; at most [`limits::FINDINGS`].
    pub findings: Vec<Finding>,
    /// The secrets that it references, in alphabetical order.
    pub names: Vec<SecretName>,
    /// Why something was not checked, if something was not.
    pub unchecked: Option<String>,
}

/// The code of a value that a secrets file cannot carry, and the environment can.
pub const BY_ENVIRONMENT: &str = "by-environment";

/// The code of a secret that the vault does not have.
pub const MISSING_SECRET: &str = "missing-secret";

/// The code of a secret of the personal vault, because the vault does not have it.
pub const PERSONAL_SECRET: &str = "personal-secret";

/// The code of a secret whose file is older than one that this machine has seen.
pub const OLDER_SECRET: &str = "older-secret";

/// The code of a secret that cannot be decrypted.
pub const DAMAGED_SECRET: &str = "damaged-secret";

/// The code of a value that neither a secrets file nor the environment can carry.
pub const UNFIT_VALUE: &str = "unfit";

/// The code of values that are too large for one answer.
pub const LARGE_VALUES: &str = "large";

/// What helps if a secret is not encrypted for this machine's key, and the machine is not a member. To set it again would
/// replace it for everyone.
pub const ADD_THIS_MACHINE: &str =
    "have an admin of the vault admit this machine, after: fluvio-secret member request";

/// What helps if a secret is not encrypted for the key of a member: its writer did not know of that member yet.
pub const SET_BY_MEMBER: &str = "have a member that can decrypt it set it again";

/// A place in a configuration, what happens there, and what helps. Never a value, nor a part of one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Whether the connector starts all the same.
    pub severity: Severity,
    /// The kind, for programs: like `missing-secret`.
    pub code: String,
    /// The line in the file as it is, beginning with 1.
    pub line: usize,
    /// The column of the first character, beginning with 1.
    pub column: usize,
    /// How many characters it is about; 0 where only the place is known.
    pub length: usize,
    /// The secret that it is about, if it is about one.
    pub name: Option<SecretName>,
    /// What happens.
    pub text: String,
    /// What helps.
    pub remedy: String,
}

/// Whether a connector starts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It does not, or with something else than was meant.
    Error,
    /// It does.
    Warning,
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the configuration: people write values into them.
        f.debug_struct("Check").finish_non_exhaustive()
    }
}

messages! {
    Check = "check" [config: limits::CONFIG_BYTES] => Checked, Reads;
    Checked = "checked";
}

/// In place of an answer: what would keep the connector from starting.
impl<M: Message> Incoming for Result<M, Checked> {
    fn read<'de, F: VariantAccess<'de>>(name: &str, fields: F) -> Result<Self, F::Error> {
        match name {
            Checked::NAME => Checked::read_fields(fields).map(Err),
            _ => M::read(name, fields).map(Ok),
        }
    }

    fn content(&mut self) -> &mut dyn Parts {
        match self {
            Ok(answer) => answer,
            Err(checked) => checked,
        }
    }
}

impl<M: Message> Answer for Result<M, Checked> {
    fn into_frame(self) -> Result<Frame, FrameError> {
        match self {
            Ok(answer) => Frame::new(answer),
            Err(checked) => Frame::new(checked),
        }
    }
}

impl Checked {
    /// Whether a connector would not start, or with something else than was meant.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// Whether a value cannot be delivered, with or without the check.
    #[must_use]
    pub fn lacks_a_value(&self) -> bool {
        const LOST: [&str; 4] = [MISSING_SECRET, DAMAGED_SECRET, UNFIT_VALUE, LARGE_VALUES];
        self.findings.iter().any(|finding| LOST.contains(&&*finding.code))
    }

    /// Whether a connector would not start, with or without the check.
    #[must_use]
    pub fn keeps_from_start(&self, is_checked: bool) -> bool {
        if is_checked { self.has_errors() } else { self.lacks_a_value() }
    }

    /// Takes a value that needs the environment for an error: its connector gets a secrets file.
    pub fn refuse_by_environment(&mut self) {
        for finding in self.findings.iter_mut().filter(|one| one.code == BY_ENVIRONMENT) {
            finding.severity = Severity::Error;
        }
    }

    /// Whether a connector with a lease would not start, with or without the check.
    pub fn keeps_from_lease(&mut self, is_checked: bool) -> bool {
        self.refuse_by_environment();
        self.keeps_from_start(is_checked)
            || self.findings.iter().any(|finding| finding.code == BY_ENVIRONMENT)
    }

    /// The findings as text for people, each with its line of the file underlined.
    ///
    /// ```text
    /// error: the secret `API_TOKEN` is not in the vault
    ///   --> cat-facts.yaml:12:11
    ///    |
    /// 12 |   token: "${{ secrets.API_TOKEN }}"
    ///    |           ^^^^^^^^^^^^^^^^^^^^^^^^
    ///    = help: set it with: fluvio-secret set API_TOKEN
    /// ```
    #[must_use]
    pub fn report(&self, path: &str, text: &str) -> String {
        let lines: Vec<_> = text.lines().collect();
        let mut report = String::new();
        for finding in &self.findings {
            finding.report(path, &lines, &mut report);
            report.push('\n');
        }
        if self.findings.len() >= limits::FINDINGS {
            report += &format!("note: only the first {} findings are shown\n\n", limits::FINDINGS);
        }
        if let Some(unchecked) = &self.unchecked {
            report += &format!("note: {path}: {unchecked}\n");
        }
        report
    }
}

impl Finding {
    fn report(&self, path: &str, lines: &[&str], report: &mut String) {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let Self { text, line, column, remedy, .. } = self;
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        *report += &format!("{word}: {text}\n{margin}--> {path}:{line}:{column}\n");
        if let Some(shown) = lines.get(line.wrapping_sub(1)) {
            let (shown, before, marked) = excerpt(shown, *column, self.length);
            *report += &format!("{margin} |\n{number} | {shown}\n");
            *report += &format!("{margin} | {}{}\n", " ".repeat(before), "^".repeat(marked));
        }
        if !remedy.is_empty() {
            *report += &format!("{margin} = help: {remedy}\n");
        }
    }
}

/// More of a line than this is not shown: it would fill the screen.
const SHOWN: usize = 100;

/// The part of a line that is shown, the number of characters before the underline, and the underline's
/// length. A tab becomes a space. A character that would drive the terminal is replaced.
fn excerpt(line: &str, column: usize, length: usize) -> (String, usize, usize) {
    let clean = |c: char| match c {
        '\t' => ' ',
        c if printable::is_unsafe(c) => '\u{fffd}',
        c => c,
    };
    let from = column.saturating_sub(1);
    // Of a long line, what is around the place.
    let skipped = if from > SHOWN * 3 / 4 { from - SHOWN / 4 } else { 0 };
    let mut shown: String = line.chars().skip(skipped).take(SHOWN).map(clean).collect();
    let mut before = from - skipped;
    let marked = length.max(1).min(shown.chars().count().saturating_sub(before).max(1));
    if skipped > 0 {
        shown.insert(0, '\u{2026}');
        before += 1;
    }
    (shown, before, marked)
}

#[cfg(test)]
mod tests {
    use super::{Checked, Finding, Severity};

    fn checked(line: usize, column: usize, length: usize) -> Checked {
        let finding = Finding {
            severity: Severity::Error,
            code: "x".into(),
            line,
            column,
            length,
            name: None,
            text: "what happens".into(),
            remedy: "what helps".into(),
        };
        Checked { findings: vec![finding], names: Vec::new(), unchecked: None }
    }

    #[test]
    fn a_finding_underlines_its_line() {
        assert_eq!(
            checked(2, 4, 3).report("c.yaml", "a: 1\nb: xyz\n"),
            "error: what happens\n --> c.yaml:2:4\n  |\n2 | b: xyz\n  |    ^^^\n  = help: what helps\n\n"
        );
    }

    #[test]
    fn a_place_beyond_the_text_is_no_fault_of_ours() {
        for (line, column, length) in [(9, 1, 1), (1, 900, 5), (1, 1, 900), (0, 0, 0)] {
            let report = checked(line, column, length).report("c.yaml", "a: 1\n");
            assert!(report.starts_with("error: what happens\n"), "{report}");
            assert!(report.lines().all(|line| line.chars().count() < 1000), "{report}");
        }
    }

    #[test]
    fn of_a_long_line_the_part_around_the_place_is_shown() {
        let text = format!("{}HERE{}", "\u{fc}".repeat(500), "y".repeat(500));
        let report = checked(1, 501, 4).report("c.yaml", &text);
        let lines: Vec<_> = report.lines().collect();
        let at = |line: &str, c: char| line.chars().position(|found| found == c);
        assert_eq!(at(lines[3], 'H'), at(lines[4], '^'));
        assert!(lines[3].chars().count() < 120);
    }

    #[test]
    fn nothing_drives_the_terminal() {
        let report = checked(1, 1, 1).report("c.yaml", "a:\u{1b}[2J\tb\n");
        assert!(!report.contains(['\u{1b}', '\t']), "{report:?}");
    }
}
