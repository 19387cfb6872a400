//! The names that a connector would ask for.
//!
//! A grant has the names in maps `secret: {name: NAME}` at any depth, but not below `meta` or `transforms`.
//! In a file of version 0.1.0 or 0.2.0 it also has the names declared in `meta.secrets`. A name in a
//! template is declared, or the connector does not start. All are read from the raw text, so no value can
//! widen a grant.

use std::collections::BTreeSet;

use fluvio_secret_protocol::{SecretName, limits};
use serde_yaml::{Mapping, Value};

use crate::error::ConfigError;
use crate::path::{Node, Path, PathStep, walk};
use crate::template::{Kind, Template};

/// What a configuration references.
#[derive(Clone, Debug)]
pub struct References {
    /// The names that it references, in alphabetical order.
    pub names: Vec<SecretName>,
    /// Those of them that the connector renders into the text, which it does only when it starts.
    pub in_templates: Vec<SecretName>,
    /// The connector's name, unless it is missing or too long.
    pub connector: Option<String>,
}

pub(crate) type Reference = (SecretName, Path);

/// Why there are no references, and where in the document.
pub(crate) type Refused = (ConfigError, Path);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ApiVersion {
    /// Nothing, or 0.0.0: the format in which `meta.secrets` means nothing.
    Unversioned,
    /// A version in which `meta.secrets` declares names.
    Declaring,
    /// A version that Fluvio does not know.
    Unknown,
}

impl ApiVersion {
    pub(crate) fn of(document: &Value) -> Self {
        let version = document.get("apiVersion").filter(|version| !version.is_null());
        match version.map(Value::as_str) {
            None | Some(Some("0.0.0")) => Self::Unversioned,
            Some(Some("0.1.0" | "0.2.0")) => Self::Declaring,
            Some(_) => Self::Unknown,
        }
    }
}

pub(crate) fn connector(document: &Value) -> Option<String> {
    let name = document.get("meta")?.get("name")?.as_str()?;
    (name.len() <= limits::LABEL_BYTES).then(|| name.to_owned())
}

/// The names of all references, each once, in alphabetical order.
pub(crate) fn names(
    declared: &[Reference],
    by_map: &[Reference],
) -> Result<Vec<SecretName>, ConfigError> {
    let names: BTreeSet<_> = declared.iter().chain(by_map).map(|(name, _)| name.clone()).collect();
    match names.len() {
        count if count > limits::GRANT_NAMES => Err(ConfigError::Many(count)),
        _ => Ok(names.into_iter().collect()),
    }
}

/// The declared names that templates use. What is computed may use any of them.
pub(crate) fn in_templates(declared: &[Reference], templates: &[Template]) -> Vec<SecretName> {
    let is_computed = templates.iter().any(|template| template.kind == Kind::Computed);
    let is_used = |name: &&SecretName| {
        is_computed || templates.iter().any(|template| template.lookup() == Some(*name))
    };
    declared.iter().map(|(name, _)| name).filter(is_used).cloned().collect()
}

/// The names in `meta.secrets`, whatever the version.
pub(crate) fn listed(document: &Value) -> Result<Vec<Reference>, Refused> {
    let secrets = document.get("meta").and_then(|meta| meta.get("secrets"));
    let Some(secrets) = secrets.filter(|secrets| !secrets.is_null()) else {
        return Ok(Vec::new());
    };
    let path = Path::keys(&["meta", "secrets"]);
    let bad = || (ConfigError::BadSecrets, path.clone());
    let mut names = Vec::new();
    for (at, secret) in secrets.as_sequence().ok_or_else(bad)?.iter().enumerate() {
        let name = secret.get("name").and_then(Value::as_str).ok_or_else(bad)?;
        let path = path.with(PathStep::Index(at)).with(PathStep::Key("name".to_owned()));
        names.push(parsed(name, path)?);
    }
    Ok(names)
}

/// Whether a place is in a part of the file that Fluvio reads itself. It looks up no reference by map
/// there: a transform gets the map as it is written.
pub(crate) fn is_fluvios(path: &Path) -> bool {
    matches!(path.0.first(), Some(PathStep::Key(key)) if key == "meta" || key == "transforms")
}

/// The names in maps `secret: {name: NAME}`, at any depth of the connector's own part.
pub(crate) fn by_map(document: &Value) -> Result<Vec<Reference>, Refused> {
    let mut found = Vec::new();
    walk(document, &mut |node, path| {
        if let Node::Value(Value::Mapping(map)) = node
            && let Some(name) = reference(map).filter(|_| !is_fluvios(path))
        {
            let path = path.with(PathStep::Key("secret".to_owned()));
            found.push(parsed(name, path.with(PathStep::Key("name".to_owned()))));
        }
    });
    found.into_iter().collect()
}

fn parsed(name: &str, path: Path) -> Result<Reference, Refused> {
    match name.parse() {
        Ok(name) => Ok((name, path)),
        Err(why) => Err((ConfigError::bad_name(&path, why), path)),
    }
}

/// The name, if a map is `secret: {name: NAME}` and nothing else: Fluvio's own type refuses a second
/// key.
pub(crate) fn reference(map: &Mapping) -> Option<&str> {
    if map.len() != 1 {
        return None;
    }
    map.get("secret")?.as_mapping()?.get("name")?.as_str()
}

