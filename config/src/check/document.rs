//! The text of a configuration as a connector reads it first, and where in it something is.

use std::cell::OnceCell;

use fluvio_secret_protocol::SecretName;
use serde_yaml::Value;

use super::Check;
use crate::path::{Place, Places};
use crate::references::{Reference, by_map, declared, names};
use crate::schema::{Misfit, judge};
use crate::template::{Kind, Template, templates};
use crate::{ConfigError, budget, syntax};

/// A document that was read.
pub(super) struct Document<'a> {
    pub(super) text: &'a str,
    pub(super) value: Value,
    /// Found when a finding needs them: mostly there is none.
    places: OnceCell<Places>,
    pub(super) templates: Vec<Template>,
    pub(super) declared: Vec<Reference>,
    pub(super) by_map: Vec<Reference>,
}

impl Check {
    /// Reads the raw text, as a connector does first.
    pub(super) fn read<'a>(&mut self, text: &'a str) -> Option<Document<'a>> {
        match budget::check(text) {
            Ok(()) | Err(ConfigError::NotYaml { .. }) => {}
            Err(error) => {
                let remedy = "write out less, with fewer aliases and brackets";
                self.error("too-large", Place::START, None, error.to_string(), remedy);
                return None;
            }
        }
        let value: Value = match serde_yaml::from_str(text) {
            Ok(value) => value,
            Err(error) => {
                let fault = syntax::fault(&error, text);
                self.error(fault.code, fault.place, None, fault.text, fault.remedy);
                return None;
            }
        };
        let found = declared(&value).and_then(|declared| Ok((declared, by_map(&value)?)));
        let (declared, by_map) = match found {
            Ok(found) => found,
            Err((error, path)) => {
                self.bad_reference(&error, Places::of(text).value(&path));
                return None;
            }
        };
        match names(&declared, &by_map) {
            Ok(names) => self.checked.names = names,
            Err(error) => {
                let remedy = "reference fewer secrets";
                self.error("too-many", Place::START, None, error.to_string(), remedy);
                return None;
            }
        }
        let (places, templates) = (OnceCell::new(), templates(text));
        Some(Document { text, value, places, templates, declared, by_map })
    }

    fn bad_reference(&mut self, error: &ConfigError, place: Place) {
        match error {
            ConfigError::BadName { why, .. } => self.error(
                "bad-name",
                place,
                None,
                format!("this is no name of a secret: {why}"),
                "use letters, digits and _ only, here and where the secret is set",
            ),
            _ => self.error(
                "bad-secrets",
                place,
                None,
                "`meta.secrets` is not a list of names, and the connector refuses the file",
                "write each secret as `- name: NAME` below `secrets:`",
            ),
        }
    }

    pub(super) fn schema(&mut self, document: &Document<'_>) {
        let Err(Misfit { path, is_missing, expected }) = judge(&document.value) else { return };
        let place = match is_missing {
            // The key that it should be below.
            true => document.places().key(&path),
            false => document.places().value(&path),
        };
        let text = match path.to_string().as_str() {
            "" => "Fluvio reads no connector's configuration here".to_owned(),
            path if is_missing => format!("`{path}` is missing, and Fluvio refuses the file"),
            path => format!("Fluvio refuses `{path}`"),
        };
        self.error("bad-config", place, None, text, format!("Fluvio expects {expected}"));
    }
}

impl Document<'_> {
    /// Whether its rendered text can be known here: the engine would come to an end, and as we do.
    pub(super) fn is_rendered_alike(&self) -> bool {
        let is_known =
            |template: &Template| matches!(template.kind, Kind::Comment | Kind::Lookup(_));
        self.templates.iter().all(is_known)
    }

    pub(super) fn places(&self) -> &Places {
        self.places.get_or_init(|| Places::of(self.text))
    }

    /// Where a name is referenced first: by a template, by a map, or by its declaration.
    pub(super) fn place_of(&self, name: &SecretName) -> Place {
        let is_lookup =
            |template: &&Template| matches!(&template.kind, Kind::Lookup(used) if used == name);
        if let Some(template) = self.templates.iter().find(is_lookup) {
            return Place::of_bytes(self.text, template.from, template.to);
        }
        let references = self.by_map.iter().chain(&self.declared);
        let found = references.into_iter().find(|(used, _)| used == name);
        found.map_or(Place::START, |(_, path)| self.places().value(path))
    }

    pub(super) fn place_of_template(&self, index: usize) -> Place {
        self.templates
            .get(index)
            .map_or(Place::START, |template| Place::of_bytes(self.text, template.from, template.to))
    }
}
