//! What the templates of a configuration look up, against what it declares.

use fluvio_secret_protocol::SecretName;

use serde_yaml::Value;

use super::Check;
use super::document::Document;
use crate::path::{Path, Place};
use crate::references::{is_versioned, near_misses};
use crate::template::{Kind, Template, out_of_fuel};

impl Check {
    pub(super) fn templates(&mut self, document: &Document<'_>) {
        let is_declared =
            |name: &SecretName| document.declared.iter().any(|(declared, _)| declared == name);
        if let Some(index) = out_of_fuel(document.text, &document.templates) {
            let place = document.place_of_template(index);
            let text = "these are more templates than the connector's engine renders: it ends here";
            let remedy = "write some as `secret: {name: NAME}`, which is not rendered";
            self.error("too-many-templates", place, None, text, remedy);
        }
        for template in &document.templates {
            let place = Place::of_bytes(document.text, template.from, template.to);
            match &template.kind {
                Kind::Comment => {}
                Kind::Lookup(name) if is_declared(name) => {}
                Kind::Filter(_) | Kind::Lookup(_) | Kind::Undefined(_) if !template.is_certain => {
                    self.computed(place);
                }
                Kind::Lookup(name) => self.undeclared(document, name, place),
                Kind::Filter(name) => self.error(
                    "filter",
                    place,
                    Some(name),
                    "a connector's templates have no filters, so it does not start",
                    format!("write `${{{{ secrets.{name} }}}}`, and set the secret as it shall be used"),
                ),
                Kind::Undefined(Some(name)) => self.error(
                    "undefined",
                    place,
                    None,
                    format!("`{name}` is no variable of a connector's templates, so it does not start"),
                    format!("for the secret write `${{{{ secrets.{name} }}}}`, and `- name: {name}` below `meta.secrets`"),
                ),
                Kind::Undefined(None) => self.error(
                    "undefined",
                    place,
                    None,
                    "this is no variable of a connector's templates, so it does not start",
                    "only `${{ secrets.NAME }}` is; a `${{` that is none of a template cannot be written",
                ),
                Kind::Unclosed => self.error(
                    "unclosed-template",
                    place,
                    None,
                    "a template is opened here and not closed, so the connector does not start",
                    "close it with the same sign: `}}`, `%}` or `#}`",
                ),
                Kind::Computed => self.computed(place),
            }
        }
    }

    fn computed(&mut self, place: Place) {
        let text = "this is computed by the connector and not checked";
        self.warning("computed", place, None, text, "");
    }

    /// A lookup of a name that is not among the declared ones.
    fn undeclared(&mut self, document: &Document<'_>, name: &SecretName, place: Place) {
        if has_unknown_version(&document.value) {
            // That is told, and what follows from it helps nobody.
        } else if is_versioned(&document.value) {
            self.error(
                "undeclared",
                place,
                Some(name),
                format!("`{name}` is not declared, so the connector does not start"),
                format!("add `- name: {name}` to the list `secrets:` below `meta:`"),
            );
        } else {
            self.error(
                "no-api-version",
                place,
                Some(name),
                "without `apiVersion` the declared secrets mean nothing, so the connector does not start",
                "add a first line `apiVersion: 0.1.0`",
            );
        }
    }

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

/// Whether there is a version, and none that Fluvio knows.
fn has_unknown_version(document: &Value) -> bool {
    let version = document.get("apiVersion").filter(|version| !version.is_null());
    version.is_some_and(|version| version.as_str() != Some("0.0.0") && !is_versioned(document))
}
