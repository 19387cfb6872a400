//! The configuration, read as Fluvio's connectors read it: the raw text for the declared names,
//! those names' values, the whole text as a template, the result as YAML.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior};
use serde::Deserialize;

use crate::Outcome;
use crate::store::SecretStore;

/// What a template may cost: about 124 references.
const FUEL: u64 = 500;

#[derive(Deserialize)]
pub(crate) struct Config {
    #[serde(rename = "apiVersion")]
    api_version: Option<String>,
    pub(crate) meta: Meta,
    pub(crate) http: Option<Http>,
    pub(crate) files: Option<Files>,
}

#[derive(Deserialize)]
pub(crate) struct Meta {
    pub(crate) name: String,
}

/// A secret, by its name.
#[derive(Deserialize)]
pub(crate) struct Named {
    name: String,
}

/// A server to ask.
#[derive(Deserialize)]
pub(crate) struct Http {
    pub(crate) endpoint: String,
    #[serde(deserialize_with = "duration")]
    pub(crate) interval: Duration,
    #[serde(default)]
    pub(crate) headers: Vec<SecretString>,
}

/// Files to write values into.
#[derive(Deserialize)]
pub(crate) struct Files {
    pub(crate) directory: PathBuf,
    #[serde(default)]
    pub(crate) values: Vec<SecretString>,
    pub(crate) exit: Option<u8>,
}

/// A text, or a secret by its name: `secret: {name: NAME}`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum SecretString {
    Reference { secret: Named },
    Text(String),
}

impl SecretString {
    /// The text; a secret is looked up each time.
    pub(crate) fn resolve(&self, store: &SecretStore) -> Result<String, String> {
        match self {
            Self::Reference { secret } => store.read(&secret.name),
            Self::Text(text) => Ok(text.clone()),
        }
    }
}

/// Reads a configuration file.
pub(crate) fn load(path: &Path, store: &SecretStore) -> Outcome<Config> {
    let raw = std::fs::read_to_string(path)?;
    // Only the declared names: a template may be in the place of a number.
    let document: serde_yaml::Value = serde_yaml::from_str(&raw)?;
    let mut secrets = BTreeMap::new();
    for name in declared(&document)? {
        let value = store.read(&name)?;
        secrets.insert(name, value);
    }
    let rendered = render(&raw, secrets)?;
    let config: Config = serde_yaml::from_str(&rendered)?;
    match config.api_version.as_deref() {
        None | Some("0.0.0" | "0.1.0" | "0.2.0") => Ok(config),
        Some(_) => Err("the apiVersion is not supported".into()),
    }
}

/// The names in `meta.secrets`, which mean something only with a version.
fn declared(document: &serde_yaml::Value) -> Outcome<Vec<String>> {
    if document.get("apiVersion").is_none_or(|version| version == "0.0.0") {
        return Ok(Vec::new());
    }
    match document.get("meta").and_then(|meta| meta.get("secrets")) {
        None => Ok(Vec::new()),
        Some(secrets) => {
            let secrets: Vec<Named> = serde_yaml::from_value(secrets.clone())?;
            Ok(secrets.into_iter().map(|secret| secret.name).collect())
        }
    }
}

fn render(text: &str, secrets: BTreeMap<String, String>) -> Outcome<String> {
    let mut engine = Environment::empty();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(FUEL));
    engine.set_keep_trailing_newline(true);
    engine.set_syntax(
        SyntaxConfig::builder()
            .variable_delimiters("${{", "}}")
            .block_delimiters("${%", "%}")
            .comment_delimiters("${#", "#}")
            .build()?,
    );
    let context = BTreeMap::from([("secrets", secrets)]);
    Ok(engine.render_str(text, context)?)
}

fn duration<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Config, SecretString, load};
    use crate::store::SecretStore;

    fn loaded(text: &str, secrets: &str) -> Result<Config, String> {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).expect("written");
            path
        };
        let store = SecretStore::new(Some(write("secrets.txt", secrets)));
        load(&write("c.yaml", text), &store).map_err(|error| error.to_string())
    }

    fn template(value: &str) -> Result<Config, String> {
        let text = "
apiVersion: 0.1.0
meta: {name: c, secrets: [{name: S}]}
files: {directory: /, values: [ \"${{ secrets.S }}\" ]}
";
        loaded(text, &format!("S={value}"))
    }

    #[test]
    fn a_template_is_spliced_into_the_text() {
        let config = template("x: y # z").expect("a configuration");
        let files = config.files.expect("files");
        assert_eq!(files.directory, Path::new("/"));
        assert!(matches!(&files.values[..], [SecretString::Text(text)] if text == "x: y # z"));
        assert!(template("a\"b").is_err(), "a quote ends the scalar");
    }

    #[test]
    fn a_declared_secret_that_is_missing_fails_the_start() {
        let text = "apiVersion: 0.1.0\nmeta: {name: c, secrets: [{name: S}]}\n";
        assert!(loaded(text, "S=x").is_ok());
        assert_eq!(loaded(text, "T=x").err().as_deref(), Some("value not found for secret name S"));
    }

    #[test]
    fn without_a_version_declared_secrets_are_ignored() {
        let text = "meta: {name: \"${{ secrets.S }}\", secrets: [{name: S}]}\n";
        assert!(loaded(text, "S=x").err().expect("an error").contains("undefined"));
        let text = "meta: {name: c, secrets: [{name: S}]}\n";
        assert!(loaded(text, "T=x").is_ok());
    }
}
