//! Values that a connector's log would show: those of templates in the parts that Fluvio logs.

use serde_yaml::Value;

use super::Check;
use super::document::Read;
use crate::path::{Path, Step};
use crate::references::is_fluvios;
use crate::template::{Kind, Template, templates};

impl Check {
    /// Lookups below `meta` and `transforms`, which a connector logs with their values at the levels
    /// debug and trace.
    pub(super) fn logged(&mut self, document: &Read<'_>) {
        if !document.templates.iter().any(Template::is_lookup) {
            return;
        }
        let mut found = Vec::new();
        each_text(&document.value, &mut Path::default(), &mut |text, path| {
            if !is_fluvios(path) {
                return;
            }
            let names = templates(text).into_iter().filter_map(|template| match template.kind {
                Kind::Lookup(name) => Some(name),
                _ => None,
            });
            found.extend(names.map(|name| (name, path.clone())));
        });
        for (name, path) in found {
            let place = document.places().value(&path);
            let part = path.0.first().map(Path::of_step).unwrap_or_default();
            let text = format!(
                "at the log levels debug and trace the connector logs `{part}`, with the value of `{name}`"
            );
            let remedy =
                "start the connector without --log-level debug or trace, and without RUST_LOG";
            self.warning("logged-value", place, Some(&name), text, remedy);
        }
    }
}

/// Shows each text of a document, keys included, and where it is.
fn each_text(value: &Value, path: &mut Path, show: &mut dyn FnMut(&str, &Path)) {
    match value {
        Value::String(text) => show(text, path),
        Value::Mapping(map) => {
            for (key, value) in map {
                path.0.push(Step::Key(key.as_str().unwrap_or("?").to_owned()));
                if let Some(key) = key.as_str() {
                    show(key, path);
                }
                each_text(value, path, show);
                path.0.pop();
            }
        }
        Value::Sequence(values) => {
            for (at, value) in values.iter().enumerate() {
                path.0.push(Step::Index(at));
                each_text(value, path, show);
                path.0.pop();
            }
        }
        Value::Tagged(tagged) => each_text(&tagged.value, path, show),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
