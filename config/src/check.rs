//! All that would keep a connector from starting, or make it start with something else than was meant.

use std::cell::OnceCell;

use fluvio_secret_protocol::carry::{self, Unfit};
use fluvio_secret_protocol::check::{Checked, Finding, Severity};
use fluvio_secret_protocol::{Secret, SecretName, limits};
use serde_yaml::Value;
use zeroize::Zeroizing;

use crate::path::{Path, Place, Places};
use crate::references::{Reference, by_map, declared, is_versioned, names};
use crate::schema::{Misfit, judge};
use crate::shape::{is_same, stand_in};
use crate::template::{Kind, Template, out_of_fuel, render, templates};
use crate::{ConfigError, budget, syntax};

/// A rendered text is not looked at when it is longer: what it would cost to parse is not worth it.
const MOST_RENDERED: usize = 256 << 10;

/// How many bytes are parsed, all together, to find out which of several values is to blame.
const MOST_BLAMED: usize = 4 << 20;

/// The values of the secrets, as far as they may be looked at.
#[derive(Clone, Copy)]
pub enum Values<'a> {
    /// They are not asked for.
    NotAsked,
    /// What a vault has.
    Of(&'a dyn Fn(&SecretName) -> Known),
}

/// What is known of a secret's value.
#[derive(Debug)]
pub enum Known {
    /// It is there, and cannot be looked at now, for this reason.
    Closed(String),
    /// It is not there.
    Missing,
    /// It is this.
    Value(Secret),
}

/// Checks a configuration.
#[must_use]
pub fn check(bytes: &[u8], values: Values<'_>) -> Checked {
    let mut check = Check::default();
    match std::str::from_utf8(bytes) {
        Ok(text) => check.text(text, values),
        Err(error) => {
            let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
            let place = Place::of_bytes(&before, before.len(), before.len());
            let text = "the file is not UTF-8, and connectors read nothing else";
            check.error("not-utf-8", place, None, text, "save it as UTF-8");
        }
    }
    check.done()
}

#[derive(Default)]
struct Check {
    checked: Checked,
}

/// How the values of a configuration can go, all of them the same way.
#[derive(Default)]
struct Ways {
    bytes: usize,
    /// One that a secrets file cannot carry.
    not_by_file: Option<SecretName>,
    not_by_environment: Vec<(SecretName, Place, Unfit)>,
}

