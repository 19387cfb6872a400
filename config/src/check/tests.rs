//! What is found in whole configurations.

use fluvio_secret_protocol::check::Severity;
use fluvio_secret_protocol::{Secret, SecretName, limits};

use super::{KnownSecret, KnownSecrets, Setter, Values};
use crate::document::Document;
use crate::yaml::tests::PARSED;

mod helps;

const META: &str = "name: c, type: t-source, topic: t, version: 0.1.0";

fn config(rest: &str) -> String {
    format!("apiVersion: 0.1.0\nmeta: {{{META}, secrets: [{{name: S}}, {{name: T}}]}}\n{rest}")
}

/// The codes and lines of the errors, when every secret has this value.
fn errors(text: &str, value: &str) -> Vec<(String, usize)> {
    let known = |_: &SecretName| KnownSecret::Value(Secret::from(value.as_bytes().to_vec()));
    let checked = Document::read(text.as_bytes()).check(Values::Of(&known));
    let errors = checked.findings.into_iter();
    let errors = errors.filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| (finding.code, finding.line)).collect()
}

#[test]
fn a_good_configuration_is_parsed_once_and_with_its_values_once_more() {
    PARSED.set(0);
    let text = config("a: ${{ secrets.S }}\nb: \"${{ secrets.T }}\" # ${{ secrets.T }}\n");
    let document = Document::read(text.as_bytes());
    assert_eq!(document.references().expect("valid YAML").names.len(), 2);
    assert_eq!(PARSED.get(), 1);
    let known = |_: &SecretName| KnownSecret::Value(Secret::from(b"v".to_vec()));
    assert_eq!(document.check(Values::Of(&known)).findings, []);
    assert_eq!(PARSED.get(), 2);
}

/// A vault without values, whose secrets may be set so.
struct Empty(Setter);

impl KnownSecrets for Empty {
    fn known(&self, name: &SecretName) -> KnownSecret {
        match name.as_str() {
            "S" => KnownSecret::Deleted,
            _ => KnownSecret::Missing(None),
        }
    }

    fn setter(&self) -> Setter {
        self.0.clone()
    }
}

#[test]
fn the_next_step_is_one_that_this_machine_may_take() {
    let text = config("a: ${{ secrets.S }}\nb: ${{ secrets.T }}\n");
    let remedies = |setter| {
        let checked = Document::read(text.as_bytes()).check(Values::Of(&Empty(setter)));
        checked.findings.into_iter().map(|finding| finding.remedy).collect::<Vec<_>>()
    };
    let here = ["restore it with: fluvio-secret restore S", "set it with: fluvio-secret set T"];
    assert_eq!(remedies(Setter::default()), here);
    let named = here.map(|remedy| format!("{remedy} --vault /p"));
    assert_eq!(remedies(Setter::ThisMachine(" --vault /p".to_owned())), named);
    let elsewhere = ["restore it", "set it"];
    let elsewhere = elsewhere.map(|step| format!("{step} on a machine that may change the vault"));
    assert_eq!(remedies(Setter::Others), elsewhere);
}

#[test]
fn warnings_do_not_push_an_error_out() {
    let names: String = (0..limits::FINDINGS + 1).map(|n| format!("{{name: N{n}}}, ")).collect();
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
