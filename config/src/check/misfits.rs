//! What Fluvio's own part of a configuration has to be, and is not.

use serde_yaml::{Mapping, Value};

use super::Check;
use super::document::Read;
use crate::other_format::is_toml;
use crate::path::{Path, Place, Step};
use crate::schema::{Expected, Misfit, judge};
use crate::syntax::{TOML, TOML_REMEDY};

/// How many faults are found in one file: after each one the rest is judged again.
const MOST: usize = 16;

/// The keys that were at the top before 2023, and are below `meta:` now.
const FLAT: [&str; 6] = ["version", "name", "type", "topic", "producer", "consumer"];

/// Those of them that no configuration is without.
const REQUIRED: [&str; 4] = ["name", "type", "topic", "version"];

impl Check {
    /// Finds everything that Fluvio refuses, all at once: each fault is set right in a copy, and the
    /// copy is judged again.
    pub(super) fn schema(&mut self, document: &Read<'_>) {
        if self.is_other_format(document) {
            return;
        }
        let flat = flat(&document.value);
        let mut value = document.value.clone();
        if !flat.is_empty() {
            self.flat(document, &flat);
            put_below_meta(&mut value, &flat);
        }
        for _ in 0..MOST {
            let Err(misfit) = judge(&value) else { return };
            self.misfit(document, &misfit, !flat.is_empty());
            if !set_right(&mut value, &misfit) {
                return;
            }
        }
    }

    /// A file that is no map, and so no configuration of any version.
    fn is_other_format(&mut self, document: &Read<'_>) -> bool {
        if document.value.is_mapping() {
            return false;
        }
        let (code, text, remedy) = match is_toml(document.text) {
            true => ("toml", TOML.to_owned(), TOML_REMEDY.to_owned()),
            false => (
                "bad-config",
                "this is not a connector's configuration: it has no keys like `meta:`".to_owned(),
                format!("replace it with a map, and begin with `{META}`"),
            ),
        };
        self.error(code, Place::START, None, text, remedy);
        true
    }

    /// Keys at the top that Fluvio reads below `meta:`.
    fn flat(&mut self, document: &Read<'_>, flat: &[&str]) {
        let has_meta = document.value.get("meta").is_some();
        let place = document.places().key(&Path::keys(&flat[..1]));
        let keys = listed(flat);
        let missing: Vec<_> = REQUIRED.into_iter().filter(|key| !flat.contains(key)).collect();
        let added = missing.iter().map(|key| format!("`{key}: {}`", sample(key)));
        let added = added.collect::<Vec<_>>().join(", ");
        let added = match missing.is_empty() {
            true => String::new(),
            false => format!("; then add what is missing there: {added}"),
        };
        let (text, remedy) = match (document.is_flow(&Path::default()), has_meta) {
            (true, _) => (
                format!(
                    "{keys} at the top are the format from before 2023: Fluvio reads them below `meta`"
                ),
                format!("move these keys into a map `\"meta\": {{}}`: {keys}{added}"),
            ),
            (false, false) => (
                format!(
                    "{keys} at the top are the format from before 2023: Fluvio reads them below `meta:`"
                ),
                format!(
                    "add a line `meta:` above this one, and move these keys below it, indented by 2 spaces: {keys}{added}"
                ),
            ),
            (false, true) => (
                format!("{keys} are not below `meta:`, because they are not indented"),
                format!(
                    "move these keys below the line `meta:`, indented by 2 spaces: {keys}{added}"
                ),
            ),
        };
        self.error("not-below-meta", place, None, text, remedy);
        if document.value.get("secrets").is_some_and(Value::is_mapping) {
            let place = document.places().key(&Path::keys(&["secrets"]));
            let text = "Fluvio reads no values of secrets from a configuration";
            let remedy = "remove this key with everything below it; set each secret with: fluvio secret set NAME";
            self.warning("misplaced-secrets", place, None, text, remedy);
        }
    }

