//! What the values of its secrets make of a configuration's text, and which of them is to blame.

use fluvio_secret_protocol::check::Finding;
use fluvio_secret_protocol::limits;
use serde_yaml::Value;

use super::rendering::{Outcome, Rendering};
use super::values::TextValue;
use crate::finding::{about, error, warning};
use crate::parsed::Parsed;

/// The most bytes that are parsed, all together, to find out which of several values is to blame.
const MOST_BLAMED: usize = 4 << 20;

/// Renders the text as a connector does, and finds what that changes.
pub(super) fn find(document: &Parsed<'_>, secrets: &[TextValue]) -> Vec<Finding> {
    let Some(first) = document.templates.first() else { return Vec::new() };
    let first = document.place_of_template(first);
    let rendering = Rendering { document, secrets };
    if rendering.is_as_written() {
        return Vec::new();
    }
    let all = |_: usize| true;
    let Some(before) = rendering.stand_ins() else {
        // There is no shape to compare with, and there need not be one.
        let rendered = rendering.parse(document.text, &document.templates, &all);
        return match rendered {
            Err(Outcome::NoYaml) => {
                let text = "with its templates rendered, the file is invalid YAML, so the connector does not start";
                let remedy = "check the text around the templates: `${{-` and `-}}` remove spaces and line ends";
                vec![error("breaks-the-file", first, text, remedy)]
            }
            _ => Vec::new(),
        };
    };
    match rendering.outcome(&before, &all) {
        Outcome::Same => Vec::new(),
        Outcome::TooLarge => {
            let text = "with the values of its secrets, the file is too large to check";
            vec![warning("too-large-to-check", first, text, "")]
        }
        outcome => blamed(&rendering, &before, outcome),
    }
}

/// Finds the values that change the file each by itself, or else the first one: only together they do.
fn blamed(rendering: &Rendering<'_>, before: &Value, outcome: Outcome) -> Vec<Finding> {
    let document = rendering.document;
    let mut findings = Vec::new();
    let mut left = MOST_BLAMED;
    let mut is_blamed = false;
    for index in 0..document.templates.len() {
        let one = rendering.outcome(before, &|other| other == index);
        if one != Outcome::Same && one != Outcome::TooLarge {
            is_blamed = true;
            findings.extend(changed(rendering, before, index, one));
        }
        left = left.saturating_sub(document.text.len() + rendering.value_of(index).len());
        if left == 0 || findings.len() >= limits::FINDINGS {
            break;
        }
    }
    if !is_blamed {
        let first = document.templates.iter().position(|template| template.lookup().is_some());
        findings.extend(changed(rendering, before, first.unwrap_or(0), outcome));
    }
    findings
}

fn changed(
    rendering: &Rendering<'_>,
    before: &Value,
    index: usize,
    outcome: Outcome,
) -> Option<Finding> {
    let name = rendering.name_of(index)?;
    let (code, text) = match outcome {
        Outcome::NoYaml => (
            "breaks-the-file",
            format!(
                "with the value of `{name}`, the file is invalid YAML, so the connector does not start"
            ),
        ),
        Outcome::BadConfig => (
            "refused-with-value",
            format!(
                "with the value of `{name}`, Fluvio refuses the file, so the connector does not start"
            ),
        ),
        _ => (
            "changes-the-file",
            format!(
                "the value of `{name}` changes on the way: YAML reads it differently in this place"
            ),
        ),
    };
    let place = rendering.document.place_of_template(&rendering.document.templates[index]);
    Some(about(name, error(code, place, text, rendering.remedy(before, index))))
}
