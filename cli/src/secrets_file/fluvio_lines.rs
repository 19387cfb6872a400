//! A secrets file, read as the connectors of Fluvio read it: lines, split at the first `=`, both
//! sides without the spaces around them, and of two lines with one name the first counts.

use std::collections::BTreeSet;

use fluvio_secret_protocol::{Secret, SecretName, limits};

use super::bad_file::BadFile;
use super::content::SecretsFile;
use super::foreign::{self, Looks};

const EXPORT: Looks = (
    "it begins with `export`, as lines of a .env file do",
    "read it as a .env file with: --format dotenv",
);

pub(super) fn parse(text: &str) -> Result<SecretsFile, BadFile> {
    let mut file = SecretsFile::default();
    let (mut names, mut bad) = (BTreeSet::new(), Vec::new());
    let mut before = "";
    let mut lines = text.split('\n');
    let mut number = 0;
    while let Some(line) = lines.next() {
        number += 1;
        if line.trim_start().starts_with('#') {
            // The first line of a script is one, too.
            file.comments.push(number);
            if foreign::comments_out(line) {
                file.commented_out.push(number);
            }
            continue;
        }
        if line.trim().is_empty() {
            continue;
        }
        let looks = foreign::line(line, before.is_empty());
        if let Some(looks) = looks.or_else(|| foreign::continues_base64(line, before)) {
            return Err(foreign::at(number, looks));
        }
        before = line;
        let Some((name, value)) = line.split_once('=') else {
            file.meaningless.push(number);
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        let looks = foreign::encrypted(name, value);
        if let Some(looks) = looks.or_else(|| foreign::unfinished(value, lines.clone())) {
            return Err(foreign::at(number, looks));
        }
        let Ok(name) = name.parse::<SecretName>() else {
            if name.starts_with("export ") {
                return Err(foreign::at(number, EXPORT));
            }
            bad.push(number);
            continue;
        };
        if !names.insert(name.clone()) {
            file.repeated.push(number);
            continue;
        }
        if value.len() > limits::VALUE_BYTES {
            return Err(BadFile::Value(number));
        }
        if is_quoted(value) {
            file.quoted.push(number);
        }
        if value.starts_with('#') || value.contains(" #") || value.contains("\t#") {
            file.remarks.push(number);
        }
        file.secrets.push((name, Secret::from(value.as_bytes().to_vec())));
    }
    if bad.is_empty() { Ok(file) } else { Err(BadFile::Names(bad)) }
}

fn is_quoted(value: &str) -> bool {
    value.len() > 1 && ['"', '\''].iter().any(|&q| value.starts_with(q) && value.ends_with(q))
}
