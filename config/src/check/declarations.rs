//! References that mean something else than they seem to.

use fluvio_secret_protocol::SecretName;
use serde_yaml::Value;

use super::Check;
use super::document::Read;
use crate::path::{Path, Step};
use crate::references::{has_unknown_version, is_versioned, literal, near_misses};
use crate::template::{Kind, Template};

impl Check {
    /// What looks like a reference and is none.
    pub(super) fn near_misses(&mut self, document: &Read<'_>) {
        for path in near_misses(&document.value) {
            let place = document.places().key(&path);
            let text = "this references no secret, so the connector is given none for it";
            let remedy =
                "write a reference as `secret: {name: NAME}`, with nothing else in either map";
            self.warning("no-reference", place, None, text, remedy);
        }
    }

    /// References that Fluvio passes on as they are written, where it resolves none.
    pub(super) fn literal(&mut self, document: &Read<'_>) {
        for (name, path) in literal(&document.value) {
            let place = document.places().key(&path.with(Step::Key("secret".to_owned())));
            let part = path.0.first().map(Path::of_step).unwrap_or_default();
            let text = format!(
                "this references no secret: below `{part}` Fluvio passes on the map as it is written"
            );
            let Ok(name) = name.parse::<SecretName>() else {
                self.warning("literal-reference", place, None, text, "write the value itself here");
                continue;
            };
            let remedy = format!(
                "write `\"${{{{ secrets.{name} }}}}\"` in place of the map, and `- name: {name}` below `meta.secrets`"
            );
            self.warning("literal-reference", place, Some(&name), text, remedy);
        }
    }

    /// Declarations that mean nothing, because the file is of the version before them.
    pub(super) fn unversioned(&mut self, document: &Read<'_>) {
        if is_versioned(&document.value) || has_unknown_version(&document.value) {
            return;
        }
        let lookup = document.templates.iter().find_map(|template| match &template.kind {
            Kind::Lookup(name) if template.is_certain => Some(name),
            _ => None,
        });
        let secrets = document.value.get("meta").and_then(|meta| meta.get("secrets"));
        let (place, remedy) = match (lookup, secrets) {
            (None, None | Some(Value::Null)) => return,
            _ => document.version_remedy("0.1.0"),
        };
        let version = match document.value.get("apiVersion") {
            Some(Value::String(_)) => "in `apiVersion` 0.0.0",
            _ => "without `apiVersion`",
        };
        match lookup {
            Some(name) => self.error(
                "no-api-version",
                place,
                Some(name),
                format!(
                    "{version} the declared secrets mean nothing, so the connector does not start"
                ),
                remedy,
            ),
            None => self.warning(
                "no-api-version",
                place,
                None,
                format!("{version} the declared secrets mean nothing, and are not given"),
                remedy,
            ),
        }
    }

    /// Declarations that nothing uses.
    pub(super) fn unused(&mut self, document: &Read<'_>) {
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
