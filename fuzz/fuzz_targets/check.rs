//! What is found in arbitrary configurations: never more than a message holds, and never a value.
//! `cargo xtask fuzz` bounds the time and the memory.
#![no_main]

use fluvio_secret_config::{Document, KnownSecret, Values};
use fluvio_secret_fuzz::CANARY;
use fluvio_secret_protocol::check::Checked;
use fluvio_secret_protocol::frame::encode;
use fluvio_secret_protocol::{Secret, SecretName, limits};

libfuzzer_sys::fuzz_target!(|config: &[u8]| {
    let told = [
        told(Document::read(config).check(Values::NotAsked), config),
        told(Document::read(config).check(Values::Of(&of_a_vault)), config),
        told(Document::read(config).check(Values::Of(&canaries)), config),
    ];
    // The text of the file is not repeated, so what is found there can only be of a value.
    let is_typed = String::from_utf8_lossy(config).contains(CANARY);
    assert!(
        is_typed || !told.iter().any(|told| told.contains(CANARY)),
        "a value was told: {told:?}"
    );
});

/// Values of several kinds; the last letter of a name selects one.
fn of_a_vault(name: &SecretName) -> KnownSecret {
    let value: &[u8] = match name.as_str().as_bytes().last() {
        Some(b'A') => b"cnry",
        Some(b'B') => b"cnry: bearer 'cnry' \"cnry\" #cnry",
        Some(b'C') => b"0123",
        Some(b'D') => b"-----BEGIN cnry-----\ncnry: cnry\n-----END cnry-----\n",
        Some(b'E') => b"",
        Some(b'F') => b"cnry\xff",
        Some(b'G') => b"cnry\0",
        Some(b'H') => b"\\cnry ${{ secrets.cnry }} }} ",
        Some(b'I') => return KnownSecret::Missing(None),
        Some(b'J') => return KnownSecret::Closed("the vault is locked".to_owned()),
        _ => b"v",
    };
    KnownSecret::Value(Secret::from(value.to_vec()))
}

/// One that breaks most documents.
fn canaries(_: &SecretName) -> KnownSecret {
    KnownSecret::Value(Secret::from(b"cnry: [\"cnry\n\t'cnry".to_vec()))
}

/// What is said, once it was seen that it can be said.
fn told(checked: Checked, config: &[u8]) -> String {
    assert!(checked.findings.len() <= limits::FINDINGS);
    assert!(checked.names.len() <= limits::GRANT_NAMES);
    assert!(checked.findings.is_sorted_by_key(|finding| (finding.line, finding.column)));
    let text = String::from_utf8_lossy(config);
    for finding in &checked.findings {
        assert!(finding.line > 0 && finding.column > 0, "they begin with 1: {finding:?}");
    }
    // The report has lines of the file; that it ends is all that is asked of it.
    let _ = checked.report("c.yaml", &text);
    let said =
        checked.findings.iter().map(|finding| format!("{}\n{}\n", finding.text, finding.remedy));
    let said: String = said.chain(checked.unchecked.clone()).collect();
    encode(&checked).expect("what is found fits into a frame");
    said
}
