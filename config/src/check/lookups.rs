//! What the templates of a configuration look up, against what it declares.

use fluvio_secret_protocol::SecretName;

use super::Check;
use super::document::Read;
use crate::path::Place;
use crate::references::{has_unknown_version, is_versioned};
use crate::template::{Kind, out_of_fuel};

impl Check {
    pub(super) fn templates(&mut self, document: &Read<'_>) {
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
    fn undeclared(&mut self, document: &Read<'_>, name: &SecretName, place: Place) {
        // That is told, and what follows from it helps nobody.
        if has_unknown_version(&document.value) {
            return;
        }
        // Without a version that is told by itself, and once.
        let is_listed = document.listed.iter().any(|(listed, _)| listed == name);
        if is_versioned(&document.value) || !is_listed {
            self.error(
                "undeclared",
                place,
                Some(name),
                format!("`{name}` is not declared, so the connector does not start"),
                format!("add `- name: {name}` to the list `secrets:` below `meta:`"),
            );
        }
    }
}