#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::BadName;

    use super::References;
    use crate::document::Document;
    use crate::error::ConfigError;

    fn references(bytes: &[u8]) -> Result<References, ConfigError> {
        Document::read(bytes).references().cloned().map_err(Clone::clone)
    }

    fn names(text: &str) -> Vec<String> {
        let names = references(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
        let names = names.names;
        names.iter().map(ToString::to_string).collect()
    }

    fn error(text: &str) -> ConfigError {
        references(text.as_bytes()).expect_err(text)
    }

    #[test]
    fn e1_all_forms_of_reference_are_found() {
        let text = "
apiVersion: 0.1.0
meta:
  name: cat-facts
  secrets:
    - name: API_TOKEN
    - name: UNUSED
http:
  headers:
    - secret:
        name: AUTH_HEADER
    - plain
  deep: {er: [{secret: {name: DEEP}}, !tag {secret: {name: TAGGED}}]}
  token: \"${{ secrets.API_TOKEN }}\"
  again: {secret: {name: AUTH_HEADER}}
";
        assert_eq!(names(text), ["API_TOKEN", "AUTH_HEADER", "DEEP", "TAGGED", "UNUSED"]);
        assert_eq!(names(&text.replace("0.1.0", "0.2.0")).len(), 5);
    }

    #[test]
    fn what_is_rendered_at_the_start_is_known() {
        let in_templates = |rest: &str| {
            let head = "apiVersion: 0.1.0\nmeta: {name: c, secrets: [{name: A}, {name: B}]}\n";
            let found = references(format!("{head}{rest}").as_bytes()).expect(rest).in_templates;
            found.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert!(in_templates("x: {secret: {name: A}}").is_empty());
        assert_eq!(in_templates("x: {secret: {name: A}}\ny: '${{ secrets.B }}'"), ["B"]);
        assert_eq!(in_templates("# ${{ secrets['A'] }}"), ["A"]);
        assert!(in_templates("# ${# secrets.A #}").is_empty());
        // What is computed may use any.
        assert_eq!(in_templates("x: '${% if secrets.B %}1${% endif %}'"), ["A", "B"]);
    }

    #[test]
    fn e1_without_a_version_the_declared_names_mean_nothing() {
        let text = "meta: {secrets: [{name: A}]}\nhttp: {token: {secret: {name: B}}}";
        assert_eq!(names(text), ["B"]);
        assert_eq!(names(&format!("apiVersion: 0.0.0\n{text}")), ["B"]);
        assert_eq!(names(&format!("apiVersion: 0.1.0\n{text}")), ["A", "B"]);
    }

    #[test]
    fn e14_a_map_below_meta_or_transforms_grants_nothing() {
        let head = "apiVersion: 0.1.0\nmeta: {name: c, secrets: [{name: D}]";
        for text in [
            "}\ntransforms: [{uses: u, with: {key: {secret: {name: X}}}}]",
            "}\ntransforms: [{uses: u, with: {deep: [{er: {secret: {name: X}}}]}}]",
            ", own: {secret: {name: X}}}",
            "}\ntransforms: {secret: {name: X}}",
            "}\ntransforms: [{secret: {name: 9X}}]",
        ] {
            assert_eq!(
                names(&format!("{head}{text}\nhttp: {{a: {{secret: {{name: M}}}}}}")),
                ["D", "M"]
            );
        }
        let named_alike = "}\nhttp: {meta: {secret: {name: M}}, transforms: [{secret: {name: T}}]}";
        assert_eq!(names(&format!("{head}{named_alike}")), ["D", "M", "T"]);
    }

    #[test]
    fn e1_what_only_looks_like_a_reference_is_none() {
        for text in [
            "",
            "a: 1",
            "secret: NAME",
            "secret: [name]",
            "secret: {names: A}",
            "a: {secret: {name: A}, other: 1}",
            "# secret: {name: A}",
            "a: 'secret: {name: A}'",
            "apiVersion: 0.1.0\nmeta: {name: A}",
            "apiVersion: 0.1.0\nmeta: {secrets: }",
        ] {
            assert!(names(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_name_that_fluvio_refuses_is_told_by_its_place() {
        assert_eq!(
            error("apiVersion: 0.1.0\nmeta: {secrets: [{name: A}, {name: B-C}]}"),
            ConfigError::BadName {
                path: "`meta.secrets[1].name`".into(),
                why: BadName::Character(2)
            }
        );
        assert_eq!(
            error("http: {headers: [x, {secret: {name: 9A}}]}"),
            ConfigError::BadName {
                path: "`http.headers[1].secret.name`".into(),
                why: BadName::Digit
            }
        );
        let long = format!("{}: {{secret: {{name: 9A}}}}", "ü".repeat(400));
        let ConfigError::BadName { path, .. } = error(&long) else { panic!("a bad name") };
        assert!(path.chars().count() < 150 && path.ends_with("ü.secret.name`"), "{path}");
        for secrets in ["{A: }", "A", "[A]", "[{nam: A}]"] {
            let text = format!("apiVersion: 0.1.0\nmeta: {{secrets: {secrets}}}");
            assert_eq!(error(&text), ConfigError::BadSecrets, "{secrets}");
        }
    }

    #[test]
    fn d7_no_error_repeats_the_text() {
        for text in [
            "cnry: [1",
            "a: &cnry 1\nb: *cnr",
            "cnry: 1\ncnry: 2",
            "a: !cnry\n\tb",
            "a: \"cnry",
            "apiVersion: 0.1.0\nmeta: {secrets: [{name: 'cnry '}]}",
        ] {
            let message = error(text).to_string();
            assert!(!message.contains("cnr"), "{message}");
        }
    }

    #[test]
    fn a_grant_has_at_most_256_names() {
        let text = |count: usize| {
            let names = (0..count).map(|n| format!("- secret: {{name: N{n}}}\n"));
            names.collect::<String>()
        };
        assert_eq!(names(&text(256)).len(), 256);
        assert_eq!(error(&text(257)), ConfigError::Many(257));
    }
}