/// A document that was read.
struct Document<'a> {
    text: &'a str,
    value: Value,
    /// Found when a finding needs them: mostly there is none.
    places: OnceCell<Places>,
    templates: Vec<Template>,
    declared: Vec<Reference>,
    by_map: Vec<Reference>,
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

    fn text(&mut self, text: &str, values: Values<'_>) {
        let Some(document) = self.read(text) else { return };
        self.schema(&document);
        self.templates(&document);
        self.unused(&document);
        let secrets = self.values(&document, values);
        // What would not be rendered, or not as we render it, has no rendered text to look at.
        let is_known =
            |template: &Template| matches!(template.kind, Kind::Comment | Kind::Lookup(_));
        if !self.checked.has_errors() && document.templates.iter().all(is_known) {
            self.rendered(&document, &secrets);
        }
    }

    /// Reads the raw text, as a connector does first.
    fn read<'a>(&mut self, text: &'a str) -> Option<Document<'a>> {
        match budget::check(text) {
            Ok(()) | Err(ConfigError::NotYaml { .. }) => {}
            Err(error) => {
                let remedy = "write out less, with fewer aliases and brackets";
                self.error("too-large", Place::START, None, error.to_string(), remedy);
                return None;
            }
        }
        let value: Value = match serde_yaml::from_str(text) {
            Ok(value) => value,
            Err(error) => {
                let fault = syntax::fault(&error, text);
                self.error(fault.code, fault.place, None, fault.text, fault.remedy);
                return None;
            }
        };
        let found = declared(&value).and_then(|declared| Ok((declared, by_map(&value)?)));
        let (declared, by_map) = match found {
            Ok(found) => found,
            Err((error, path)) => {
                self.bad_reference(&error, Places::of(text).value(&path));
                return None;
            }
        };
        match names(&declared, &by_map) {
            Ok(names) => self.checked.names = names,
            Err(error) => {
                let remedy = "reference fewer secrets";
                self.error("too-many", Place::START, None, error.to_string(), remedy);
                return None;
            }
        }
        let (places, templates) = (OnceCell::new(), templates(text));
        Some(Document { text, value, places, templates, declared, by_map })
    }

    fn bad_reference(&mut self, error: &ConfigError, place: Place) {
        match error {
            ConfigError::BadName { why, .. } => self.error(
                "bad-name",
                place,
                None,
                format!("this is no name of a secret: {why}"),
                "use letters, digits and _ only, here and where the secret is set",
            ),
            _ => self.error(
                "bad-secrets",
                place,
                None,
                "`meta.secrets` is not a list of names, and the connector refuses the file",
                "write each secret as `- name: NAME` below `secrets:`",
            ),
        }
    }

    fn schema(&mut self, document: &Document<'_>) {
        let Err(Misfit { path, is_missing, expected }) = judge(&document.value) else { return };
        let place = match is_missing {
            // The key that it should be below.
            true => document.places().key(&path),
            false => document.places().value(&path),
        };
        let text = match path.to_string().as_str() {
            "" => "Fluvio reads no connector's configuration here".to_owned(),
            path if is_missing => format!("`{path}` is missing, and Fluvio refuses the file"),
            path => format!("Fluvio refuses `{path}`"),
        };
        self.error("bad-config", place, None, text, format!("Fluvio expects {expected}"));
    }

    fn templates(&mut self, document: &Document<'_>) {
        let is_declared =
            |name: &SecretName| document.declared.iter().any(|(declared, _)| declared == name);
        if let Some(index) = out_of_fuel(document.text, &document.templates) {
            let place = document.place_of_template(index);
            let text = "these are more templates than the connector's engine renders: it ends here";
            let remedy = "write some as `secret: {name: NAME}`, which is not rendered";
            self.error("too-many-templates", place, None, text, remedy);
        }
        for template in &document.templates {
            let place = Place::of_bytes(document.text, template.from, template.to);
            match &template.kind {
                Kind::Comment => {}
                Kind::Lookup(name) if is_declared(name) => {}
                Kind::Filter(_) | Kind::Lookup(_) | Kind::Undefined(_) if !template.is_certain => {
                    self.computed(place);
                }
                Kind::Lookup(name) => self.undeclared(document, name, place),
                Kind::Filter(name) => self.error(
                    "filter",
                    place,
                    Some(name),
                    "a connector's templates have no filters, so it does not start",
                    format!("write `${{{{ secrets.{name} }}}}`, and set the secret as it shall be used"),
                ),
                Kind::Undefined(Some(name)) => self.error(
                    "undefined",
                    place,
                    None,
                    format!("`{name}` is no variable of a connector's templates, so it does not start"),
                    format!("for the secret write `${{{{ secrets.{name} }}}}`, and `- name: {name}` below `meta.secrets`"),
                ),
                Kind::Undefined(None) => self.error(
                    "undefined",
                    place,
                    None,
                    "this is no variable of a connector's templates, so it does not start",
                    "only `${{ secrets.NAME }}` is; a `${{` that is none of a template cannot be written",
                ),
                Kind::Unclosed => self.error(
                    "unclosed-template",
                    place,
                    None,
                    "a template is opened here and not closed, so the connector does not start",
                    "close it with the same sign: `}}`, `%}` or `#}`",
                ),
                Kind::Computed => self.computed(place),
            }
        }
    }

    fn computed(&mut self, place: Place) {
        let text = "this is computed by the connector and not checked";
        self.warning("computed", place, None, text, "");
    }

    /// A lookup of a name that is not among the declared ones.
    fn undeclared(&mut self, document: &Document<'_>, name: &SecretName, place: Place) {
        if is_versioned(&document.value) {
            self.error(
                "undeclared",
                place,
                Some(name),
                format!("`{name}` is not declared, so the connector does not start"),
                format!("add `- name: {name}` to the list `secrets:` below `meta:`"),
            );
        } else {
            self.error(
                "no-api-version",
                place,
                Some(name),
                "without `apiVersion` the declared secrets mean nothing, so the connector does not start",
                "add a first line `apiVersion: 0.1.0`",
            );
        }
    }

    /// Declarations that mean nothing.
    fn unused(&mut self, document: &Document<'_>) {
        let secrets = document.value.get("meta").and_then(|meta| meta.get("secrets"));
        if secrets.is_some_and(|secrets| !secrets.is_null()) && !is_versioned(&document.value) {
            let place = document.places().key(&Path::keys(&["meta", "secrets"]));
            let text = "without `apiVersion` the declared secrets mean nothing, and are not given";
            let remedy = "add a first line `apiVersion: 0.1.0`";
            self.warning("no-api-version", place, None, text, remedy);
        }
        let is_computed = document.templates.iter().any(|one| one.kind == Kind::Computed);
        for (name, path) in &document.declared {
            let in_template = |template: &Template| match &template.kind {
                Kind::Lookup(used) | Kind::Filter(used) => used == name,
                _ => false,
            };
            let is_used = document.templates.iter().any(in_template)
                || document.by_map.iter().any(|(used, _)| used == name);
            if !is_used && !is_computed {
                let place = document.places().value(path);
                let text = format!(
                    "`{name}` is declared and not used; the connector gets it all the same"
                );
                self.warning("unused", place, Some(name), text, "remove it from `meta.secrets`");
            }
        }
    }

    /// Looks at the vault; gives the values of the declared secrets, when all are known.
    fn values(
        &mut self,
        document: &Document<'_>,
        values: Values<'_>,
    ) -> Option<Vec<(SecretName, Zeroizing<String>)>> {
        let Values::Of(known) = values else { return None };
        let mut texts = Vec::new();
        let mut are_all_known = true;
        let mut ways = Ways::default();
        for name in self.checked.names.clone() {
            // Each start of a connector comes by here, mostly without a finding.
            let place = || document.place_of(&name);
            match known(&name) {
                Known::Missing => {
                    let text = format!("the secret `{name}` is not in the vault");
                    let remedy = format!("set it with: fluvio secret set {name}");
                    self.error("missing-secret", place(), Some(&name), text, remedy);
                    are_all_known = false;
                }
                Known::Closed(why) => {
                    self.checked.unchecked.get_or_insert(why);
                    are_all_known = false;
                }
                Known::Value(value) => {
                    self.carried(&name, &value, place, &mut ways);
                    match std::str::from_utf8(value.expose()) {
                        Ok(text) => texts.push((name, Zeroizing::new(text.to_owned()))),
                        Err(_) => are_all_known = false,
                    }
                }
            }
        }
        self.together(&ways);
        are_all_known.then_some(texts)
    }

    /// What neither a secrets file nor the environment carries reaches no connector.
    fn carried(
        &mut self,
        name: &SecretName,
        value: &Secret,
        place: impl Fn() -> Place,
        ways: &mut Ways,
    ) {
        ways.bytes += value.len();
        match (carry::by_file(value), carry::by_environment(name, value)) {
            (Ok(()), Ok(())) => {}
            (Ok(()), Err(why)) => ways.not_by_environment.push((name.clone(), place(), why)),
            (Err(by_file), Ok(())) => {
                ways.not_by_file.get_or_insert_with(|| name.clone());
                self.warning(
                    "by-environment",
                    place(),
                    Some(name),
                    format!("a secrets file cannot carry `{name}` ({by_file}), so all secrets go by the environment"),
                    "with cdk say so: --inject env",
                );
            }
            (Err(by_file), Err(by_environment)) => self.error(
                "unfit",
                place(),
                Some(name),
                format!("`{name}` cannot reach a connector: in a secrets file {by_file}, and by the environment {by_environment}"),
                format!("set another value with: fluvio secret set {name}"),
            ),
        }
    }

    /// All secrets go the same way, and in one answer.
    fn together(&mut self, ways: &Ways) {
        if let Some(other) = &ways.not_by_file {
            for (name, place, why) in &ways.not_by_environment {
                let text = format!(
                    "`{name}` cannot reach a connector together with `{other}`, which a secrets file cannot carry: by the environment {why}"
                );
                let remedy = "set another value of one of the two";
                self.error("unfit", *place, Some(name), text, remedy);
            }
        }
        if ways.bytes > limits::GRANT_BYTES {
            // How many they have is not for a message: it tells of the values.
            let most = limits::GRANT_BYTES;
            let text = format!("the secrets have more than {most} bytes together");
            let remedy = "reference fewer secrets, or smaller ones";
            self.error("large", Place::START, None, text, remedy);
        }
    }

    /// Renders the text as a connector does, and looks at what becomes of it.
    fn rendered(
        &mut self,
        document: &Document<'_>,
        secrets: &Option<Vec<(SecretName, Zeroizing<String>)>>,
    ) {
        if document.templates.is_empty() {
            return;
        }
        let Some(secrets) = secrets else { return };
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

impl Document<'_> {
    fn places(&self) -> &Places {
        self.places.get_or_init(|| Places::of(self.text))
    }

    /// Where a name is referenced first: by a template, by a map, or by its declaration.
    fn place_of(&self, name: &SecretName) -> Place {
        let is_lookup =
            |template: &&Template| matches!(&template.kind, Kind::Lookup(used) if used == name);
        if let Some(template) = self.templates.iter().find(is_lookup) {
            return Place::of_bytes(self.text, template.from, template.to);
        }
        let references = self.by_map.iter().chain(&self.declared);
        let found = references.into_iter().find(|(used, _)| used == name);
        found.map_or(Place::START, |(_, path)| self.places().value(path))
    }

    fn place_of_template(&self, index: usize) -> Place {
        self.templates
            .get(index)
            .map_or(Place::START, |template| Place::of_bytes(self.text, template.from, template.to))
    }
}

