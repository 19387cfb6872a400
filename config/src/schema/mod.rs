//! The parts of Fluvio's schema that refuse a file: what every connector reads before its own part.
//!
//! The facts are Fluvio's: the names of the fields, which are required, and how sizes, durations and
//! compressions are written. A file is read as connectors read it, the version first, and the rest from
//! a `Value`, so that both refuse the same.

use std::collections::BTreeMap;
use std::time::Duration;

use bytesize::ByteSize;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, de};
use serde_yaml::{Mapping, Value};

use crate::path::{Path, Step};

/// Where a file is not what Fluvio reads, and what Fluvio reads there.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Misfit {
    pub(crate) path: Path,
    /// Whether nothing is there at all.
    pub(crate) is_missing: bool,
    pub(crate) expected: Expected,
}

/// Judges a document as every connector does.
pub(crate) fn judge(document: &Value) -> Result<(), Misfit> {
    let misfit = |path: Path, expected| Err(Misfit { path, is_missing: false, expected });
    let Some(map) = document.as_mapping() else {
        return misfit(Path::default(), Expected::of("keys with values, like `meta:`", "{}"));
    };
    if let Some(path) = tagged(map) {
        return misfit(
            path,
            Expected::of("no tag; a text that begins with ! is in quotes", "TEXT"),
        );
    }
    let version = match map.get("apiVersion") {
        None | Some(Value::Null) => Version::V0,
        Some(value) => match Version::deserialize(value) {
            Ok(version) => version,
            Err(_) => {
                let expected = Expected::of("`0.1.0` or `0.2.0`", "0.1.0");
                return misfit(Path::keys(&["apiVersion"]), expected);
            }
        },
    };
    let mut rest = map.clone();
    rest.remove("apiVersion");
    let rest = Value::Mapping(rest);
    let judged = match version {
        Version::V0 | Version::V1 => read::<Config<String>>(&rest),
        Version::V2 => read::<Config<Topic>>(&rest),
    };
    match judged {
        Ok(()) => Ok(()),
        Err(path) => {
            let missing = missing(&rest, &path, &version);
            let is_missing = missing.is_some();
            let path = missing.unwrap_or(path);
            let expected = expected(&path, &version);
            Err(Misfit { path, is_missing, expected })
        }
    }
}

