//! All that would keep a connector from starting, or make it start with something else than was meant.
//!
//! In the order in which a connector would meet it:
//!
//! * [`document`]: the text is read
//! * [`lookups`]: what its templates look up
//! * [`misfits`]: what Fluvio refuses in `meta` and `transforms`
//! * [`declarations`]: what it references to no purpose
//! * [`logged`]: which values a log level would print
//! * [`values`]: whether the vault has the secrets, and whether they can be carried
//! * [`rendered`]: what the values make of the text, found out by [`rendering`]

mod declarations;
mod document;
mod logged;
mod lookups;
mod misfits;
mod rendered;
mod rendering;
mod values;

use fluvio_secret_protocol::check::{Checked, Finding, Severity};
use fluvio_secret_protocol::{SecretName, limits};

pub use self::document::Document;
use self::document::Read;
pub use self::values::{Known, Values};
use crate::path::Place;

/// Checks a configuration of which nothing else is needed.
#[must_use]
pub fn check(bytes: &[u8], values: Values<'_>) -> Checked {
    Document::read(bytes).check(values)
}

#[derive(Default)]
struct Check {
    checked: Checked,
}

impl Check {
    fn done(mut self) -> Checked {
        let findings = &mut self.checked.findings;
        let place = |finding: &Finding| (finding.line, finding.column);
        // Whatever is left out, it is no error for a warning.
        findings.sort_by_key(|finding| (finding.severity != Severity::Error, place(finding)));
        findings.truncate(limits::FINDINGS);
        findings.sort_by_key(place);
        self.checked
    }

    fn find(
        &mut self,
        severity: Severity,
        code: &str,
        place: Place,
        name: Option<&SecretName>,
        text: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let Place { line, column, length } = place;
        self.checked.findings.push(Finding {
            severity,
            code: code.to_owned(),
            line,
            column,
            length,
            name: name.cloned(),
            text: text.into(),
            remedy: remedy.into(),
        });
    }

    fn error(
        &mut self,
        code: &str,
        place: Place,
        name: Option<&SecretName>,
        text: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.find(Severity::Error, code, place, name, text, remedy);
    }

    fn warning(
        &mut self,
        code: &str,
        place: Place,
        name: Option<&SecretName>,
        text: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.find(Severity::Warning, code, place, name, text, remedy);
    }

    fn document(&mut self, document: &Read<'_>, values: Values<'_>) {
        self.checked.names = document.names().to_vec();
        self.schema(document);
        self.templates(document);
        self.unversioned(document);
        self.unused(document);
        self.near_misses(document);
        self.literal(document);
        self.logged(document);
        let secrets = self.values(document, values);
        let Some(secrets) = secrets else { return };
        if !self.checked.has_errors() && document.is_rendered_alike() {
            self.rendered(document, &secrets);
        }
    }
}

#[cfg(test)]
mod helps;
#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::check::Severity;
    use fluvio_secret_protocol::{Secret, SecretName, limits};

    use super::{Known, Values, check};

    const META: &str = "name: c, type: t-source, topic: t, version: 0.1.0";

    fn config(rest: &str) -> String {
        format!("apiVersion: 0.1.0\nmeta: {{{META}, secrets: [{{name: S}}, {{name: T}}]}}\n{rest}")
    }

    /// The codes and lines of the errors, when every secret has this value.
    fn errors(text: &str, value: &str) -> Vec<(String, usize)> {
        let known = |_: &SecretName| Known::Value(Secret::from(value.as_bytes().to_vec()));
        let checked = check(text.as_bytes(), Values::Of(&known));
        let errors = checked.findings.into_iter();
        let errors = errors.filter(|finding| finding.severity == Severity::Error);
        errors.map(|finding| (finding.code, finding.line)).collect()
    }

    #[test]
    fn warnings_do_not_push_an_error_out() {
        let names: String =
            (0..limits::FINDINGS + 1).map(|n| format!("{{name: N{n}}}, ")).collect();
        let text = config("a: ${{ secrets.U }}\nb: \"${{ secrets.S }} ${{ secrets.T }}\"\n");
        let text = text.replace("{name: S}", &format!("{names}{{name: S}}"));
        assert_eq!(errors(&text, "v"), [("undeclared".to_owned(), 3)]);
        let text = text.replace("a: ${{ secrets.U }}", "a: 1").replace("b: \"", "b: 1\nc: \"");
        assert_eq!(errors(&text, "\\q"), vec![("breaks-the-file".to_owned(), 5); 2]);
    }

    #[test]
    fn templates_that_take_away_too_much_are_found() {
        for rest in ["a:\n  ${{- secrets.S }}\nb: 1\n", "a: x${{ secrets.S -}}\nb: 1\n"] {
            let found = errors(&config(rest), "v");
            assert_eq!(found.len(), 1, "{rest}");
            assert_eq!(found[0].0, "breaks-the-file", "{rest}");
        }
    }

    #[test]
    fn a_comment_of_the_engine_hides_nothing() {
        let text = config("# ${# c #}\na: ${{ secrets.S }}\nb: ${{ secrets.T }}\n");
        assert_eq!(errors(&text, "v"), []);
        assert_eq!(errors(&text, "1").len(), 2);
    }

    #[test]
    fn what_is_in_a_block_is_no_error() {
        for rest in [
            "# ${% raw %}${{ TOKEN }}${% endraw %}\n",
            "# ${% if secrets.S %}${{ TOKEN }}${{ secrets.U }}${{ secrets.S | f }}${% endif %}\n",
        ] {
            assert_eq!(errors(&config(rest), "v"), [], "{rest}");
        }
        let behind = "# ${% if secrets.S %}${% endif %}${{ TOKEN }}\n";
        assert_eq!(errors(&config(behind), "v"), [("undefined".to_owned(), 3)]);
    }
}
