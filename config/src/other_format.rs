//! Files that are not configurations of connectors, recognized by their first lines.

use fluvio_secret_protocol::check::Finding;

use crate::finding;
use crate::source_map::Location;

pub(crate) fn toml(text: &str) -> Option<Finding> {
    let told = "this is TOML, like a Connector.toml, not a connector's configuration";
    let remedy =
        "pass the configuration, which is YAML with a key `meta:`, like sample-config.yaml";
    is_toml(text).then(|| finding::error("toml", Location::START, told, remedy))
}

/// Whether the first line opens a table or sets a key.
fn is_toml(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
    is_table(first) || is_setting(first)
}

/// `[package]` or `[[bin]]`, with nothing after it but a comment.
fn is_table(line: &str) -> bool {
    let line = line.split('#').next().unwrap_or_default().trim();
    let one = |line: &str| Some(line.strip_prefix('[')?.strip_suffix(']')?.to_owned());
    let Some(inside) = one(line) else { return false };
    is_key(one(&inside).as_deref().unwrap_or(&inside))
}

/// `name = "value"`.
fn is_setting(line: &str) -> bool {
    let Some((key, value)) = line.split_once('=') else { return false };
    key.ends_with([' ', '\t']) && is_key(key.trim()) && !value.trim().is_empty()
}

fn is_key(key: &str) -> bool {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || "-_. \"'".contains(c);
    !key.is_empty() && !key.starts_with(['-', ' ']) && key.chars().all(is_fit)
}

#[cfg(test)]
mod tests {
    use super::is_toml;

    #[test]
    fn toml_is_told_from_yaml_by_its_first_line() {
        for toml in [
            "[package]\nname = \"c\"\n",
            "# a comment\n\n[package]\n[direction]\n",
            "[[deployment]] # first\n",
            "name = \"c\"\nversion = 1\n",
            "a.b = 1\n",
        ] {
            assert!(is_toml(toml), "{toml}");
        }
        for yaml in ["", "meta:\n", "[a, b]\n", "url: a = b\n", "[{name: c}]\n", "- a = b\n", "A=b"]
        {
            assert!(!is_toml(yaml), "{yaml}");
        }
    }
}
