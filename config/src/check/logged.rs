//! Values that a connector's log would show: those of templates in the parts that Fluvio logs.

use fluvio_secret_protocol::check::Finding;
use serde_yaml::Value;

use crate::finding::{about, warning};
use crate::parsed::Parsed;
use crate::path::{Node, Path, walk};
use crate::references::is_fluvios;
use crate::template::{Template, templates};

/// Finds lookups below `meta` and `transforms`, which a connector logs with their values at the levels
/// debug and trace.
pub(super) fn find(document: &Parsed<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !document.templates.iter().any(|template| template.lookup().is_some()) {
        return findings;
    }
    walk(&document.value, &mut |node, path| {
        let text = match node {
            Node::Key(key) => key.as_str(),
            Node::Value(Value::String(text)) => Some(text.as_str()),
            Node::Value(_) => None,
        };
        if let Some(text) = text.filter(|_| is_fluvios(path)) {
            let templates = templates(text);
            findings.extend(templates.iter().filter_map(|one| shown(document, path, one)));
        }
    });
    findings
}

fn shown(document: &Parsed<'_>, path: &Path, template: &Template) -> Option<Finding> {
    let name = template.lookup()?;
    let part = path.first_key();
    let text = format!(
        "at the log levels debug and trace, the connector logs `{part}` with the value of `{name}`"
    );
    let remedy = "start the connector without --log-level debug or trace and without RUST_LOG";
    let place = document.places().value(path);
    Some(about(name, warning("logged-value", place, text, remedy)))
}
