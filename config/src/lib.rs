//! What a connector's configuration references, and what would keep the connector from starting with
//! it. Pure functions: bytes in, findings out.
//!
//! [`Document`] reads a configuration once. Then you can ask for its references, and check it:
//!
//! ```
//! use fluvio_secret_config::{Document, KnownSecret, Values};
//! use fluvio_secret_protocol::SecretName;
//!
//! let text = r#"
//! apiVersion: 0.1.0
//! meta:
//!   version: 0.1.0
//!   name: cat-facts
//!   type: http-source
//!   topic: cat-facts
//!   secrets:
//!     - name: API_TOKEN
//! http:
//!   endpoint: https://catfact.ninja/fact
//!   token: "${{ secrets.API_TOKEN }}"
//! "#;
//! let document = Document::read(text.as_bytes());
//! let references = document.references().expect("valid YAML");
//! assert_eq!(references.names, ["API_TOKEN".parse().unwrap()]);
//!
//! let checked = document.check(Values::Of(&|_: &SecretName| KnownSecret::Missing(None)));
//! let finding = &checked.findings[0];
//! assert_eq!(finding.text, "the secret `API_TOKEN` is not in the vault");
//! assert_eq!((finding.line, finding.column), (12, 11));
//! ```
//!
//! # Layout
//!
//! * [`document`]: the one type for all of this
//! * [`parsed`]: a text that connectors can parse, and where in it something is
//! * [`yaml`]: the parser, which counts what it builds
//! * [`recognition`]: which of the YAML files of a project are configurations
//! * [`references`](mod@references): the names, as a connector would ask for them
//! * [`template`]: lookups of secrets in the text; no template engine
//! * [`render`]: the text with values in the places of its templates
//! * [`check`](mod@check): all that is found before a connector starts
//! * [`schema`]: the parts of Fluvio's schema that refuse a file
//! * [`shape`]: whether a value changes more than its own place
//! * [`path`] and [`source_map`]: places in a document and in its text
//! * [`error`](mod@error) and [`finding`]: what is wrong, for programs and for people
//! * [`syntax`]: what the parser's errors mean, without quoting the file
//! * [`indentation`]: which lines are indented wrong, and what fixes them
//! * [`other_format`]: files of another format, such as TOML
//!
//! This is the only crate that knows `serde_yaml`, the parser that connectors use. No message of a
//! library is passed on: they quote what they found.

mod check;
mod document;
mod error;
mod finding;
mod indentation;
mod other_format;
mod parsed;
mod path;
mod recognition;
mod references;
mod render;
mod schema;
mod shape;
mod source_map;
mod syntax;
mod template;
mod yaml;

pub use check::{KnownSecret, KnownSecrets, Setter, Values};
pub use document::Document;
pub use error::ConfigError;
pub use recognition::is_configuration;
pub use references::References;