/// The first tag. Fluvio reads a file in two steps, and has no tags in the second one: that the
/// version is a tag is all it takes.
fn tagged(document: &Mapping) -> Option<Path> {
    fn find(value: &Value, path: &mut Path) -> bool {
        match value {
            Value::Tagged(_) => true,
            Value::Mapping(map) => map.iter().any(|(key, value)| {
                path.0.push(Step::Key(key.as_str().unwrap_or("?").to_owned()));
                // Those of the keys at the top are not looked at again.
                let is_tagged = path.0.len() > 1 && matches!(key, Value::Tagged(_));
                let is_found = is_tagged || find(value, path);
                if !is_found {
                    path.0.pop();
                }
                is_found
            }),
            Value::Sequence(values) => values.iter().enumerate().any(|(at, value)| {
                path.0.push(Step::Index(at));
                let is_found = find(value, path);
                if !is_found {
                    path.0.pop();
                }
                is_found
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
    }
    let mut rest = document.clone();
    rest.remove("apiVersion");
    let mut path = Path::default();
    find(&Value::Mapping(rest), &mut path).then_some(path)
}

fn read<'de, T: Deserialize<'de>>(value: &'de Value) -> Result<(), Path> {
    let Err(error) = serde_path_to_error::deserialize::<_, T>(value) else { return Ok(()) };
    let steps = error.path().iter().filter_map(|segment| match segment {
        serde_path_to_error::Segment::Seq { index } => Some(Step::Index(*index)),
        serde_path_to_error::Segment::Map { key } => Some(Step::Key(key.clone())),
        _ => None,
    });
    Err(Path(steps.collect()))
}

/// The required field that is not there, when the fault is at the map that should have it.
fn missing(document: &Value, path: &Path, version: &Version) -> Option<Path> {
    let last = path.0.last();
    let required: &[&str] = match (path.to_string().as_str(), version) {
        ("meta.consumer.offset", _) => &["strategy"],
        (path, _) if path.starts_with("transforms[") && matches!(last, Some(Step::Index(_))) => {
            &["uses"]
        }
        ("", _) => &["meta"],
        ("meta", _) => &["name", "type", "topic", "version"],
        ("meta.topic", Version::V2) => &["meta"],
        ("meta.topic.meta", Version::V2) => &["name"],
        _ => return None,
    };
    let mut at = document;
    for step in &path.0 {
        at = match step {
            Step::Key(key) => at.get(key)?,
            Step::Index(index) => at.get(*index)?,
        };
    }
    at.as_mapping()?;
    let missing = required.iter().find(|field| at.get(**field).is_none())?;
    Some(path.with(Step::Key((*missing).to_owned())))
}

/// What Fluvio reads at a place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Expected {
    /// In words.
    pub(crate) what: &'static str,
    /// One that it reads, as it is written.
    pub(crate) sample: &'static str,
    /// What stands for it while the rest is judged. Without one it can be left out.
    pub(crate) right: Option<&'static str>,
    /// Whether it is any text.
    pub(crate) is_text: bool,
    /// Whether it is a text of a form of its own, like a duration.
    pub(crate) is_typed: bool,
    /// The version in which a map is read here.
    pub(crate) version: Option<&'static str>,
}

impl Expected {
    const fn of(what: &'static str, sample: &'static str) -> Self {
        Self { what, sample, right: None, is_text: false, is_typed: false, version: None }
    }

    const fn text(sample: &'static str) -> Self {
        Self { is_text: true, right: Some(sample), ..Self::of("a text", sample) }
    }

    const fn typed(what: &'static str, sample: &'static str) -> Self {
        Self { is_typed: true, ..Self::of(what, sample) }
    }
}

const TOPIC: Expected = Expected {
    right: Some("{meta: {name: TOPIC}}"),
    ..Expected::of("a map, as apiVersion 0.2.0 has it", "{meta: {name: TOPIC}}")
};
const META: Expected = Expected {
    right: Some("{name: NAME, type: TYPE, topic: TOPIC, version: 0.1.0}"),
    ..Expected::of(
        "a map with `name`, `type`, `topic` and `version`",
        "{name: NAME, type: TYPE, topic: TOPIC, version: 0.1.0}",
    )
};
const META_V2: Expected = Expected {
    right: Some("{name: NAME, type: TYPE, topic: {meta: {name: TOPIC}}, version: 0.1.0}"),
    ..Expected::of(
        "a map with `name`, `type`, `topic` and `version`",
        "{name: NAME, type: TYPE, topic: {meta: {name: TOPIC}}, version: 0.1.0}",
    )
};

fn expected(path: &Path, version: &Version) -> Expected {
    let path = path.to_string();
    let last = path.rsplit('.').next().unwrap_or_default();
    let is_v2 = matches!(version, Version::V2);
    match (&*path, last) {
        ("meta", _) if is_v2 => META_V2,
        ("meta", _) => META,
        ("meta.topic", _) if is_v2 => TOPIC,
        ("meta.topic", _) => Expected { version: Some("0.2.0"), ..Expected::text("TOPIC") },
        ("meta.secrets", _) => Expected::of("a list of `- name: NAME`", "[{name: NAME}]"),
        _ if path.starts_with("meta.secrets[") && last == "name" => Expected {
            right: Some("NAME"),
            ..Expected::of("a secret's name: letters, digits and _", "NAME")
        },
        _ if path.starts_with("meta.secrets[") => {
            Expected::of("a map with the name of a secret", "{name: NAME}")
        }
        ("meta.version", _) => Expected::text("0.1.0"),
        ("meta.name", _) | (_, "name" | "uses" | "id") => Expected::text("NAME"),
        ("meta.type", _) => Expected::text("TYPE"),
        (_, "flush-period") => {
            Expected::of("a map with seconds and nanoseconds", "{secs: 10, nanos: 0}")
        }
        (_, "linger" | "time" | "age") => Expected::typed("a duration", "10s"),
        ("meta.producer.compression", _) => {
            Expected::typed("`none`, `gzip`, `snappy`, `lz4` or `zstd`", "gzip")
        }
        ("meta.topic.compression.type", _) => {
            Expected::typed("`Any`, `None`, `Gzip`, `Snappy`, `Lz4` or `Zstd`", "Gzip")
        }
        (
            _,
            "batch-size" | "batch_size" | "max-bytes" | "max_bytes" | "max-size" | "segment-size",
        ) => Expected::typed("a size", "1mb"),
        (_, "strategy") => Expected {
            right: Some("auto"),
            ..Expected::typed("`none`, `manual` or `auto`", "auto")
        },
        (_, "start") => Expected::typed("`beginning`, `end`, or a map with a number", "beginning"),
        ("meta.consumer.partition", _) => {
            Expected::typed("`all`, a number, or a list of numbers", "all")
        }
        (_, "count" | "replication" | "last") => Expected::typed("a number", "1"),
        ("meta.topic.meta", _) => Expected {
            right: Some("{name: TOPIC}"),
            ..Expected::of("a map with a name", "{name: TOPIC}")
        },
        ("transforms", _) => Expected::of("a list of `- uses: NAME`", "[{uses: NAME}]"),
        _ if path.starts_with("transforms[") && last.starts_with("transforms[") => {
            Expected::of("a map with `uses`", "{uses: NAME}")
        }
        (_, "with" | "lookback") => Expected::of("a map", "{}"),
        _ if path.starts_with("transforms[") => Expected {
            right: Some("TEXT"),
            is_text: true,
            ..Expected::of("a text, a list or a map", "TEXT")
        },
        (_, "offset") => Expected::of("a map with `strategy`", "{strategy: auto}"),
        _ => Expected::of("a map", "{}"),
    }
}

#[derive(Deserialize)]
enum Version {
    #[serde(rename = "0.0.0")]
    V0,
    #[serde(rename = "0.1.0")]
    V1,
    #[serde(rename = "0.2.0")]
    V2,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "that the fields can be read is all that is asked")]
struct Config<Topic> {
    meta: Meta<Topic>,
    #[serde(default)]
    transforms: Vec<Transform>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "as above")]