/// What became of a rendered text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    /// Fluvio refuses it.
    BadConfig,
    /// Something else than the value's own place is another.
    Changed,
    NoYaml,
    Same,
    TooLarge,
}

/// A document with the values of its secrets.
struct Rendering<'a> {
    document: &'a Document<'a>,
    secrets: &'a [(SecretName, Zeroizing<String>)],
}

impl Rendering<'_> {
    fn name_of(&self, index: usize) -> Option<&SecretName> {
        match &self.document.templates.get(index)?.kind {
            Kind::Lookup(name) => Some(name),
            _ => None,
        }
    }

    fn value_of(&self, index: usize) -> &str {
        let name = self.name_of(index);
        let found = self.secrets.iter().find(|(known, _)| Some(known) == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// The document with a stand-in in each place.
    fn stand_ins(&self) -> Option<Value> {
        self.parse(self.document.text, &self.document.templates, &|_| false).ok()
    }

    /// What becomes of the document when these templates have their values, and the others stand-ins.
    fn outcome(&self, before: &Value, has_value: &dyn Fn(usize) -> bool) -> Outcome {
        let Document { text, templates, .. } = self.document;
        match self.parse(text, templates, has_value) {
            Err(outcome) => outcome,
            Ok(after) if judge(&after).is_err() => Outcome::BadConfig,
            Ok(after) => match is_same(before, &after, &|text| self.put(text, has_value)) {
                true => Outcome::Same,
                false => Outcome::Changed,
            },
        }
    }

    fn parse(
        &self,
        text: &str,
        templates: &[Template],
        has_value: &dyn Fn(usize) -> bool,
    ) -> Result<Value, Outcome> {
        let stand_ins: Vec<_> = (0..templates.len()).map(stand_in).collect();
        let value = |index: usize, _: &SecretName| match has_value(index) {
            true => self.value_of(index),
            false => stand_ins[index].as_str(),
        };
        let of_values: usize = (0..templates.len())
            .filter(|&index| has_value(index))
            .map(|i| self.value_of(i).len())
            .sum();
        if text.len() + of_values > MOST_RENDERED {
            return Err(Outcome::TooLarge);
        }
        let rendered = Zeroizing::new(render(text, templates, value));
        match budget::check(&rendered) {
            Ok(()) => {}
            Err(ConfigError::NotYaml { .. }) => return Err(Outcome::NoYaml),
            Err(_) => return Err(Outcome::TooLarge),
        }
        serde_yaml::from_str(&rendered).map_err(|_| Outcome::NoYaml)
    }

    fn put(&self, text: &str, has_value: &dyn Fn(usize) -> bool) -> String {
        let mut text = text.to_owned();
        for index in (0..self.document.templates.len()).filter(|&index| has_value(index)) {
            let stand_in = stand_in(index);
            if text.contains(&stand_in) {
                text = text.replace(&stand_in, self.value_of(index));
            }
        }
        text
    }

    /// A remedy that was tried.
    fn remedy(&self, before: &Value, index: usize) -> String {
        let Some(name) = self.name_of(index) else { return String::new() };
        for (quote, told) in [('"', "double"), ('\'', "single")] {
            if self.works_in(before, index, quote) {
                return format!("put it in {told} quotes: {quote}${{{{ secrets.{name} }}}}{quote}");
            }
        }
        format!(
            "write `secret: {{name: {name}}}` in place of the text, where the connector reads a secret there: a map is not rendered; or set another value"
        )
    }

    /// Whether the template in these quotes carries the value, where it is a text of its own.
    fn works_in(&self, before: &Value, index: usize, quote: char) -> bool {
        let Document { text, templates: all, .. } = self.document;
        let template = &all[index];
        let (head, tail) = (&text[..template.from], &text[template.to..]);
        let (head, tail) = without_quotes(head, tail);
        let is_alone = head.ends_with([' ', '[', ',', '-'])
            && (tail.is_empty() || tail.starts_with(['\n', '\r', ',', ']', '}']));
        if !is_alone {
            return false;
        }
        let quote = quote.to_string();
        let quoted = [head, &quote, &text[template.from..template.to], &quote, tail].concat();
        let only = |other: usize| other == index;
        self.parse(&quoted, &templates(&quoted), &only)
            .is_ok_and(|after| is_same(before, &after, &|text| self.put(text, &only)))
    }
}

/// What is around a text, without the quotes that it has.
fn without_quotes<'a>(head: &'a str, tail: &'a str) -> (&'a str, &'a str) {
    for quote in ['"', '\''] {
        if let (Some(head), Some(tail)) = (head.strip_suffix(quote), tail.strip_prefix(quote)) {
            return (head, tail);
        }
    }
    (head, tail)
}

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
