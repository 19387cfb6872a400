//! The parts of Fluvio's schema that refuse a file: what every connector reads before its own part.
//!
//! The facts are Fluvio's: the names of the fields, which are required, and how sizes, durations and
//! compressions are written. A file is read as connectors read it, the version first, and the rest from
//! a `Value`, so that both refuse the same.

mod expected;
mod fields;

use serde::Deserialize;
use serde_yaml::Value;

pub(crate) use self::expected::Expectation;
use self::expected::expected;
use self::fields::{Config, FluviosVersion, Topic};
use crate::path::{Node, Path, PathStep, walk};

#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Misfit {
    pub(crate) path: Path,
    pub(crate) is_missing: bool,
    pub(crate) expected: Expectation,
}

/// Judges a document as every connector does.
pub(crate) fn judge(document: &Value) -> Result<(), Misfit> {
    let misfit = |path: Path, expected| Err(Misfit { path, is_missing: false, expected });
    let Some(map) = document.as_mapping() else {
        return misfit(Path::default(), Expectation::of("keys with values, like `meta:`", "{}"));
    };
    if let Some(path) = tagged(document) {
        let expected =
            Expectation::of("no tag (put a string that begins with ! in quotes)", "TEXT");
        return misfit(path, expected);
    }
    let Ok(version) =
        Option::<FluviosVersion>::deserialize(map.get("apiVersion").unwrap_or(&Value::Null))
    else {
        let expected = Expectation::of("`0.1.0` or `0.2.0`", "0.1.0");
        return misfit(Path::keys(&["apiVersion"]), expected);
    };
    let is_v2 = matches!(version, Some(FluviosVersion::V2));
    let judged = match is_v2 {
        false => read::<Config<String>>(document),
        true => read::<Config<Topic>>(document),
    };
    judged.map_err(|path| {
        let missing = missing(document, &path, is_v2);
        let is_missing = missing.is_some();
        let path = missing.unwrap_or(path);
        Misfit { expected: expected(&path, is_v2), is_missing, path }
    })
}

/// The first tag. Fluvio reads the version first, which may have a tag, and refuses tags in the rest.
fn tagged(document: &Value) -> Option<Path> {
    let mut found = None;
    walk(document, &mut |node, path| {
        let is_tagged = match node {
            // The keys at the top are not read again.
            Node::Key(key) => path.0.len() > 1 && matches!(key, Value::Tagged(_)),
            Node::Value(value) => !path.0.is_empty() && matches!(value, Value::Tagged(_)),
        };
        let is_version = matches!(path.0.first(), Some(PathStep::Key(key)) if key == "apiVersion");
        if is_tagged && !is_version && found.is_none() {
            found = Some(path.clone());
        }
    });
    found
}

fn read<'de, T: Deserialize<'de>>(value: &'de Value) -> Result<(), Path> {
    let Err(error) = serde_path_to_error::deserialize::<_, T>(value) else { return Ok(()) };
    let steps = error.path().iter().filter_map(|segment| match segment {
        serde_path_to_error::Segment::Seq { index } => Some(PathStep::Index(*index)),
        serde_path_to_error::Segment::Map { key } => Some(PathStep::Key(key.clone())),
        _ => None,
    });
    Err(Path(steps.collect()))
}

/// The required field that is missing, if the misfit is the map that should have it.
fn missing(document: &Value, path: &Path, is_v2: bool) -> Option<Path> {
    let last = path.0.last();
    let required: &[&str] = match (path.to_string().as_str(), is_v2) {
        ("meta.consumer.offset", _) => &["strategy"],
        (path, _)
            if path.starts_with("transforms[") && matches!(last, Some(PathStep::Index(_))) =>
        {
            &["uses"]
        }
        ("", _) => &["meta"],
        ("meta", _) => &["name", "type", "topic", "version"],
        ("meta.topic", true) => &["meta"],
        ("meta.topic.meta", true) => &["name"],
        _ => return None,
    };
    let map = path.of(document)?.as_mapping()?;
    let missing = required.iter().find(|field| !map.contains_key(**field))?;
    Some(path.with(PathStep::Key((*missing).to_owned())))
}

#[cfg(test)]
mod tests {
    use super::judge;

    /// The place of what is refused.
    fn refused(meta: &str, rest: &str) -> Option<String> {
        let text = format!("meta: {{name: c, type: t, topic: t, version: v{meta}}}\n{rest}");
        let document = serde_yaml::from_str(&text).expect("YAML");
        judge(&document).err().map(|misfit| misfit.path.to_string())
    }

    #[test]
    fn tags_are_refused_wherever_they_are() {
        for (rest, place) in [
            ("a: !t b", "a"),
            ("a: {b: [1, !t {c: d}]}", "a.b[1]"),
            ("a: {!t b: c}", "a.b"),
            ("a: {secret: !t {name: X}}", "a.secret"),
        ] {
            assert_eq!(refused("", rest).as_deref(), Some(place), "{rest}");
        }
        assert_eq!(refused("", "a: !!str b\n!t c: d"), None);
        assert_eq!(refused("", "apiVersion: !0.1.0"), None);
    }

    #[test]
    fn what_fluvio_refuses_is_told_by_its_place() {
        for (meta, place) in [
            (", producer: {linger: \"0\"}", "meta.producer.linger"),
            (", producer: {linger: 1.5s}", "meta.producer.linger"),
            (
                ", consumer: {offset: {strategy: auto, start: {from-end: 4294967296}}}",
                "meta.consumer.offset.start",
            ),
            (", producer: {linger: 1s, batch-size: 1mb}", ""),
            (", consumer: {offset: {strategy: auto, start: {from-end: 1}}}", ""),
            (
                ", consumer: {offset: {strategy: auto, start: {from-end: 1, x: y}}}",
                "meta.consumer.offset.start",
            ),
        ] {
            assert_eq!(refused(meta, "").unwrap_or_default(), place, "{meta}");
        }
    }
}
