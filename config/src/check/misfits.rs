//! What Fluvio refuses in its own part of a configuration.

use std::borrow::Cow;

use fluvio_secret_protocol::check::Finding;
use serde_yaml::{Mapping, Value};

use crate::finding::{error, warning};
use crate::other_format;
use crate::parsed::Parsed;
use crate::path::{Path, PathStep};
use crate::schema::{Expectation, Misfit, judge};
use crate::source_map::Location;

/// The most misfits that are found in one file: after each one the rest is judged again.
const MOST_MISFITS: usize = 16;

/// The keys that were at the top before 2023, and are below `meta:` now.
const FLAT: [&str; 6] = ["version", "name", "type", "topic", "producer", "consumer"];

/// Those of them that each configuration has.
const REQUIRED: [&str; 4] = ["name", "type", "topic", "version"];

/// Finds everything that Fluvio refuses: each misfit is fixed in a copy, and the copy is judged again.
pub(super) fn find(document: &Parsed<'_>) -> Vec<Finding> {
    if !document.value.is_mapping() {
        return vec![no_map(document)];
    }
    let mut findings = Vec::new();
    let flat = flat_keys(&document.value);
    let mut value = Cow::Borrowed(&document.value);
    if !flat.is_empty() {
        findings.push(not_below_meta(document, &flat));
        findings.extend(misplaced_secrets(document));
        put_below_meta(value.to_mut(), &flat);
    }
    for _ in 0..MOST_MISFITS {
        let Err(misfit) = judge(&value) else { break };
        findings.extend(misfit_finding(document, &misfit, !flat.is_empty()));
        if !fix(value.to_mut(), &misfit) {
            break;
        }
    }
    findings
}

/// A file that is not a map is not a configuration of any version.
fn no_map(document: &Parsed<'_>) -> Finding {
    other_format::toml(document.text).unwrap_or_else(|| {
        let text = "this is not a connector's configuration: it has no keys like `meta:`";
        let remedy = format!("replace it with a map, and begin with `{LEAST_META}`");
        error("bad-config", Location::START, text, remedy)
    })
}

fn not_below_meta(document: &Parsed<'_>, flat: &[&str]) -> Finding {
    let keys = and_list(flat);
    let missing = REQUIRED.into_iter().filter(|key| !flat.contains(key));
    let missing: Vec<_> = missing.map(|key| format!("`{key}: {}`", sample(key))).collect();
    let added = match missing.is_empty() {
        true => String::new(),
        false => format!(", then add the missing keys: {}", missing.join(", ")),
    };
    let is_flow = document.is_flow(&Path::default());
    let has_meta = document.value.get("meta").is_some();
    let old = |meta| {
        format!("{keys} at the top are the format before 2023: Fluvio reads them below `{meta}`")
    };
    let (text, remedy) = match (is_flow, has_meta) {
        (true, _) => {
            (old("meta"), format!("move these keys into a map `\"meta\": {{}}`: {keys}{added}"))
        }
        (false, false) => (
            old("meta:"),
            format!(
                "add a line `meta:` above this one, and move these keys below it, indented by 2 spaces: {keys}{added}"
            ),
        ),
        (false, true) => (
            format!("{keys} are not below `meta:`, because they are not indented"),
            format!("move these keys below the line `meta:`, indented by 2 spaces: {keys}{added}"),
        ),
    };
    let place = document.places().key(&Path::keys(&flat[..1]));
    error("not-below-meta", place, text, remedy)
}

/// In the format from before 2023 a configuration had values of secrets.
fn misplaced_secrets(document: &Parsed<'_>) -> Option<Finding> {
    document.value.get("secrets").filter(|secrets| secrets.is_mapping())?;
    let place = document.places().key(&Path::keys(&["secrets"]));
    let text = "Fluvio reads no values of secrets from a configuration";
    let remedy = "remove this key with everything below it, then set each secret with: fluvio-secret set NAME";
    Some(warning("misplaced-secrets", place, text, remedy))
}

fn misfit_finding(document: &Parsed<'_>, misfit: &Misfit, is_flat: bool) -> Option<Finding> {
    let shown = misfit.path.to_string();
    // What is below `meta` after the keys were moved is at the top of the file.
    let path = match misfit.path.0.split_first() {
        Some((PathStep::Key(key), rest)) if is_flat && key == "meta" => Path(rest.to_vec()),
        _ => misfit.path.clone(),
    };
    if !misfit.is_missing {
        return Some(unexpected(document, &path, &shown, &misfit.expected));
    }
    // Missing keys are named with the keys that have to be moved.
    let is_reported = is_flat && path.0.len() == 1;
    (!is_reported).then(|| missing(document, &path, &shown))
}

