//! Maps that look like references, and that Fluvio passes on as they are written.

use fluvio_secret_protocol::SecretName;
use fluvio_secret_protocol::check::Finding;
use serde_yaml::{Mapping, Value};

use crate::finding::{about, warning};
use crate::parsed::Parsed;
use crate::path::{Node, Path, PathStep, walk};
use crate::references::{is_fluvios, reference};

pub(super) fn find(document: &Parsed<'_>) -> Vec<Finding> {
    let mut near = Vec::new();
    let mut literal = Vec::new();
    walk(&document.value, &mut |node, path| {
        let Node::Value(Value::Mapping(map)) = node else { return };
        match (reference(map), is_fluvios(path)) {
            (Some(name), true) => literal.push(literal_reference(document, name, path)),
            (None, false) => near.extend(near_misses(document, map, path)),
            (Some(_), false) | (None, true) => {}
        }
    });
    near.append(&mut literal);
    near
}

/// Maps below a key like `secret` that are no references: something in them is misspelt, or there is
/// another key.
fn near_misses(document: &Parsed<'_>, map: &Mapping, path: &Path) -> Vec<Finding> {
    let maps = map.iter().filter(|(_, value)| value.is_mapping());
    let keys = maps.filter_map(|(key, _)| key.as_str());
    let near = keys.filter(|key| key.eq_ignore_ascii_case("secret"));
    near.map(|key| {
        let place = document.places().key(&path.with(PathStep::Key(key.to_owned())));
        let text = "this references no secret, so the connector gets none for it";
        let remedy = "write it as `secret: {name: NAME}`, with nothing else in either map";
        warning("no-reference", place, text, remedy)
    })
    .collect()
}

fn literal_reference(document: &Parsed<'_>, name: &str, path: &Path) -> Finding {
    const CODE: &str = "literal-reference";
    let place = document.places().key(&path.with(PathStep::Key("secret".to_owned())));
    let part = path.first_key();
    let text = format!("this references no secret: below `{part}`, Fluvio passes the map as it is");
    let Ok(name) = name.parse::<SecretName>() else {
        return warning(CODE, place, text, "write the value itself here");
    };
    let remedy = format!(
        "write `\"${{{{ secrets.{name} }}}}\"` in place of the map, and add `- name: {name}` to `meta.secrets`"
    );
    about(&name, warning(CODE, place, text, remedy))
}
