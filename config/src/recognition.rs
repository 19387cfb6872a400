//! Whether a file is meant to be a connector's configuration, among the other YAML files of a project.

use serde_yaml::Value;

use crate::yaml;

/// The keys below `meta:` that no other known format has there. Dataflows also have `name` and `version`.
const TYPICAL: [&str; 2] = ["topic", "type"];

/// Whether a file is meant to be a connector's configuration, even if it has faults that
/// [`Document::check`](crate::Document::check) finds.
///
/// A `docker-compose.yaml`, a manifest of Kubernetes or a chart of Helm is not.
#[must_use]
pub fn is_configuration(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    // Most files are not even parsed.
    if !TYPICAL.iter().any(|key| text.contains(key)) {
        return false;
    }
    match yaml::parse(&text) {
        Ok(document) => is_meant(&document),
        Err(_) => looks_meant(&text),
    }
}

fn is_meant(document: &Value) -> bool {
    let has = |map: &Value, key: &&str| map.as_mapping().is_some_and(|map| map.contains_key(*key));
    match document.get("meta") {
        Some(meta) if meta.is_mapping() => TYPICAL.iter().any(|key| has(meta, key)),
        // The format before 2023, or keys that are not indented.
        _ => TYPICAL.iter().all(|key| has(document, key)),
    }
}

/// The same for a text that is not YAML, by its lines.
fn looks_meant(text: &str) -> bool {
    let is_key = |line: &str, key: &str| {
        line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'))
    };
    let lines = text.lines().skip_while(|line| !is_key(line, "meta"));
    // In braces, a line has several keys.
    let mut parts = lines.flat_map(|line| line.split(['{', ',']));
    parts.any(|part| TYPICAL.iter().any(|key| is_key(part.trim_start(), key)))
}

#[cfg(test)]
mod tests {
    use super::is_configuration;

    #[test]
    fn a_configuration_is_recognized_even_if_it_has_faults() {
        let meta = "meta:\n  name: c\n  type: http-source\n  topic: t\n";
        for text in [
            &format!("apiVersion: 0.1.0\n{meta}http:\n  a: b\n")[..],
            &format!("{meta}a: \"${{{{ secrets.X }}}}\"\n"),
            "meta: {name: c, topic: t}\n",
            "{\"meta\": {\"type\": \"http-source\"}}\n",
            "apiVersion: 0.2.0\nmeta:\n  type: t\n  topic:\n    meta:\n      name: t\n",
            "name: c\ntype: http-source\ntopic: t\nversion: 1\n",
            "meta:\nname: c\ntype: http-source\ntopic: t\n",
            &format!("{meta}a: \"not closed\n"),
            &format!("{meta} bad: indentation\n"),
            "meta: {name: c, type: t}\na: [\n",
        ] {
            assert!(is_configuration(text.as_bytes()), "{text}");
        }
        assert!(is_configuration(&[meta.as_bytes(), b"a: \xff\n"].concat()), "not UTF-8");
    }

    #[test]
    fn other_files_of_a_project_are_not_configurations() {
        for text in [
            "",
            "# topic\n",
            "- topic\n- type\n",
            "services:\n  web:\n    image: x\n    volumes: [{type: bind}]\n",
            "apiVersion: v2\nname: chart\ntype: application\nversion: 1.0.0\n",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ntype: Opaque\n",
            "apiVersion: 0.5.0\nmeta: {name: flow, version: 0.1.0, namespace: n}\ntopics: {a: {}}\n",
            "[package]\ntype = \"x\"\n[meta]\ntopic = \"t\"\n",
            "meta: a type\n",
            "services: [\"type\n",
            "metadata:\n  type: \"x\n",
            "on: push\njobs: {a: {env: {T: \"${{ secrets.topic }}\"}}}\n",
        ] {
            assert!(!is_configuration(text.as_bytes()), "{text}");
        }
    }
}
