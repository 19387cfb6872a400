//! Names in `meta.secrets` that mean nothing, or that nothing uses.

use fluvio_secret_protocol::check::Finding;
use serde_yaml::Value;

use crate::finding::{about, error, warning};
use crate::parsed::Parsed;
use crate::references::{ApiVersion, Reference};
use crate::template::Kind;

pub(super) fn find(document: &Parsed<'_>) -> Vec<Finding> {
    let mut findings: Vec<_> = unversioned(document).into_iter().collect();
    let computed = document.templates.iter().any(|template| template.kind == Kind::Computed);
    if !computed {
        let unused = document.declared().iter().filter(|declared| is_unused(document, declared));
        findings.extend(unused.map(|(name, path)| {
            let place = document.places().value(path);
            let text =
                format!("`{name}` is declared but not used, and the connector gets it anyway");
            about(name, warning("unused", place, text, "remove it from `meta.secrets`"))
        }));
    }
    findings
}

/// Declarations that mean nothing, because the file is of the version before them.
fn unversioned(document: &Parsed<'_>) -> Option<Finding> {
    if document.version != ApiVersion::Unversioned {
        return None;
    }
    let mut certain = document.templates.iter().filter(|template| template.is_certain);
    let name = certain.find_map(|template| template.lookup().cloned());
    let secrets = document.value.get("meta").and_then(|meta| meta.get("secrets"));
    if name.is_none() && secrets.is_none_or(Value::is_null) {
        return None;
    }
    let (place, remedy) = document.version_remedy("0.1.0");
    let version = match document.value.get("apiVersion") {
        Some(Value::String(_)) => "in `apiVersion` 0.0.0",
        _ => "without `apiVersion`",
    };
    let text = format!("{version} the declared secrets have no effect");
    Some(match name {
        None => warning("no-api-version", place, text + ", so the connector gets none", remedy),
        Some(name) => {
            let text = text + ", so the connector does not start";
            about(&name, error("no-api-version", place, text, remedy))
        }
    })
}

fn is_unused(document: &Parsed<'_>, (name, _): &Reference) -> bool {
    let is_used =
        |kind: &Kind| matches!(kind, Kind::Lookup(used) | Kind::Filter(used) if used == name);
    let in_template = document.templates.iter().any(|template| is_used(&template.kind));
    !in_template && document.by_map.iter().all(|(used, _)| used != name)
}