    fn misfit(&mut self, document: &Read<'_>, misfit: &Misfit, is_flat: bool) {
        let Misfit { path, is_missing, expected } = misfit;
        let shown = path.to_string();
        // What is below `meta` after the keys were moved stands at the top of the file.
        let path = match path.0.split_first() {
            Some((Step::Key(key), rest)) if is_flat && key == "meta" => Path(rest.to_vec()),
            _ => path.clone(),
        };
        if *is_missing {
            // The keys that are not there yet are named with those that have to be moved.
            let is_told = is_flat && path.0.len() == 1;
            if !is_told {
                self.missing(document, &path, &shown);
            }
            return;
        }
        let place = document.places().value(&path);
        let key = document.places().key(&path);
        let value = at(&document.value, &path);
        let sample = expected.sample;
        if let Expected { version: Some(needed), .. } = expected
            && value.is_some_and(Value::is_mapping)
        {
            let text = format!("Fluvio refuses `{shown}`: a map needs `apiVersion: {needed}`");
            let (place, remedy) = document.version_remedy(needed);
            self.error("bad-config", place, None, text, remedy);
            return;
        }
        let text = format!("Fluvio refuses `{shown}`: it expects {}", expected.what);
        let is_list =
            matches!(value, Some(Value::Sequence(list)) if list.iter().all(Value::is_mapping));
        let (place, remedy) = match value {
            Some(value) if has_template(value) && expected.is_typed => (
                place,
                format!(
                    "write the value itself, like `{sample}`: Fluvio reads it before templates are rendered"
                ),
            ),
            Some(Value::Null) if place.length == 0 || place == key => {
                let indent = " ".repeat(key.column.saturating_sub(1));
                let last = path.0.last().map(Path::of_step).unwrap_or_default();
                (key, format!("write a value on this line: `{indent}{last}: {sample}`"))
            }
            Some(Value::Number(_) | Value::Bool(_)) if expected.is_text => {
                (place, "put it in double quotes".to_owned())
            }
            Some(Value::Sequence(list))
                if shown == "meta" && is_list && !list.is_empty() && !document.is_flow(&path) =>
            {
                (
                    place,
                    "replace the dash at the start of each line below `meta:` with a space"
                        .to_owned(),
                )
            }
            _ => (place, format!("write {} in its place, like `{sample}`", expected.what)),
        };
        self.error("bad-config", place, None, text, remedy);
    }

    fn missing(&mut self, document: &Read<'_>, path: &Path, shown: &str) {
        let text = format!("`{shown}` is missing, and Fluvio refuses the file");
        let last = path.0.last().map(Path::of_step).unwrap_or_default();
        let parent = Path(path.0[..path.0.len() - 1].to_vec());
        let (place, remedy) = match (path.0.len(), document.is_flow(&parent)) {
            (1, true) => (
                document.places().value(&parent),
                "add after this `{`: `\"meta\": {\"name\": \"NAME\", \"type\": \"TYPE\", \"topic\": \"TOPIC\", \"version\": \"0.1.0\"},`".to_owned(),
            ),
            (1, false) => (document.first_key(), format!("add a line above this one: `{META}`")),
            (_, true) => (
                document.places().value(&parent),
                format!("add after this `{{`: `\"{last}\": \"{}\",`", sample(&last)),
            ),
            (_, false) => {
                let indent = document.indent_below(&parent);
                let line = format!("{indent}{last}: {}", sample(&last));
                match parent.0.last() {
                    // The first key of an item stands on the line of its dash.
                    Some(Step::Index(_)) => (
                        document.places().value(&parent),
                        format!(
                            "begin this item with `- {last}: {}`, and move what is here to the next line",
                            sample(&last)
                        ),
                    ),
                    _ => (
                        document.places().key(&parent),
                        format!("add a line below this one: `{line}`"),
                    ),
                }
            }
        };
        self.error("bad-config", place, None, text, remedy);
    }
}

/// The least that Fluvio reads.
const META: &str = "meta: {name: NAME, type: TYPE, topic: TOPIC, version: 0.1.0}";

/// What may stand for a key that has to be added.
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

fn listed(keys: &[&str]) -> String {
    let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
    match keys.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => keys.concat(),
    }
}

/// The keys at the top that belong below `meta:`, in the order of the file. Without a `meta:` they are
/// the format from before 2023; with an empty one they are not indented.
fn flat(document: &Value) -> Vec<&'static str> {
    let Some(map) = document.as_mapping() else { return Vec::new() };
    if map.get("meta").is_some_and(|meta| !meta.is_null()) {
        return Vec::new();
    }
    let keys = map.keys().filter_map(Value::as_str);
    let keys = keys.filter_map(|key| FLAT.into_iter().find(|flat| *flat == key));
    let keys: Vec<_> = keys.collect();
    // One of them alone may be the connector's own.
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

/// Sets a fault right, so that the rest can be judged. Gives whether that is possible.
fn set_right(document: &mut Value, misfit: &Misfit) -> bool {
    let Misfit { path, is_missing, expected } = misfit;
    let Some((last, parents)) = path.0.split_last() else { return false };
    let mut at = document;
    for step in parents {
        let next = match step {
            Step::Key(key) => at.get_mut(key),
            Step::Index(index) => at.get_mut(*index),
        };
        let Some(next) = next else { return false };
        at = next;
    }
    let right = expected.right.map(|right| serde_yaml::from_str(right).unwrap_or(Value::Null));
    match (at, last, right) {
        (Value::Mapping(map), Step::Key(key), Some(right)) => {
            map.insert(key.clone().into(), right);
            true
        }
        (Value::Mapping(map), Step::Key(key), None) => {
            !is_missing && map.remove(key.as_str()).is_some()
        }
        (Value::Sequence(list), Step::Index(index), _) if *index < list.len() => {
            list.remove(*index);
            true
        }
        _ => false,
    }
}

fn at<'a>(document: &'a Value, path: &Path) -> Option<&'a Value> {
    path.0.iter().try_fold(document, |at, step| match step {
        Step::Key(key) => at.get(key),
        Step::Index(index) => at.get(*index),
    })
}

fn has_template(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains("${{"))
}
