//! A secrets file is read as connectors read it, or refused. Nothing of it is in what is said about it, by
//! any format.
#![no_main]

use std::collections::HashSet;

use fluvio_secret_cli::fuzzing::{flat_map, secrets_file};
use fluvio_secret_fuzz::CANARY;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // What looks like another format is refused, so only what is read is compared.
    if let (Some(secrets), _) = secrets_file(bytes, false) {
        let secrets: Vec<_> =
            secrets.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        let expected = std::str::from_utf8(bytes).ok().and_then(expected);
        assert!(expected == Some(secrets), "read otherwise");
    }
    for is_dotenv in [false, true] {
        let (_, said) = secrets_file(&marked(bytes), is_dotenv);
        assert!(!said.concat().contains(CANARY), "{said:?}");
        let (_, said) = flat_map(&marked(bytes), is_dotenv);
        assert!(!said.concat().contains(CANARY), "{said:?}");
        let (_, said) = flat_map(bytes, is_dotenv);
        assert!(said.iter().all(|text| text.len() < 1000), "{said:?}");
    }
    // A name is what stands before the = of a line, and never a piece of a value in quotes.
    if let (Some(secrets), _) = secrets_file(bytes, true) {
        let text = String::from_utf8_lossy(bytes);
        assert!(secrets.iter().all(|(name, _)| text.contains(name.as_str())), "a name of ours");
    }
});

/// What connectors find: lines, split at the first `=`, both sides without spaces, the first line
/// with a name. `None` when a line has no name that they could ask for.
fn expected(text: &str) -> Option<Vec<(&str, &[u8])>> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut names = HashSet::new();
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.trim().starts_with('#')) {
        let Some((name, value)) = line.split_once('=') else { continue };
        let name = name.trim();
        let first = name.chars().next()?;
        if first.is_ascii_digit() || !name.chars().all(is_word) || name.len() > 128 {
            return None;
        }
        if names.insert(name) {
            found.push((name, value.trim().as_bytes()));
        }
    }
    Some(found)
}

/// The same with a text that may be nowhere else in each name and at the end of each line.
fn marked(bytes: &[u8]) -> Vec<u8> {
    let mark = |line: &[u8]| {
        let name = line.iter().position(|&byte| byte == b'=').unwrap_or(0);
        let (name, value) = line.split_at(name);
        [name, CANARY.as_bytes(), value, CANARY.as_bytes()].concat()
    };
    bytes.split(|&byte| byte == b'\n').map(mark).collect::<Vec<_>>().join(&b'\n')
}
