//! References that mean something else than they seem to.

use super::Check;
use super::document::Document;
use crate::path::Path;
use crate::references::{has_unknown_version, is_versioned, near_misses};
use crate::template::{Kind, Template};

impl Check {
    /// What looks like a reference and is none.
    pub(super) fn near_misses(&mut self, document: &Document<'_>) {
        for path in near_misses(&document.value) {
            let place = document.places().key(&path);
            let text = "this references no secret, so the connector is given none for it";
            let remedy =
                "write a reference as `secret: {name: NAME}`, with nothing else in either map";
            self.warning("no-reference", place, None, text, remedy);
        }
    }

    /// Declarations that mean nothing.
    pub(super) fn unused(&mut self, document: &Document<'_>) {
        let secrets = document.value.get("meta").and_then(|meta| meta.get("secrets"));
        let means_nothing = !is_versioned(&document.value) && !has_unknown_version(&document.value);
        if secrets.is_some_and(|secrets| !secrets.is_null()) && means_nothing {
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
}
