//! What arbitrary configurations reference, and that a connector's engine renders what `check` finds
//! nothing wrong with. `cargo xtask fuzz` bounds the time and the memory.
#![no_main]

use std::collections::BTreeMap;

use fluvio_secret_config::{Document, KnownSecret, Values, is_configuration};
use fluvio_secret_daemon::fuzzing::references;
use fluvio_secret_protocol::{Secret, SecretName, limits};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior};

libfuzzer_sys::fuzz_target!(|config: &[u8]| {
    let _ = is_configuration(config);
    let Ok(names) = references(config) else { return };
    assert!(names.len() <= limits::GRANT_NAMES);
    assert!(names.is_sorted_by(|one, next| one < next), "in order, each once");
    let checked = Document::read(config).check(Values::Of(&known));
    // What is computed is not checked.
    let is_computed = checked.findings.iter().any(|finding| finding.code == "computed");
    if is_computed || checked.has_errors() {
        return;
    }
    let secrets: BTreeMap<_, _> = names.iter().map(|name| (name.as_str(), "v")).collect();
    let text = std::str::from_utf8(config).expect("it was read");
    let rendered = engine().render_str(text, BTreeMap::from([("secrets", secrets)]));
    assert!(rendered.is_ok(), "the engine refuses it: {rendered:?}");
});

fn known(_: &SecretName) -> KnownSecret {
    KnownSecret::Value(Secret::from(b"v".to_vec()))
}

fn engine() -> Environment<'static> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(500));
    let syntax = SyntaxConfig::builder()
        .variable_delimiters("${{", "}}")
        .block_delimiters("${%", "%}")
        .comment_delimiters("${#", "#}")
        .build();
    engine.set_syntax(syntax.expect("delimiters"));
    engine
}