struct Meta<Topic> {
    name: String,
    r#type: String,
    topic: Topic,
    version: String,
    #[serde(default)]
    producer: Option<Producer>,
    #[serde(default)]
    consumer: Option<Consumer>,
    #[serde(default)]
    secrets: Option<Vec<Secret>>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "as above")]
struct Secret {
    #[serde(deserialize_with = "secret_name")]
    name: (),
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "as above")]
struct Producer {
    #[serde(default, deserialize_with = "maybe_duration")]
    linger: (),
    #[serde(default)]
    compression: Option<Compression>,
    #[serde(default, rename = "batch-size", alias = "batch_size", deserialize_with = "maybe_size")]
    batch_size: (),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Compression {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(dead_code, reason = "as above")]
struct Consumer {
    #[serde(default)]
    partition: Partitions,
    #[serde(default, alias = "max_bytes", deserialize_with = "maybe_size")]
    max_bytes: (),
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    offset: Option<Offset>,
}

/// `all`, a number, or a list of numbers.
#[derive(Default)]
struct Partitions;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(dead_code, reason = "as above")]
struct Offset {
    #[serde(default)]
    start: Option<Start>,
    strategy: Strategy,
    /// As serde has it: a map of seconds and nanoseconds.
    #[serde(default)]
    flush_period: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Strategy {
    None,
    Manual,
    Auto,
}

/// `beginning`, `end`, or a map of one of three keys with a number.
struct Start;

#[derive(Deserialize)]
#[allow(dead_code, reason = "as above")]
struct Transform {
    uses: String,
    #[serde(default)]
    lookback: Option<Lookback>,
    #[serde(default)]
    with: BTreeMap<String, Parameter>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "as above")]
struct Lookback {
    #[serde(default)]
    last: u64,
    #[serde(default, deserialize_with = "maybe_duration")]
    age: (),
}

/// A text, a list or a map: what becomes JSON. A bare number or truth value does not.
struct Parameter;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(dead_code, reason = "as above")]
struct Topic {
    #[serde(default)]
    version: String,
    meta: TopicMeta,
    #[serde(default)]
    partition: TopicPartition,
    #[serde(default)]
    retention: Retention,
    #[serde(default)]
    compression: TopicCompression,
    #[serde(default)]
    deduplication: Option<Deduplication>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "as above")]
