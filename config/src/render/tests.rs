//! Templates, and what the engine of connectors does with generated ones.

use std::collections::{BTreeMap, HashSet};

use fluvio_secret_protocol::{Secret, SecretName};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, ErrorKind, UndefinedBehavior};

use super::{FUEL, out_of_fuel, render};
use crate::check::{KnownSecret, Values};
use crate::document::Document;
use crate::template::{Kind, Template, templates};

#[test]
fn a_text_is_rendered_as_a_connector_renders_it() {
    let rendered = |text: &str| render(text, &templates(text), |_, _| "v");
    assert_eq!(rendered("a: ${{ secrets.A }}\nb: 1\n"), "a: v\nb: 1");
    assert_eq!(rendered("a: ${{ secrets.A }}\r\n"), "a: v");
    assert_eq!(rendered("a:  ${{- secrets.A -}}\n b\n\n"), "a:vb\n");
    assert_eq!(rendered("${{ secrets.A }}${{ secrets.A }}"), "vv");
    assert_eq!(rendered("a ${# b #} c ${#- d -#} e"), "a  ce");
    assert_eq!(rendered("a: b\r"), "a: b");
    assert_eq!(rendered("a ${#-#} b"), "a b", "one sign is for one end");
    let newline = |text: &str| render(text, &templates(text), |_, _| "v\n");
    assert_eq!(newline("a: |\n  ${{ secrets.A }}"), "a: |\n  v\n", "the value's own stays");
    let text = "${{ secrets.A }}${{ secrets.B }}";
    let which = |_: usize, name: &SecretName| match name.as_str() {
        "A" => "1",
        _ => "2",
    };
    assert_eq!(render(text, &templates(text), which), "12");
}

#[test]
fn the_fuel_is_counted_as_the_engine_does() {
    let ends = |text: &str| out_of_fuel(text, &templates(text));
    let many = |template: &str, count: usize| format!("a: {}", template.repeat(count));
    for (template, most) in [
        ("${{ secrets.A }} ", 124),
        ("${{ secrets.A }}", 166),
        ("${{ secrets['A'] }} ", 99),
        (" ${{- secrets.A -}} ", 166),
    ] {
        assert_eq!(ends(&many(template, most)), None, "{template}");
        assert_eq!(ends(&many(template, most + 1)), Some(most), "{template}");
    }
    assert_eq!(ends(&(many("${{ secrets.A }}", 166) + "x")), Some(165));
}

/// The engine as connectors have it.
fn engine(fuel: Option<u64>) -> Environment<'static> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(fuel);
    let syntax = SyntaxConfig::builder()
        .variable_delimiters("${{", "}}")
        .block_delimiters("${%", "%}")
        .comment_delimiters("${#", "#}")
        .build();
    engine.set_syntax(syntax.expect("delimiters"));
    engine
}

/// The declared secrets of a connector.
const DECLARED: [(&str, &str); 3] = [("A", "1 a"), ("B_1", ""), ("_c", "${{ secrets.A }}")];

/// What texts are made of.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "${{ secrets.A }}", "${{secrets['B_1']}}", "${{ secrets[\"_c\"] -}}", "${{- secrets . A }}",
    "${# c #}", "${#- c -#}", "${% if secrets.A %}", "${% endif %}", "${% raw %}",
    "${% endraw %}", "${% set U = 1 %}", "${% for U in 'a' %}", "${% endfor %}", "${{ U }}",
    "${{ secrets.A | upper }}", "${{", "${{-", "${{+", "}}", "-}}", "+}}", "${%", "${%-", "%}",
    "-%}", "${#", "#}", "-#}", "$", "{", "}", "{{", "%", "#", " ", "\n", "\r\n", "\r", "\t",
    "\u{a0}", "\u{2028}", "\u{e9}", "secrets", "A", "'", "\"", "raw", "endraw", "endif",
    "set a =", "a: ", "- ",
];

/// What expressions are made of.
#[rustfmt::skip]
const TOKENS: &[&str] = &[
    "secrets", "secrets.", "secrets.A", "secrets['A']", "secrets[", ".", "A", "B_1", "U", "['A']",
    "[", "]", "'A'", "\"A\"", "'a-b'", "'", "\"", "\\", "|", "upper", "if", "else", "not", "true",
    "none", "is", "defined", "in", "and", "1", "1.5", "0x1", "1_", "x1", "-", "+", "~", "*", "==",
    "(", ")", "{", "}", ",", ":", "}}", " ", " ", "\n", "\u{b}", "\u{c}", "\u{a0}", "\u{e9}",
];

/// Numbers that look random, and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % end
    }

    fn some_of(&mut self, pieces: &[&str], most: usize) -> String {
        let count = self.below(most + 1);
        (0..count).map(|_| pieces[self.below(pieces.len())]).collect()
    }
}

