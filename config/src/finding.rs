//! Findings, as they are made here: with a place, and without the sender's own words.

use fluvio_secret_protocol::check::{Finding, Severity};
use fluvio_secret_protocol::{SecretName, limits};

use crate::source_map::Location;

/// Something that keeps the connector from starting as intended.
pub(crate) fn error(
    code: &str,
    place: Location,
    text: impl Into<String>,
    remedy: impl Into<String>,
) -> Finding {
    let Location { line, column, length } = place;
    Finding {
        severity: Severity::Error,
        code: code.to_owned(),
        line,
        column,
        length,
        name: None,
        text: text.into(),
        remedy: remedy.into(),
    }
}

/// Something that does not.
pub(crate) fn warning(
    code: &str,
    place: Location,
    text: impl Into<String>,
    remedy: impl Into<String>,
) -> Finding {
    Finding { severity: Severity::Warning, ..error(code, place, text, remedy) }
}

pub(crate) fn about(name: &SecretName, finding: Finding) -> Finding {
    Finding { name: Some(name.clone()), ..finding }
}

/// As many findings as a message holds, in the order of their places. Errors are kept before warnings.
pub(crate) fn limited(mut findings: Vec<Finding>) -> Vec<Finding> {
    let place = |finding: &Finding| (finding.line, finding.column);
    findings.sort_by_key(|finding| (finding.severity != Severity::Error, place(finding)));
    findings.truncate(limits::FINDINGS);
    findings.sort_by_key(place);
    findings
}
