//! What a connector's configuration references, and what would keep the connector from starting with
//! it. Pure functions: bytes in, findings out.
//!
//! # Layout
//!
//! * [`yaml`]: counts what a parse would hold, before anything is parsed
//! * [`references`](mod@references): the names, as a connector would ask for them
//! * [`check`](mod@check): all that is found before a connector starts
//! * [`fault`]: why a file can't be parsed
//! * [`syntax`]: what the parser's errors mean, without quoting the file
//! * [`indentation`]: which lines are indented wrong, and what fixes them
//! * [`other_format`]: files of another format, such as TOML
//! * [`schema`]: the parts of Fluvio's schema that refuse a file
//! * [`template`]: lookups of secrets in the text; no template engine
//! * [`shape`]: whether a value changes more than its own place
//! * [`path`]: places in a document, and where in the text they are
//!
//! This is the only crate that knows `serde_yaml`, the parser that connectors use. No message of a
//! library is passed on: they quote what they found.

mod check;
mod error;
mod fault;
mod indentation;
mod other_format;
mod path;
mod references;
mod schema;
mod shape;
mod syntax;
mod template;
mod yaml;

pub use check::{Document, Known, Values, check};
pub use error::ConfigError;
pub use references::References;