fn is_declared(name: &SecretName) -> bool {
    DECLARED.iter().any(|(declared, _)| *declared == name.as_str())
}

/// Compares what is said here of a text with what the engine does.
fn compare(text: &str, engine: &Environment<'_>) -> Result<(), String> {
    let templates = templates(text);
    let context = BTreeMap::from([("secrets", BTreeMap::from(DECLARED))]);
    let rendered = engine.render_str(text, context);
    let is_known = |template: &Template| match &template.kind {
        Kind::Comment => true,
        Kind::Lookup(name) => is_declared(name),
        _ => false,
    };
    let is_refused = |template: &Template| match &template.kind {
        Kind::Unclosed => true,
        Kind::Filter(_) | Kind::Undefined(_) => template.is_certain,
        Kind::Lookup(name) => template.is_certain && !is_declared(name),
        Kind::Comment | Kind::Computed => false,
    };
    if templates.iter().any(is_refused) {
        return match rendered {
            Err(_) => Ok(()),
            Ok(rendered) => Err(format!("{templates:?}, the engine renders {rendered:?}")),
        };
    }
    if !templates.iter().all(is_known) {
        return Ok(());
    }
    let value = |_: usize, name: &SecretName| {
        let declared = DECLARED.iter().find(|(declared, _)| *declared == name.as_str());
        declared.map_or("", |(_, value)| value)
    };
    let ours = render(text, &templates, value);
    match rendered {
        Ok(rendered) if rendered == ours => {}
        other => return Err(format!("{templates:?} as {ours:?}, the engine: {other:?}")),
    }
    let looked_up = engine.template_from_str(text).map_err(|error| error.to_string())?;
    let looked_up = looked_up.undeclared_variables(false);
    let ours = templates.iter().any(|template| template.lookup().is_some());
    let ours = ours.then(|| "secrets".to_owned()).into_iter().collect::<HashSet<_>>();
    if looked_up == ours { Ok(()) } else { Err(format!("{ours:?}, the engine: {looked_up:?}")) }
}

#[test]
fn templates_are_what_the_engine_takes_them_for() {
    let engine = engine(None);
    let mut numbers = Numbers(17);
    let mut failed = BTreeMap::new();
    for _ in 0..10_000 {
        let expression = format!("a: ${{{{{}}}}}\n", numbers.some_of(TOKENS, 7));
        for text in [numbers.some_of(PIECES, 12), expression] {
            if let Err(why) = compare(&text, &engine) {
                failed.insert((text.len(), text), why);
            }
        }
    }
    let first: Vec<_> = failed.iter().take(20).collect();
    assert!(first.is_empty(), "{} failed: {first:#?}", failed.len());
}

#[test]
fn fuel_ends_where_the_engine_says() {
    let engine = engine(Some(FUEL as u64));
    let context = || BTreeMap::from([("secrets", BTreeMap::from(DECLARED))]);
    let mut numbers = Numbers(23);
    for _ in 0..200 {
        let part = numbers.some_of(&PIECES[..6], 4);
        let text = format!("{}{part}", ["", "x"][numbers.below(2)]).repeat(20 + numbers.below(150));
        let ours = out_of_fuel(&text, &templates(&text)).is_some();
        let error = engine.render_str(&text, context()).err();
        let theirs = error.is_some_and(|error| error.kind() == ErrorKind::OutOfFuel);
        assert_eq!(ours, theirs, "{part} in {} bytes", text.len());
    }
}

#[test]
fn what_is_found_good_is_rendered_by_the_engine() {
    let engine = engine(Some(FUEL as u64));
    let head = "apiVersion: 0.1.0\nmeta: {name: c, type: t, topic: t, version: v, secrets: [";
    let known = |_: &SecretName| KnownSecret::Value(Secret::from(b"v".to_vec()));
    let mut numbers = Numbers(29);
    let mut good = 0;
    for _ in 0..1_000 {
        let value = numbers.some_of(PIECES, 6);
        let text = format!("{head}{{name: A}}, {{name: B_1}}, {{name: _c}}]}}\na: '{value}'\n");
        let checked = Document::read(text.as_bytes()).check(Values::Of(&known));
        let is_computed = checked.findings.iter().any(|finding| finding.code == "computed");
        if is_computed || checked.has_errors() {
            continue;
        }
        good += 1;
        let secrets: BTreeMap<_, _> =
            checked.names.iter().map(|name| (name.as_str(), "v")).collect();
        let rendered = engine.render_str(&text, BTreeMap::from([("secrets", secrets)]));
        assert!(rendered.is_ok(), "{value:?}: {rendered:?}");
    }
    assert!(good > 100, "only {good} are good");
}