fn unexpected(document: &Parsed<'_>, path: &Path, shown: &str, expected: &Expectation) -> Finding {
    let value = path.of(&document.value);
    if let Some(needed) = expected.version
        && value.is_some_and(Value::is_mapping)
    {
        let text = format!("Fluvio refuses `{shown}`: a map needs `apiVersion: {needed}`");
        let (place, remedy) = document.version_remedy(needed);
        return error("bad-config", place, text, remedy);
    }
    let Expectation { what, sample, .. } = expected;
    let mut place = document.places().value(path);
    let key = document.places().key(path);
    let remedy = match value {
        Some(value) if has_template(value) && expected.is_typed => format!(
            "write the value itself, like `{sample}`: Fluvio reads it before templates are rendered"
        ),
        Some(Value::Null) if place.length == 0 || place == key => {
            place = key;
            let indent = " ".repeat(key.column.saturating_sub(1));
            format!("write a value on this line: `{indent}{}: {sample}`", path.last_key())
        }
        Some(Value::Number(_) | Value::Bool(_)) if expected.is_text => {
            "put it in double quotes".to_owned()
        }
        Some(Value::Sequence(list))
            if shown == "meta"
                && !list.is_empty()
                && list.iter().all(Value::is_mapping)
                && !document.is_flow(path) =>
        {
            "replace the dash at the start of each line below `meta:` with a space".to_owned()
        }
        _ => format!("write {what} in its place, like `{sample}`"),
    };
    let text = format!("Fluvio refuses `{shown}`: it expects {what}");
    error("bad-config", place, text, remedy)
}

fn missing(document: &Parsed<'_>, path: &Path, shown: &str) -> Finding {
    let last = path.last_key();
    let sample = sample(&last);
    let parent = path.parent();
    let is_top = path.0.len() == 1;
    let (place, remedy) = match (is_top, document.is_flow(&parent), parent.0.last()) {
        (true, true, _) => (
            document.places().value(&parent),
            "add after this `{`: `\"meta\": {\"name\": \"NAME\", \"type\": \"TYPE\", \"topic\": \"TOPIC\", \"version\": \"0.1.0\"},`".to_owned(),
        ),
        (true, false, _) => (document.first_key(), format!("add a line above this one: `{LEAST_META}`")),
        (false, true, _) => (
            document.places().value(&parent),
            format!("add after this `{{`: `\"{last}\": \"{sample}\",`"),
        ),
        // The first key of an item is on the line of its dash.
        (false, false, Some(PathStep::Index(_))) => (
            document.places().value(&parent),
            format!(
                "begin this item with `- {last}: {sample}`, and move what is here to the next line"
            ),
        ),
        (false, false, _) => {
            let indent = document.indent_below(&parent);
            let remedy = format!("add a line below this one: `{indent}{last}: {sample}`");
            (document.places().key(&parent), remedy)
        }
    };
    error("bad-config", place, format!("`{shown}` is missing, and Fluvio refuses the file"), remedy)
}

const LEAST_META: &str = "meta: {name: NAME, type: TYPE, topic: TOPIC, version: 0.1.0}";

fn sample(key: &str) -> &'static str {
    match key {
        "name" => "NAME",
        "type" => "TYPE",
        "topic" => "TOPIC",
        "version" => "0.1.0",
        "strategy" => "auto",
        "uses" => "NAME",
        _ => "{name: TOPIC}",
    }
}

fn and_list(keys: &[&str]) -> String {
    let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
    match keys.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => keys.concat(),
    }
}

/// The keys at the top that belong below `meta:`, in the order of the file. Without a `meta:` they are
/// the format from before 2023; with an empty one they are not indented.
fn flat_keys(document: &Value) -> Vec<&'static str> {
    let Some(map) = document.as_mapping() else { return Vec::new() };
    if map.get("meta").is_some_and(|meta| !meta.is_null()) {
        return Vec::new();
    }
    let keys = map.keys().filter_map(Value::as_str);
    let keys = keys.filter_map(|key| FLAT.into_iter().find(|flat| *flat == key));
    let keys: Vec<_> = keys.collect();
    // A single one may be the connector's own.
    let required = keys.iter().filter(|key| REQUIRED.contains(key)).count();
    if required > 1 { keys } else { Vec::new() }
}

fn put_below_meta(document: &mut Value, flat: &[&str]) {
    let Some(map) = document.as_mapping_mut() else { return };
    let mut meta = Mapping::new();
    for key in flat {
        if let Some(value) = map.remove(*key) {
            meta.insert((*key).into(), value);
        }
    }
    map.insert("meta".into(), Value::Mapping(meta));
}

/// Fixes a misfit, so that the rest can be judged. Returns whether that is possible.
fn fix(document: &mut Value, misfit: &Misfit) -> bool {
    let Misfit { path, is_missing, expected } = misfit;
    let Some(parent) = path.parent().of_mut(document) else { return false };
    let fixed = expected.fixed.map(|fixed| serde_yaml::from_str(fixed).unwrap_or(Value::Null));
    match (parent, path.0.last(), fixed) {
        (Value::Mapping(map), Some(PathStep::Key(key)), Some(fixed)) => {
            map.insert(key.clone().into(), fixed);
            true
        }
        (Value::Mapping(map), Some(PathStep::Key(key)), None) => {
            !is_missing && map.remove(key.as_str()).is_some()
        }
        (Value::Sequence(list), Some(PathStep::Index(index)), _) if *index < list.len() => {
            list.remove(*index);
            true
        }
        _ => false,
    }
}

fn has_template(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains("${{"))
}
