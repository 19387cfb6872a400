//! What the values of its secrets make of a configuration's text, and which of them is to blame.

use fluvio_secret_protocol::limits;
use serde_yaml::Value;

use super::Check;
use super::document::Read;
use super::rendering::{Outcome, Rendering};
use super::values::TextValue;
use crate::template::Template;

/// How many bytes are parsed, all together, to find out which of several values is to blame.
const MOST_BLAMED: usize = 4 << 20;

impl Check {
    /// Renders the text as a connector does, and looks at what becomes of it.
    pub(super) fn rendered(&mut self, document: &Read<'_>, secrets: &[TextValue]) {
        if document.templates.is_empty() {
            return;
        }
        let rendering = Rendering { document, secrets };
        let all = |_: usize| true;
        let Some(before) = rendering.stand_ins() else {
            // There is no shape to compare with, and there need not be one.
            if rendering.parse(document.text, &document.templates, &all) == Err(Outcome::NoYaml) {
                let place = document.place_of_template(0);
                let text = "with its templates rendered the file is no YAML any more, so the connector does not start";
                let remedy = "look at what is around the templates; `${{-` and `-}}` take away blanks and line ends";
                self.error("breaks-the-file", place, None, text, remedy);
            }
            return;
        };
        let outcome = rendering.outcome(&before, &all);
        if outcome == Outcome::Same {
            return;
        }
        if outcome == Outcome::TooLarge {
            let place = document.place_of_template(0);
            let text = "with the values of its secrets the file is too large to check";
            self.warning("too-large-to-check", place, None, text, "");
            return;
        }
        let most = self.checked.findings.len() + limits::FINDINGS;
        let mut left = MOST_BLAMED;
        let mut is_blamed = false;
        for index in 0..document.templates.len() {
            let one = rendering.outcome(&before, &|other| other == index);
            if one != Outcome::Same && one != Outcome::TooLarge {
                is_blamed = true;
                self.changed(&rendering, &before, index, one);
            }
            left = left.saturating_sub(document.text.len() + rendering.value_of(index).len());
            if left == 0 || self.checked.findings.len() >= most {
                break;
            }
        }
        if !is_blamed {
            // Only together they do it.
            let first = document.templates.iter().position(Template::is_lookup).unwrap_or(0);
            self.changed(&rendering, &before, first, outcome);
        }
    }

    fn changed(
        &mut self,
        rendering: &Rendering<'_>,
        before: &Value,
        index: usize,
        outcome: Outcome,
    ) {
        let Some(name) = rendering.name_of(index) else { return };
        let place = rendering.document.place_of_template(index);
        let (code, text) = match outcome {
            Outcome::NoYaml => (
                "breaks-the-file",
                format!(
                    "with the value of `{name}` the file is no YAML any more, so the connector does not start"
                ),
            ),
            Outcome::BadConfig => (
                "refused-with-value",
                format!(
                    "with the value of `{name}` Fluvio refuses the file, so the connector does not start"
                ),
            ),
            _ => (
                "changes-the-file",
                format!(
                    "the value of `{name}` does not arrive as it is: YAML reads something else in this place"
                ),
            ),
        };
        self.error(code, place, Some(name), text, rendering.remedy(before, index));
    }
}