struct TopicMeta {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(dead_code, reason = "as above")]
struct TopicPartition {
    #[serde(default)]
    count: Option<u32>,
    #[serde(default, deserialize_with = "maybe_size")]
    max_size: (),
    #[serde(default)]
    replication: Option<u32>,
    #[serde(default)]
    ignore_rack_assignment: Option<bool>,
    #[serde(default)]
    maps: Option<Vec<PartitionMap>>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "as above")]
struct PartitionMap {
    id: u32,
    replicas: Vec<i32>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(dead_code, reason = "as above")]
struct Retention {
    #[serde(default, deserialize_with = "maybe_duration")]
    time: (),
    #[serde(default, deserialize_with = "maybe_size")]
    segment_size: (),
}

#[derive(Default, Deserialize)]
#[allow(dead_code, reason = "as above")]
struct TopicCompression {
    #[serde(default)]
    r#type: TopicAlgorithm,
}

/// Written with a capital, other than the compression of a producer.
#[derive(Default, Deserialize)]
enum TopicAlgorithm {
    None,
    Gzip,
    Snappy,
    Lz4,
    #[default]
    Any,
    Zstd,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "as above")]
struct Deduplication {
    bounds: Bounds,
    filter: Filter,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "as above")]
struct Bounds {
    count: std::num::NonZeroU64,
    #[serde(default, deserialize_with = "maybe_duration")]
    age: (),
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "as above")]
struct Filter {
    transform: FilterTransform,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "as above")]
struct FilterTransform {
    uses: String,
    #[serde(default)]
    with: BTreeMap<String, String>,
}

fn secret_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    let name = String::deserialize(deserializer)?;
    match name.parse::<fluvio_secret_protocol::SecretName>() {
        // Fluvio has no limit of the length.
        Ok(_) | Err(fluvio_secret_protocol::BadName::Long) => Ok(()),
        Err(_) => Err(D::Error::custom("a bad name")),
    }
}

fn maybe_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    match Option::<String>::deserialize(deserializer)? {
        Some(text) => humantime::parse_duration(&text).map(|_| ()).map_err(D::Error::custom),
        None => Ok(()),
    }
}

fn maybe_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    match Option::<Value>::deserialize(deserializer)? {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(text)) => {
            text.parse::<ByteSize>().map(|_| ()).map_err(|_| D::Error::custom("no size"))
        }
        Some(Value::Number(number)) if number.is_u64() => Ok(()),
        Some(_) => Err(D::Error::custom("no size")),
    }
}

impl<'de> Deserialize<'de> for Partitions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let is_number = |value: &Value| value.as_u64().is_some_and(|n| u32::try_from(n).is_ok());
        match Value::deserialize(deserializer)? {
            Value::String(text) if text == "all" => Ok(Self),
            Value::Sequence(values) if values.iter().all(is_number) => Ok(Self),
            value if is_number(&value) => Ok(Self),
            _ => Err(D::Error::custom("no partitions")),
        }
    }
}

impl<'de> Deserialize<'de> for Start {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let map = value.as_mapping().filter(|map| map.len() == 1);
        let first = map.and_then(|map| map.iter().next());
        let is_start = match (&value, first) {
            (Value::String(text), _) => text == "beginning" || text == "end",
            (_, Some((key, number))) => match key.as_str() {
                Some("absolute") => number.is_i64(),
                Some("from-beginning" | "from-end") => {
                    number.as_u64().is_some_and(|number| u32::try_from(number).is_ok())
                }
                _ => false,
            },
            _ => false,
        };
        if is_start { Ok(Self) } else { Err(D::Error::custom("no start")) }
    }
}

impl<'de> Deserialize<'de> for Parameter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Parameter;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text, a list or a map")
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Parameter, E> {
                Ok(Parameter)
            }

            fn visit_map<M: de::MapAccess<'de>>(self, map: M) -> Result<Parameter, M::Error> {
                let map = de::value::MapAccessDeserializer::new(map);
                serde_json::Value::deserialize(map).map(|_| Parameter)
            }

            fn visit_seq<S: de::SeqAccess<'de>>(self, seq: S) -> Result<Parameter, S::Error> {
                let seq = de::value::SeqAccessDeserializer::new(seq);
                serde_json::Value::deserialize(seq).map(|_| Parameter)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
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
