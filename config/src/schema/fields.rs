//! The fields of a configuration that Fluvio reads, with their types.

#![allow(dead_code, reason = "the fields are read to see whether they can be")]

use std::collections::BTreeMap;
use std::time::Duration;

use bytesize::ByteSize;
use fluvio_secret_protocol::{BadName, SecretName};
use serde::Deserialize;
use serde::de::{self, Deserializer, Error};
use serde_yaml::Value;

#[derive(Deserialize)]
pub(super) enum FluviosVersion {
    #[serde(rename = "0.0.0")]
    V0,
    #[serde(rename = "0.1.0")]
    V1,
    #[serde(rename = "0.2.0")]
    V2,
}

#[derive(Deserialize)]
pub(super) struct Config<Topic> {
    meta: Meta<Topic>,
    #[serde(default)]
    transforms: Vec<Transform>,
}

#[derive(Deserialize)]
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
    secrets: Option<Vec<DeclaredSecret>>,
}

#[derive(Deserialize)]
struct DeclaredSecret {
    #[serde(deserialize_with = "secret_name")]
    name: (),
}

#[derive(Deserialize)]
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
struct Offset {
    #[serde(default)]
    start: Option<OffsetStart>,
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
struct OffsetStart;

#[derive(Deserialize)]
struct Transform {
    uses: String,
    #[serde(default)]
    lookback: Option<Lookback>,
    #[serde(default)]
    with: BTreeMap<String, Parameter>,
}

#[derive(Deserialize)]
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
pub(super) struct Topic {
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
struct TopicMeta {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
struct PartitionMap {
    id: u32,
    replicas: Vec<i32>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Retention {
    #[serde(default, deserialize_with = "maybe_duration")]
    time: (),
    #[serde(default, deserialize_with = "maybe_size")]
    segment_size: (),
}

#[derive(Default, Deserialize)]
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
struct Deduplication {
    bounds: Bounds,
    filter: Filter,
}

#[derive(Deserialize)]
struct Bounds {
    count: std::num::NonZeroU64,
    #[serde(default, deserialize_with = "maybe_duration")]
    age: (),
}

#[derive(Deserialize)]
struct Filter {
    transform: FilterTransform,
}

#[derive(Deserialize)]
struct FilterTransform {
    uses: String,
    #[serde(default)]
    with: BTreeMap<String, String>,
}

fn secret_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    let name = String::deserialize(deserializer)?;
    match name.parse::<SecretName>() {
        // Fluvio has no limit of the length.
        Ok(_) | Err(BadName::Long) => Ok(()),
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

impl<'de> Deserialize<'de> for OffsetStart {
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
