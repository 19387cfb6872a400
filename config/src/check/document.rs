//! The text of a configuration as a connector reads it first, and where in it something is.

use std::cell::OnceCell;

use fluvio_secret_protocol::SecretName;
use fluvio_secret_protocol::check::Checked;
use serde_yaml::Value;

use super::{Check, Values};
use crate::fault::Fault;
use crate::path::{Path, Place, Places};
use crate::references::{Reference, References, by_map, connector, declared, listed, names};
use crate::template::{Kind, Template, templates};
use crate::{ConfigError, syntax, yaml};

/// A configuration that was read once, whatever is asked of it.
#[derive(Debug)]
pub struct Document<'a>(Result<Read<'a>, Vec<Fault>>);

/// A text that connectors can parse, with what it references.
#[derive(Debug)]
pub(super) struct Read<'a> {
    pub(super) text: &'a str,
    pub(super) value: Value,
    /// Found when a finding needs them. Most files have no finding.
    places: OnceCell<Places>,
    pub(super) templates: Vec<Template>,
    pub(super) declared: Vec<Reference>,
    /// The names in `meta.secrets`, in a file of a version in which they mean nothing, too.
    pub(super) listed: Vec<Reference>,
    pub(super) by_map: Vec<Reference>,
    references: References,
}

impl<'a> Document<'a> {
    /// Reads the raw text, as a connector does first.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Self {
        Self(match std::str::from_utf8(bytes) {
            Ok(text) => Read::of(text),
            Err(error) => {
                let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
                let place = Place::of_bytes(&before, before.len(), before.len());
                Err(vec![Fault::of(&ConfigError::NotUtf8, place)])
            }
        })
    }

    /// What it references.
    ///
    /// # Errors
    ///
    /// What keeps a connector from reading the file, or us from reading it safely.
    pub fn references(&self) -> Result<&References, &ConfigError> {
        match &self.0 {
            Ok(read) => Ok(&read.references),
            Err(faults) => Err(&faults[0].error),
        }
    }

    /// Everything that keeps a connector from starting with it.
    #[must_use]
    pub fn check(&self, values: Values<'_>) -> Checked {
        let mut check = Check::default();
        match &self.0 {
            Ok(read) => check.document(read, values),
            Err(faults) => faults.iter().for_each(|fault| check.fault(fault)),
        }
        check.done()
    }
}

impl<'a> Read<'a> {
    fn of(text: &'a str) -> Result<Self, Vec<Fault>> {
        let at_start = |error| vec![Fault::of(&error, Place::START)];
        match yaml::check(text) {
            Ok(()) | Err(ConfigError::NotYaml { .. }) => {}
            Err(error) => return Err(at_start(error)),
        }
        let value: Value =
            serde_yaml::from_str(text).map_err(|error| syntax::faults(&error, text))?;
        let found = declared(&value).and_then(|declared| Ok((declared, by_map(&value)?)));
        let (declared, by_map) = found
            .map_err(|(error, path)| vec![Fault::of(&error, Places::of(text).value(&path))])?;
        let listed = listed(&value).unwrap_or_default();
        let names = names(&declared, &by_map).map_err(at_start)?;
        let references = References { names, connector: connector(&value) };
        let (places, templates) = (OnceCell::new(), templates(text));
        Ok(Self { text, value, places, templates, declared, listed, by_map, references })
    }
}

impl Check {
    fn fault(&mut self, fault: &Fault) {
        let Fault { code, place, text, remedy, .. } = fault;
        self.error(code, *place, None, text.clone(), remedy.clone());
    }
}

impl Read<'_> {
    /// Whether its rendered text can be known here: the engine would come to an end, and as we do.
    pub(super) fn is_rendered_alike(&self) -> bool {
        let is_known =
            |template: &Template| matches!(template.kind, Kind::Comment | Kind::Lookup(_));
        self.templates.iter().all(is_known)
    }

    pub(super) fn names(&self) -> &[SecretName] {
        &self.references.names
    }

    pub(super) fn places(&self) -> &Places {
        self.places.get_or_init(|| Places::of(self.text))
    }

    /// Whether a map or list is written with brackets, as in JSON.
    pub(super) fn is_flow(&self, path: &Path) -> bool {
        let Place { line, column, .. } = self.places().value(path);
        let line = self.text.lines().nth(line - 1).unwrap_or_default();
        line.chars().nth(column - 1).is_some_and(|c| c == '{' || c == '[')
    }

    /// The first key of the document.
    pub(super) fn first_key(&self) -> Place {
        let first = self.value.as_mapping().and_then(|map| map.keys().next()?.as_str());
        first.map_or(Place::START, |key| self.places().key(&Path::keys(&[key])))
    }

    /// The spaces before the keys of a map that is not written with brackets.
    pub(super) fn indent_below(&self, path: &Path) -> String {
        let columns = self.places().columns_below(path);
        let column = columns.unwrap_or_else(|| self.places().key(path).column + 2);
        " ".repeat(column - 1)
    }

    /// Where the version of the format is to be written, and what.
    pub(super) fn version_remedy(&self, version: &str) -> (Place, String) {
        let path = Path::keys(&["apiVersion"]);
        match self.value.get("apiVersion") {
            Some(Value::Null) => {
                let remedy = format!("write a value on this line: `apiVersion: {version}`");
                (self.places().key(&path), remedy)
            }
            Some(_) => (
                self.places().value(&path),
                format!("write another version in its place: `{version}`"),
            ),
            None if self.is_flow(&Path::default()) => (
                self.places().value(&Path::default()),
                format!("add after this `{{`: `\"apiVersion\": \"{version}\",`"),
            ),
            None => {
                let first = self.first_key();
                let indent = " ".repeat(first.column - 1);
                (first, format!("add a line above this one: `{indent}apiVersion: {version}`"))
            }
        }
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
