//! The text of a configuration as a connector reads it first, and where in it something is.

use std::cell::OnceCell;

use fluvio_secret_protocol::SecretName;
use serde_yaml::Value;

use crate::error::{ConfigError, Unreadable};
use crate::path::Path;
use crate::references::{self, ApiVersion, Reference, References};
use crate::source_map::{Location, SourceMap};
use crate::syntax;
use crate::template::{Kind, Template, templates};
use crate::yaml::{self, YamlError};

/// A text that connectors can parse, with what it references.
#[derive(Debug)]
pub(crate) struct Parsed<'a> {
    pub(crate) text: &'a str,
    pub(crate) value: Value,
    pub(crate) version: ApiVersion,
    /// The names in `meta.secrets`, even if they mean nothing in this version.
    pub(crate) listed: Vec<Reference>,
    pub(crate) by_map: Vec<Reference>,
    pub(crate) references: References,
    pub(crate) templates: Vec<Template>,
    /// Found when the first finding needs them. Most files have no finding.
    places: OnceCell<SourceMap>,
}

impl<'a> Parsed<'a> {
    pub(crate) fn of(text: &'a str) -> Result<Self, Unreadable> {
        let value = yaml::parse(text).map_err(|error| unparsed(&error, text))?;
        let version = ApiVersion::of(&value);
        let refused = |(error, path)| Unreadable::at(SourceMap::of(text).value(&path), error);
        let listed = match references::listed(&value) {
            Err(error) if version == ApiVersion::Declaring => return Err(refused(error)),
            listed => listed.unwrap_or_default(),
        };
        let by_map = references::by_map(&value).map_err(refused)?;
        let declared = declared(version, &listed);
        let names = references::names(declared, &by_map)
            .map_err(|error| Unreadable::at(Location::START, error))?;
        let templates = templates(text);
        let in_templates = references::in_templates(declared, &templates);
        let connector = references::connector(&value);
        Ok(Self {
            text,
            references: References { names, in_templates, connector },
            value,
            version,
            listed,
            by_map,
            templates,
            places: OnceCell::new(),
        })
    }

    /// The names in `meta.secrets`, in a file of a version in which they mean something.
    pub(crate) fn declared(&self) -> &[Reference] {
        declared(self.version, &self.listed)
    }

    /// Whether the rendered text can be known here: the engine renders each template, as we do.
    pub(crate) fn is_rendered_alike(&self) -> bool {
        let is_known =
            |template: &Template| matches!(template.kind, Kind::Comment | Kind::Lookup(_));
        self.templates.iter().all(is_known)
    }

    pub(crate) fn places(&self) -> &SourceMap {
        self.places.get_or_init(|| SourceMap::of(self.text))
    }

    /// Whether a map or list is written with brackets, as in JSON.
    pub(crate) fn is_flow(&self, path: &Path) -> bool {
        let Location { line, column, .. } = self.places().value(path);
        let line = self.text.lines().nth(line - 1).unwrap_or_default();
        line.chars().nth(column - 1).is_some_and(|c| c == '{' || c == '[')
    }

    pub(crate) fn first_key(&self) -> Location {
        let first = self.value.as_mapping().and_then(|map| map.keys().next()?.as_str());
        first.map_or(Location::START, |key| self.places().key(&Path::keys(&[key])))
    }

    /// The spaces before the keys of a map that is written without brackets.
    pub(crate) fn indent_below(&self, path: &Path) -> String {
        let columns = self.places().columns_below(path);
        let column = columns.unwrap_or_else(|| self.places().key(path).column + 2);
        " ".repeat(column - 1)
    }

    /// Where to write the version of the format, and what.
    pub(crate) fn version_remedy(&self, version: &str) -> (Location, String) {
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
    pub(crate) fn place_of(&self, name: &SecretName) -> Location {
        if let Some(template) = self.templates.iter().find(|one| one.lookup() == Some(name)) {
            return self.place_of_template(template);
        }
        let references = self.by_map.iter().chain(self.declared());
        let found = references.into_iter().find(|(used, _)| used == name);
        found.map_or(Location::START, |(_, path)| self.places().value(path))
    }

    pub(crate) fn place_of_template(&self, template: &Template) -> Location {
        Location::of_bytes(self.text, template.from, template.to)
    }
}

fn declared(version: ApiVersion, listed: &[Reference]) -> &[Reference] {
    if version == ApiVersion::Declaring { listed } else { &[] }
}

fn unparsed(error: &YamlError, text: &str) -> Unreadable {
    let reason = ConfigError::from(error);
    match error {
        YamlError::Syntax(error) => {
            Unreadable { error: reason, findings: syntax::findings(error, text) }
        }
        YamlError::Budget | YamlError::Deep => Unreadable::at(Location::START, reason),
    }
}
